//! The ledger, the outcomes, the audit trail and the log's own tables: every edit of them is found.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::attack::{Attack, check};
use super::fixture::AuditorFixture;

/// An entry in the middle that changed something.
const MIDDLE: &str =
    "(select min(e.index) from tlog.entry as e join audit.trail as a on a.commitment_key = e.key
    where e.index > 10)";

/// Every column of the ledger, of outcomes and of the audit trail, each of another commitment.
#[test]
fn no_cell_of_the_evidence_can_be_edited() -> Result<()> {
    const LEDGER: &str = "ledger.commitment_ledger";
    const OUTCOME: &str = "ledger.commitment_outcome";
    const AUDIT: &str = "audit.trail";
    const OTHER_KIND: &str = "'nobody'";
    let cells = [
        (LEDGER, "fingerprint", r"sha256('x')"),
        (
            LEDGER,
            "principal_kind",
            "case principal_kind when 'agent' then 'human' else 'agent' end",
        ),
        (LEDGER, "principal_id", "principal_id || 'x'"),
        (LEDGER, "operation", "operation || 'x'"),
        (LEDGER, "resource", "resource || 'x'"),
        (LEDGER, "attempt", "attempt || 'x'"),
        (LEDGER, "xid", "'1'"),
        (
            LEDGER,
            "occurred_at",
            "coalesce(occurred_at, claimed_at) + interval '1 microsecond'",
        ),
        (
            LEDGER,
            "claimed_at",
            "claimed_at - interval '1 microsecond'",
        ),
        (OUTCOME, "principal_kind", OTHER_KIND),
        (OUTCOME, "principal_id", "principal_id || 'x'"),
        (OUTCOME, "allocator_id", "gen_random_uuid()"),
        (OUTCOME, "status", "401 - status"),
        (OUTCOME, "body", r#"body || '{"x": 1}'"#),
        (OUTCOME, "committed_at", "'infinity'"),
        (OUTCOME, "leaf", "leaf || ' '"),
        (OUTCOME, "xid", "'1'"),
        (OUTCOME, "epoch", "epoch + 1"),
        (AUDIT, "changes", "(changes::text || ' ')::json"),
        (AUDIT, "allocator_id", "gen_random_uuid()"),
        (AUDIT, "actor_kind", OTHER_KIND),
        (AUDIT, "actor_id", "actor_id || 'x'"),
        (AUDIT, "at", "at + interval '1 microsecond'"),
        (AUDIT, "mutation_hash", "sha256('x')"),
        (AUDIT, "xid", "'1'"),
    ];
    let fixture = AuditorFixture::shared()?;
    let places = fixture.base.admin()?.query(
        "select e.index, min(a.id) from tlog.entry as e join audit.trail as a on a.commitment_key = e.key
        where e.index > 0
        group by e.index order by e.index limit $1",
        &[&i64::try_from(cells.len())?],
    )?;
    assert_eq!(
        places.len(),
        cells.len(),
        "each cell is of a commitment of its own"
    );
    let mut attack = String::new();
    for ((table, column, value), place) in cells.iter().zip(&places) {
        let (index, id): (i64, i64) = (place.try_get(0)?, place.try_get(1)?);
        let row = match *table {
            AUDIT => format!("id = {id}"),
            _ => format!("key = (select key from tlog.entry where index = {index})"),
        };
        writeln!(attack, "update {table} set {column} = {value} where {row};")?;
    }
    let answer = fixture.verify_after(&attack)?;
    let first: i64 = places[0].try_get(0)?;
    assert_eq!(
        (answer.code, &answer.said["first_bad_index"]),
        (1, &json!(first)),
        "{:#}",
        answer.said
    );
    let findings = answer.said["findings"].as_array().context("findings")?;
    for ((table, column, _), place) in cells.iter().zip(&places) {
        let index: i64 = place.try_get(0)?;
        // Transaction ids and epochs are not published: they are compared with the entry's.
        let (table, named) = match (*table, *column) {
            (LEDGER | OUTCOME, "xid" | "epoch") => ("tlog.entry", *column),
            (AUDIT, "xid") => (AUDIT, "xid"),
            (AUDIT, _) => (AUDIT, "mutation_hash"),
            (table, column) => (table, column),
        };
        let found = findings.iter().any(|finding| {
            let fields = finding["fields"].as_array();
            finding["index"] == index
                && finding["table"] == table
                && finding["kind"] == "row-differs"
                && fields.is_some_and(|fields| fields.iter().any(|field| field["name"] == named))
        });
        assert!(found, "{column} at {index}: {:#}", answer.said);
    }
    Ok(())
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn no_row_of_the_evidence_can_be_added_removed_or_moved() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let of_middle = format!("(select key from tlog.entry where index = {MIDDLE})");
    let middle = format!("select {MIDDLE}");
    let attack = |what, sql: String, index: &str, kind, table, column| Attack {
        what,
        sql,
        index: index.to_owned(),
        kind,
        table,
        column,
    };
    let with_leaf = "insert into ledger.commitment_ledger
            (key, fingerprint, principal_kind, principal_id, operation, resource, attempt, xid)
        values (sha256('x'), sha256('y'), 'system', 'x', 'x', '', 'x', '3');
        insert into ledger.commitment_outcome
            (key, principal_kind, principal_id, outcome, status, body, xid, epoch, leaf)
        values (sha256('x'), 'system', 'x', 'accepted', 200, '{}', '3', 1, '{}')";
    check(
        &fixture,
        &[
            attack(
                "the tail is cut: entry, outcome, claim and audit rows",
                "create temp table tail as select key from tlog.entry order by index desc limit 2;
                 delete from audit.trail where commitment_key in (table tail);
                 delete from ledger.commitment_outcome where key in (table tail);
                 delete from ledger.commitment_ledger where key in (table tail);
                 delete from tlog.node where (index + 1) << level > (select count(*) - 2 from tlog.entry);
                 delete from tlog.checkpoint where size > (select count(*) - 2 from tlog.entry);
                 delete from tlog.entry where key in (table tail)"
                    .to_owned(),
                "select count(*) - 2 from tlog.entry",
                "tail-cut",
                "tlog.entry",
                "",
            ),
            attack(
                "an entry is deleted",
                format!("delete from tlog.entry where key = {of_middle}"),
                &middle,
                "row-missing",
                "tlog.entry",
                "",
            ),
            attack(
                "a claim is deleted",
                format!("delete from ledger.commitment_ledger where key = {of_middle}"),
                &middle,
                "row-missing",
                "ledger.commitment_ledger",
                "",
            ),
            attack(
                "an outcome is deleted",
                format!("delete from ledger.commitment_outcome where key = {of_middle}"),
                &middle,
                "row-missing",
                "ledger.commitment_outcome",
                "",
            ),
            attack(
                "an audit row is deleted",
                format!(
                    "delete from audit.trail
                    where id = (select max(id) from audit.trail where commitment_key = {of_middle})"
                ),
                &middle,
                "audit-differs",
                "audit.trail",
                "number of entries",
            ),
            attack(
                "an audit row is added, with its right hash",
                format!(
                    "insert into audit.trail
                        (xid, commitment_key, allocator_id, changes, actor_kind, actor_id, at, mutation_hash)
                    select xid, commitment_key, allocator_id, changes, actor_kind, actor_id, at, audit.mutation_hash(a)
                    from audit.trail as a
                    where id = (select max(id) from audit.trail where commitment_key = {of_middle})"
                ),
                &middle,
                "audit-differs",
                "audit.trail",
                "number of entries",
            ),
            attack(
                "an audit row gets another commitment",
                "update audit.trail set commitment_key = sha256('x')
                where id = (select max(id) from audit.trail)"
                    .to_owned(),
                "select max(e.index) from tlog.entry as e
                where e.key = (select commitment_key from audit.trail order by id desc limit 1)",
                "row-extra",
                "audit.trail",
                "",
            ),
            attack(
                "two entries change places",
                "create temp table swap as select index, key from tlog.entry where index in (12, 15);
                 delete from tlog.entry where index in (12, 15);
                 insert into tlog.entry (index, previous, key, epoch, xid)
                 select 27 - s.index, 26 - s.index, s.key, o.epoch, o.xid
                 from swap as s join ledger.commitment_outcome as o using (key)"
                    .to_owned(),
                "select 12::int8",
                "row-reordered",
                "tlog.entry",
                "key",
            ),
            attack(
                "a commitment of the past is added",
                with_leaf.to_owned(),
                "",
                "row-extra",
                "ledger.commitment_outcome",
                "",
            ),
            attack(
                "a node of the tree is another",
                "update tlog.node set hash = sha256('x') where level = 0 and index = 7".to_owned(),
                "select 7::int8",
                "row-differs",
                "tlog.node",
                "",
            ),
            attack(
                "a node of the tree is gone",
                "delete from tlog.node where level = 2 and index = 1".to_owned(),
                "select 7::int8",
                "row-missing",
                "tlog.node",
                "",
            ),
            attack(
                "a recorded checkpoint has another root",
                "update tlog.checkpoint set root = sha256('x')
                where size = (select min(size) from tlog.checkpoint)"
                    .to_owned(),
                "select min(size) - 1 from tlog.checkpoint",
                "checkpoint-differs",
                "tlog.checkpoint",
                "",
            ),
            attack(
                "a recorded checkpoint has another note",
                "update tlog.checkpoint set note = (select note from tlog.checkpoint order by size desc limit 1)
                 where size = (select min(size) from tlog.checkpoint)"
                    .to_owned(),
                "select min(size) - 1 from tlog.checkpoint",
                "checkpoint-differs",
                "tlog.checkpoint",
                "",
            ),
        ],
    )
}
