//! What the superuser does, with triggers and foreign keys off, and where it shows.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tlog::checkpoint::Checkpoint;
use tlog::note::SigningKey;
use tlog::tiles::Builder;

use super::fixture::AuditorFixture;

/// An entry in the middle that changed something.
const MIDDLE: &str =
    "(select min(e.index) from tlog.entry as e join audit.trail as a on a.commitment_key = e.key
    where e.index > 10)";

/// Whether some finding is of this kind, about this table, and names this column.
fn names(said: &Value, kind: &str, table: &str, column: &str) -> bool {
    said["findings"].as_array().is_some_and(|findings| {
        findings.iter().any(|finding| {
            let columns = finding["fields"].as_array();
            finding["kind"] == kind
                && finding["table"] == table
                && (column.is_empty()
                    || columns.is_some_and(|columns| columns.iter().any(|it| it["name"] == column)))
        })
    })
}

struct Attack {
    what: &'static str,
    sql: String,
    /// The first bad index, as the untouched database has it; null where the row has none.
    index: String,
    kind: &'static str,
    table: &'static str,
    column: &'static str,
}

fn check(fixture: &AuditorFixture, attacks: &[Attack]) -> Result<()> {
    for attack in attacks {
        let answer = fixture.after(&attack.sql).context(attack.what)?;
        let index = match attack.index.as_str() {
            "" => Value::Null,
            sql => json!(fixture.ask(sql)?),
        };
        let said = &answer.said;
        assert_eq!(
            (answer.code, &said["first_bad_index"]),
            (1, &index),
            "{}: {said:#}",
            attack.what
        );
        assert!(
            names(said, attack.kind, attack.table, attack.column),
            "{}: {said:#}",
            attack.what
        );
    }
    Ok(())
}

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
        (AUDIT, "table_name", "table_name || 'x'"),
        (AUDIT, "row_key", r#"row_key || '{"x": 1}'"#),
        (AUDIT, "new_row", r#"new_row || '{"x": 1}'"#),
        (AUDIT, "actor_kind", OTHER_KIND),
        (AUDIT, "actor_id", "actor_id || 'x'"),
        (AUDIT, "at", "at + interval '1 microsecond'"),
        (AUDIT, "mutation_hash", "sha256('x')"),
        (AUDIT, "xid", "'1'"),
    ];
    let fixture = AuditorFixture::shared()?;
    let places = fixture.base.admin()?.query(
        "select e.index, min(a.id) from tlog.entry as e join audit.trail as a on a.commitment_key = e.key
        where e.index > 0 and a.new_row is not null
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
    let answer = fixture.after(&attack)?;
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
        // The transaction's id and its epoch are not published: that they agree with the entry's is.
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
// A table: each attack beside what it must come to.
#[allow(clippy::too_many_lines)]
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
                format!("delete from audit.trail where id = (select max(id) from audit.trail where commitment_key = {of_middle})"),
                &middle,
                "audit-differs",
                "audit.trail",
                "number of rows",
            ),
            attack(
                "an audit row is added, with its right hash",
                format!(
                    "insert into audit.trail (xid, commitment_key, allocator_id, table_name, row_key, operation, old_row, new_row,
                        actor_kind, actor_id, at, mutation_hash)
                    select xid, commitment_key, allocator_id, table_name, row_key, operation, old_row, new_row,
                        actor_kind, actor_id, at, audit.mutation_hash(a)
                    from audit.trail as a where id = (select max(id) from audit.trail where commitment_key = {of_middle})"
                ),
                &middle,
                "audit-differs",
                "audit.trail",
                "number of rows",
            ),
            attack(
                "an audit row of no commitment",
                "update audit.trail set commitment_key = sha256('x') where id = (select max(id) from audit.trail)".to_owned(),
                "select max(e.index) from tlog.entry as e where e.key = (select commitment_key from audit.trail order by id desc limit 1)",
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
                "a commitment of long ago is added",
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
                "update tlog.checkpoint set root = sha256('x') where size = (select min(size) from tlog.checkpoint)".to_owned(),
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

/// The present, with the past left as it was.
#[test]
fn a_current_row_that_differs_from_its_trail_is_found() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let settled = "(select settlement_id from capital.settlement where status = 'SETTLED' order by 1 limit 1)";
    let last_change = format!(
        "select max(e.index) from tlog.entry as e join audit.trail as a on a.commitment_key = e.key
        where a.table_name = 'capital.settlement' and a.row_key ->> 'settlement_id' = {settled}::text"
    );
    let attacks = [
        Attack {
            what: "an amount is edited",
            sql: format!("update capital.settlement set amount_minor = amount_minor + 1 where settlement_id = {settled}"),
            index: last_change.clone(),
            kind: "row-differs",
            table: "capital.settlement",
            column: "amount_minor",
        },
        Attack {
            what: "a settlement is rewound within its own legal history",
            sql: format!(
                "update capital.settlement set version = 2, previous_status = 'PENDING', status = 'VERIFIED'
                where settlement_id = {settled}"
            ),
            index: last_change.clone(),
            kind: "row-differs",
            table: "capital.settlement",
            column: "status",
        },
        Attack {
            what: "a settlement is gone",
            sql: format!("delete from capital.settlement where settlement_id = {settled}"),
            index: last_change,
            kind: "row-missing",
            table: "capital.settlement",
            column: "",
        },
        Attack {
            what: "a revoked role is back",
            sql: "insert into capital.member_role (sub, allocator_id, role, granted_at)
                select (old_row ->> 'sub')::uuid, (old_row ->> 'allocator_id')::uuid, old_row ->> 'role',
                    (old_row ->> 'granted_at')::timestamptz
                from audit.trail where table_name = 'capital.member_role' and operation = 'DELETE'"
                .to_owned(),
            index: "select max(e.index) from tlog.entry as e join audit.trail as a on a.commitment_key = e.key
                where a.table_name = 'capital.member_role' and a.operation = 'DELETE'"
                .to_owned(),
            kind: "row-extra",
            table: "capital.member_role",
            column: "",
        },
        Attack {
            what: "a role that nobody granted",
            sql: "insert into capital.member_role (sub, allocator_id, role)
                select m.sub, m.allocator_id, r.role
                from capital.member as m, (values ('viewer'), ('maker'), ('checker')) as r (role)
                where not exists (
                    select from audit.trail as a
                    where a.table_name = 'capital.member_role' and a.row_key ->> 'sub' = m.sub::text
                        and a.row_key ->> 'role' = r.role
                )
                limit 1"
                .to_owned(),
            index: String::new(),
            kind: "row-without-trail",
            table: "capital.member_role",
            column: "",
        },
        Attack {
            what: "a balance is edited",
            sql: "update capital.account set balance_minor = balance_minor + 1
                where account_id = (select account_id from capital.account where kind = 'available' order by 1 limit 1)"
                .to_owned(),
            index: "select max(e.index) from tlog.entry as e join audit.trail as a on a.commitment_key = e.key
                where a.table_name = 'capital.account' and a.row_key ->> 'account_id' = (
                    select account_id::text from capital.account where kind = 'available' order by account_id limit 1)"
                .to_owned(),
            kind: "row-differs",
            table: "capital.account",
            column: "balance_minor",
        },
    ];
    check(&fixture, &attacks)?;

    // Everything that a verification may rest on is under the trail.
    check(&fixture, &of_collateral())?;

    // Numbers and states are shown with what they were; names of people and firms are not.
    let answer = fixture.after(&format!(
        "update capital.settlement set amount_minor = 77, reference = 'hush' where settlement_id = {settled}"
    ))?;
    let fields = &answer.said["findings"][0]["fields"];
    assert_eq!(fields[0]["found"], "77", "{fields}");
    assert!(!answer.said.to_string().contains("hush"), "{}", answer.said);
    Ok(())
}

/// A migration is no commitment: what it adds is in no audit row before it, and the same in all rows.
/// One row of each of these is changed: the last of its trail.
fn of_collateral() -> Vec<Attack> {
    let edits = [
        (
            "an asset is worth more",
            "collateral.valuation",
            "value_minor",
            "value_minor + 1",
        ),
        (
            "a sum is more",
            "collateral.kind_sum",
            "value_minor",
            "value_minor + 1",
        ),
        (
            "a filing is younger",
            "collateral.filing",
            "filed_on",
            "filed_on + 1",
        ),
        (
            "a filing lapses later",
            "collateral.filing_standing",
            "lapse_on",
            "lapse_on + 1",
        ),
        (
            "a base was more",
            "collateral.borrowing_base",
            "inputs",
            "inputs || ' '",
        ),
        (
            "a release was of something else",
            "collateral.release",
            "content",
            "content || ' '",
        ),
        (
            "a warning is closed",
            "collateral.warning",
            "closed_at",
            "opened_at",
        ),
    ];
    let last = |table: &str| {
        format!(
            "select a.row_key from audit.trail as a where a.table_name = '{table}' order by a.id desc limit 1"
        )
    };
    edits
        .map(|(what, table, column, value)| Attack {
            what,
            sql: format!("update {table} as t set {column} = {value} where to_jsonb(t) @> ({})", last(table)),
            index: format!(
                "select max(e.index) from tlog.entry as e join audit.trail as a on a.commitment_key = e.key
                where a.table_name = '{table}' and a.row_key = ({})",
                last(table)
            ),
            kind: "row-differs",
            table,
            column,
        })
        .into()
}

#[test]
fn a_column_added_later_must_hold_one_value_in_old_rows() -> Result<()> {
    const ADDED: &str = "alter table capital.agent add column region text not null default 'eu'";
    let fixture = AuditorFixture::shared()?;
    let added = fixture.after(ADDED)?;
    assert_eq!(added.code, 0, "{:#}", added.said);
    assert!(
        added.said["notes"]
            .to_string()
            .contains("capital.agent.region"),
        "{:#}",
        added.said
    );
    let edit = "update capital.agent set region = 'us' where agent_id = 'settle-one'";
    let edited = fixture.after(&format!("{ADDED}; {edit}"))?;
    assert_eq!(edited.code, 1, "{:#}", edited.said);
    assert!(
        names(&edited.said, "row-differs", "capital.agent", "region"),
        "{:#}",
        edited.said
    );
    let dropped = fixture.after("alter table capital.agent drop column name cascade")?;
    assert_eq!(dropped.code, 0, "{:#}", dropped.said);
    assert!(
        dropped.said["notes"]
            .to_string()
            .contains("capital.agent.name"),
        "{:#}",
        dropped.said
    );
    Ok(())
}

/// An edit behind the triggers that an honest change then carries on: the trail has a break.
#[test]
fn an_edit_is_still_found_after_the_next_change() -> Result<()> {
    let fixture = AuditorFixture::new()?;
    let id = crate::settlements::pending(&fixture.base, 100)?;
    fixture.base.admin()?.batch_execute(&format!(
        "begin;
        alter table capital.settlement disable trigger all;
        set local session_replication_role = replica;
        update capital.settlement set reference = 'edited' where settlement_id = '{id}';
        set local session_replication_role = origin;
        alter table capital.settlement enable trigger all;
        alter table capital.settlement enable always trigger settlement_audit;
        alter table capital.settlement enable always trigger settlement_pinned;
        commit"
    ))?;
    crate::settlements::verify(&fixture.base, &id)?;
    let answer = fixture.verify_database(fixture.base.database())?;
    assert_eq!(answer.code, 1, "{}", answer.said);
    assert!(
        names(
            &answer.said,
            "trail-broken",
            "capital.settlement",
            "reference"
        ),
        "{}",
        answer.said
    );
    Ok(())
}

/// The careful insider: an amount, its audit row with the right hash, the leaf, and the tree over it. All agrees
/// with all; it is not what was published.
const REBUILT: &str = r#"
    create temp table victim as
        select a.id, a.commitment_key as key, (a.row_key ->> 'settlement_id')::uuid as settlement_id
        from audit.trail as a join tlog.entry as e on e.key = a.commitment_key
        where a.table_name = 'capital.settlement' and a.operation = 'INSERT'
            and not exists (select from audit.trail as b
                where b.table_name = a.table_name and b.row_key = a.row_key and b.id > a.id)
        order by e.index limit 1;
    update capital.settlement set amount_minor = 1 where settlement_id = (select settlement_id from victim);
    update audit.trail set new_row = new_row || '{"amount_minor": 1}' where id = (select id from victim);
    update audit.trail as a set mutation_hash = audit.mutation_hash(a) where id = (select id from victim);
    do $$
    declare
        mutation record;
        digest bytea := decode(repeat('00', 32), 'hex');
    begin
        for mutation in
            select mutation_hash from audit.trail where commitment_key = (select key from victim) order by id
        loop
            digest := fixed.tagged_hash('optkas/log-mutations/v1', digest, mutation.mutation_hash);
        end loop;
        update ledger.commitment_outcome
        set leaf = regexp_replace(leaf, '"mutations_hash":"[0-9a-f]{64}"',
            '"mutations_hash":"' || encode(digest, 'hex') || '"')
        where key = (select key from victim);
    end
    $$;
    create temp table hashed as
        select e.index, sha256('\x00'::bytea || convert_to(o.leaf, 'UTF8')) as hash
        from tlog.entry as e join ledger.commitment_outcome as o using (key);
    delete from tlog.node;
    insert into tlog.node (level, index, hash) select 0, index, hash from hashed;
    do $$
    declare
        size int8 := (select count(*) from tlog.entry);
        height int4 := 1;
    begin
        while size >> height > 0 loop
            insert into tlog.node (level, index, hash)
            select height, n.index >> 1, sha256('\x01'::bytea || string_agg(n.hash, ''::bytea order by n.index))
            from tlog.node as n
            where n.level = height - 1 and n.index < (size >> height) << 1
            group by n.index >> 1;
            height := height + 1;
        end loop;
        update tlog.checkpoint as c set root = tlog.root(c.size);
    end
    $$;
"#;

const VICTIM: &str = "select e.index
    from audit.trail as a join tlog.entry as e on e.key = a.commitment_key
    where a.table_name = 'capital.settlement' and a.operation = 'INSERT'
        and not exists (select from audit.trail as b
            where b.table_name = a.table_name and b.row_key = a.row_key and b.id > a.id)
    order by e.index limit 1";

#[test]
fn a_rebuilt_database_differs_from_the_published_log() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let index = fixture.ask(VICTIM)?;
    let answer = fixture.after(REBUILT)?;
    let said = &answer.said;
    assert_eq!(
        (answer.code, &said["first_bad_index"]),
        (1, &json!(index)),
        "{said:#}"
    );
    assert!(
        names(said, "row-differs", "ledger.commitment_outcome", "leaf"),
        "{said:#}"
    );
    assert!(names(said, "audit-differs", "audit.trail", ""), "{said:#}");
    assert!(names(said, "row-differs", "tlog.node", ""), "{said:#}");
    // Of the present alone nothing can be seen: it follows from its trail.
    assert!(
        !names(said, "row-differs", "capital.settlement", ""),
        "{said:#}"
    );
    Ok(())
}

/// And who has the log's key publishes that log anew. Then it is the kept checkpoint that tells, or a witness.
#[test]
fn a_rebuilt_and_signed_log_contradicts_a_kept_checkpoint() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let kept = std::fs::read_to_string(format!("{}/checkpoint", fixture.log_folder()))?;
    let kept = fixture.write("kept", &kept)?;
    let copy = fixture.copy()?;
    let mut insider = copy.connect()?;
    insider.batch_execute("alter table audit.trail disable trigger all; alter table capital.settlement disable trigger all;
        alter table ledger.commitment_outcome disable trigger all; alter table tlog.node disable trigger all;
        alter table tlog.checkpoint disable trigger all; set session_replication_role = replica")?;
    insider.batch_execute(REBUILT)?;

    let leaves = insider.query(
        "select o.leaf from tlog.entry as e join ledger.commitment_outcome as o using (key) order by e.index",
        &[],
    )?;
    let seed = fixture.base.deployment().note_seed.as_slice().try_into()?;
    let key = SigningKey::from_seed(tests::aws::ORIGIN, seed)?;
    let mut builder = Builder::new();
    for leaf in leaves {
        builder.push(leaf.try_get::<_, String>(0)?.as_bytes())?;
        let size = i64::try_from(builder.tree().size())?;
        let recorded = "select from tlog.checkpoint where size = $1";
        if insider.query_opt(recorded, &[&size])?.is_some() {
            let root = builder.tree().root();
            let note =
                Checkpoint::new(tests::aws::ORIGIN, builder.tree().size(), root)?.sign(&key)?;
            for name in [
                "rebuilt/checkpoint".to_owned(),
                format!("rebuilt/checkpoints/{size}"),
            ] {
                fixture.write(&name, &note.to_string())?;
            }
            insider.execute(
                "update tlog.checkpoint set note = $1 where size = $2",
                &[&note.to_string(), &size],
            )?;
            for file in builder.take() {
                let path = fixture.write(&format!("rebuilt/{}", file.path), "")?;
                std::fs::write(path, file.bytes)?;
            }
        }
    }
    drop(insider);
    let rebuilt = fixture.log_folder().replace("/log", "/rebuilt");
    let whole = fixture.verify_database_by(&copy, &rebuilt)?;
    assert_eq!(
        whole.code, 0,
        "everything agrees with everything: {}",
        whole.said
    );
    let answer = fixture.auditor(&["log", &rebuilt, "--checkpoint", &kept])?;
    assert_eq!(answer.code, 1, "{}", answer.said);
    assert_eq!(answer.said["findings"][0]["kind"], "root-differs");
    let new = format!("{rebuilt}/checkpoint");
    let forked = fixture.auditor(&["consistency", &kept, &new, "--log", &rebuilt])?;
    assert_eq!(forked.code, 1, "{}", forked.said);
    // A rebuilt log that the honest database is held against differs from the first entry that was changed.
    let honest = fixture.verify_database_by(fixture.base.database(), &rebuilt)?;
    assert_eq!(
        (honest.code, &honest.said["first_bad_index"]),
        (1, &json!(fixture.ask(VICTIM)?))
    );
    fixture.forget(&copy)
}

/// A run's inputs, wherever they are: in its row, and in the rows it was rendered from.
#[test]
fn a_run_whose_inputs_differ_from_the_rows_it_names_is_found() -> Result<()> {
    const OTHER_VERSION: &str = "jsonb_set(inputs, '{positions,0,account_version}', '99')";
    let fixture = AuditorFixture::shared()?;
    for (change, column) in [
        (
            "update risk.run set snapshot = replace(snapshot, 'fixed', 'beta') || ' '",
            "result",
        ),
        (
            "update risk.profile set pd_ppb = pd_ppb + 1 where facility_id in (
                select (p ->> 'facility_id')::uuid from risk.run, jsonb_array_elements(inputs -> 'positions') as p)",
            "snapshot",
        ),
        (
            "update risk.profile set loadings_ppb = array[1] where facility_id in (
                select (p ->> 'facility_id')::uuid from risk.run, jsonb_array_elements(inputs -> 'positions') as p)",
            "snapshot",
        ),
        (
            &format!("update risk.run set inputs = {OTHER_VERSION}"),
            "snapshot",
        ),
    ] {
        // The CHECKs are no obstacle to whoever owns the table.
        let sql = format!("alter table risk.run drop constraint run_result_of_snapshot; {change}");
        let answer = fixture.after(&sql)?;
        assert_eq!(answer.code, 1, "{change}: {:#}", answer.said);
        assert!(
            names(&answer.said, "run-differs", "risk.run", column),
            "{change}: {:#}",
            answer.said
        );
    }
    Ok(())
}
