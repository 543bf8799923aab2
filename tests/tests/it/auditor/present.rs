//! The tables of the present: each row must be the last of its trail, and a run's inputs the rows it names.

use anyhow::Result;
use serde_json::json;

use super::attack::{Attack, check, names};
use super::fixture::AuditorFixture;

/// The present is edited, the past is left as it was.
#[test]
fn a_current_row_that_differs_from_its_trail_is_found() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let settled = "(select settlement_id from capital.settlement where status = 'SETTLED' order by 1 limit 1)";
    let last_change = format!(
        "select max(e.index) from tlog.entry as e join
            (select c.* from audit.trail as t cross join audit.changes(t) as c) as a on a.commitment_key = e.key
        where a.table_name = 'capital.settlement' and a.row_key ->> 'settlement_id' = {settled}::text"
    );
    let attacks = [
        Attack {
            what: "an amount is edited",
            sql: format!(
                "alter table capital.settlement drop constraint settlement_room_taken;
                update capital.settlement set amount_minor = amount_minor + 1
                where settlement_id = {settled}"
            ),
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
                from
                    (select c.* from audit.trail as t cross join audit.changes(t) as c) as c
                    where table_name = 'capital.member_role' and command = 'DELETE'"
                .to_owned(),
            index: "select max(e.index) from tlog.entry as e join
                (select c.* from audit.trail as t cross join audit.changes(t) as c) as a on a.commitment_key = e.key
                where a.table_name = 'capital.member_role' and a.command = 'DELETE'"
                .to_owned(),
            kind: "row-extra",
            table: "capital.member_role",
            column: "",
        },
        Attack {
            what: "a role that was never granted",
            sql: "insert into capital.member_role (sub, allocator_id, role)
                select m.sub, m.allocator_id, r.role
                from capital.member as m, (values ('viewer'), ('maker'), ('checker')) as r (role)
                where not exists (
                    select from (select c.* from audit.trail as t cross join audit.changes(t) as c) as a
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
            index: "select max(e.index) from tlog.entry as e join
                (select c.* from audit.trail as t cross join audit.changes(t) as c) as a on a.commitment_key = e.key
                where a.table_name = 'capital.account' and a.row_key ->> 'account_id' = (
                    select account_id::text from capital.account where kind = 'available' order by account_id limit 1)"
                .to_owned(),
            kind: "row-differs",
            table: "capital.account",
            column: "balance_minor",
        },
    ];
    check(&fixture, &attacks)?;

    // Every table that a verification rests on is under the trail.
    check(&fixture, &of_collateral())?;

    // Findings show numbers and states, but no names of people and firms.
    let answer = fixture.verify_after(&format!(
        "alter table capital.settlement drop constraint settlement_room_taken;
        update capital.settlement set amount_minor = 77, reference = 'hush' where settlement_id = {settled}"
    ))?;
    let fields = &answer.said["findings"][0]["fields"];
    assert_eq!(fields[0]["found"], "77", "{fields}");
    assert!(!answer.said.to_string().contains("hush"), "{}", answer.said);
    Ok(())
}

/// One edit of each table that a verification rests on: of the row that its trail mentions last.
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
            "a filing has another debtor",
            "collateral.filing_standing",
            "debtors",
            "debtors || '[{}]'",
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
            "select a.row_key from
                (select c.* from audit.trail as t cross join audit.changes(t) as c) as a
                where a.table_name = '{table}' order by a.id desc, a.place desc limit 1"
        )
    };
    edits
        .map(|(what, table, column, value)| Attack {
            what,
            sql: format!("update {table} as t set {column} = {value} where to_jsonb(t) @> ({})", last(table)),
            index: format!(
                "select max(e.index) from tlog.entry as e join
                    (select c.* from audit.trail as t cross join audit.changes(t) as c) as a on a.commitment_key = e.key
                where a.table_name = '{table}' and a.row_key = ({})",
                last(table)
            ),
            kind: "row-differs",
            table,
            column,
        })
        .into()
}

/// A migration is no commitment: audit rows from before it lack the new column, which must hold one value in all rows.
/// What the type of the column lets in, and no trigger writes. It hides no other edit behind an error of the server.
#[test]
fn an_unreadable_trail_hides_nothing() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let deep = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
    let forms = [
        r#"[{"table": "x", "key": [], "new": {"a": "\u0000"}}]"#,
        r#"[{"table": "x", "key": [], "new": {"a\u0000": 1}}]"#,
        r#"[{"table": "x", "key": [], "new": {"a": "\ud800"}}]"#,
        r#"[{"table": "x", "key": [], "new": {"a": 1e999999}}]"#,
        r#"[{"table": "x", "key": [null], "new": {"a": 1}}]"#,
        r#"[{"table": ["x"], "key": {"a": 1}, "new": 7}]"#,
        "[1, null, []]",
        "[]",
        "7",
        &deep,
    ];
    let settled =
        "select settlement_id from capital.settlement where status = 'SETTLED' order by 1 limit 1";
    for form in forms {
        let answer = fixture.verify_after(&format!(
            "update capital.settlement set reference = 'mine' where settlement_id = ({settled});
             update audit.trail set changes = '{form}' where id = (select max(id) from audit.trail)"
        ))?;
        let said = &answer.said;
        assert_eq!(answer.code, 1, "{form}: {said:#}");
        assert!(
            names(said, "row-differs", "capital.settlement", "reference"),
            "{form}: {said:#}"
        );
        assert_eq!(said["undecided"], json!([]), "{form}: {said:#}");
    }
    Ok(())
}

#[test]
fn a_column_added_later_must_hold_one_value_in_old_rows() -> Result<()> {
    const ADDED: &str = "alter table capital.agent add column region text not null default 'eu'";
    let fixture = AuditorFixture::shared()?;
    let added = fixture.verify_after(ADDED)?;
    assert_eq!(added.code, 0, "{:#}", added.said);
    assert!(
        added.said["notes"]
            .to_string()
            .contains("capital.agent.region"),
        "{:#}",
        added.said
    );
    let edit = "update capital.agent set region = 'us' where agent_id = 'settle-one'";
    let edited = fixture.verify_after(&format!("{ADDED}; {edit}"))?;
    assert_eq!(edited.code, 1, "{:#}", edited.said);
    assert!(
        names(&edited.said, "row-differs", "capital.agent", "region"),
        "{:#}",
        edited.said
    );
    let dropped = fixture.verify_after("alter table capital.agent drop column name cascade")?;
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

/// An edit behind the triggers, which a later honest change carries on: the trail then has a break.
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

/// The inputs of a run are changed in its own row, and in the rows that it was rendered from.
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
        // The owner of a table can drop its CHECKs.
        let sql = format!("alter table risk.run drop constraint run_result_of_snapshot; {change}");
        let answer = fixture.verify_after(&sql)?;
        assert_eq!(answer.code, 1, "{change}: {:#}", answer.said);
        assert!(
            names(&answer.said, "run-differs", "risk.run", column),
            "{change}: {:#}",
            answer.said
        );
    }
    Ok(())
}
