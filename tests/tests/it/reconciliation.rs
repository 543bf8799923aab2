//! A function that only reads adds up the books again: it finds each kind of damage, names the place, and blocks no
//! writer.

use anyhow::Result;
use postgres::{Client, IsolationLevel};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::AURORA;

use crate::settlements::{AMOUNT, escrowed, pending, verified};
use crate::support::{all_triggers_off, assert_books, count};

const RECONCILE: &str = "reconcile-books";

/// Damage that only a superuser without triggers can do, and the rule that finds it.
const DAMAGE: [(&str, &str); 14] = [
    (
        "update capital.account set balance_minor = balance_minor + 1 where kind = 'available'",
        "accounts-sum-to-zero",
    ),
    (
        "update capital.account set balance_minor = balance_minor + 1 where kind = 'available'",
        "balance-is-of-last-posting",
    ),
    (
        "update capital.account set version = version + 1 where kind = 'external'",
        "balance-is-of-last-posting",
    ),
    ("delete from capital.posting", "balance-is-of-last-posting"),
    (
        "update capital.account set balance_minor = balance_minor + case kind when 'reserved' then 7 else -7 end
         where kind in ('reserved', 'escrowed')",
        "balance-is-of-settlements",
    ),
    (
        "alter table capital.settlement drop constraint settlement_room_taken;
         update capital.settlement set amount_minor = amount_minor + 1 where status = 'VERIFIED'",
        "balance-is-of-settlements",
    ),
    (
        "delete from capital.settlement where status = 'ESCROWED'",
        "balance-is-of-settlements",
    ),
    ("delete from capital.account where kind = 'reserved'", "balance-is-of-settlements"),
    (
        "update capital.facility_slot set utilised_minor = utilised_minor - 1 where utilised_minor > 0",
        "utilisation-is-of-settlements",
    ),
    (
        "update capital.facility_slot as s set utilised_minor =
            case s.utilised_minor when 0 then t.utilised_minor else 0 end
         from capital.facility_slot as t
         where t.facility_id = s.facility_id and t.slot = 63 - s.slot",
        "utilisation-is-of-settlements",
    ),
    (
        "update capital.settlement set room_slots = array[(room_slots[1] + 1) % 64] where status = 'ESCROWED'",
        "utilisation-is-of-settlements",
    ),
    (
        "alter table capital.settlement drop constraint settlement_room_taken;
         update capital.settlement set room_slots = null",
        "utilisation-is-of-settlements",
    ),
    (
        "delete from capital.facility_slot where utilised_minor = 0 and slot = 3",
        "slots-make-the-limit",
    ),
    (
        "alter table capital.facility_slot drop constraint facility_slot_facility_fkey;
         update capital.facility set limit_minor = limit_minor + 1",
        "slots-make-the-limit",
    ),
];

/// Books with settlements in three states.
fn books(fixture: &Fixture) -> Result<()> {
    pending(fixture, AMOUNT)?;
    verified(fixture, AMOUNT)?;
    escrowed(fixture, AMOUNT)?;
    Ok(())
}

/// The rules broken in books as this transaction has left them.
fn found(damaged: &mut postgres::Transaction<'_>) -> Result<Vec<Value>> {
    damaged.batch_execute("set local session authorization reconcile_books")?;
    let mut found = Vec::new();
    for books in ["allocators", "facilities"] {
        let sql = "select body -> 'imbalances' from gateway.reconcile_books($1, null, 100)";
        let imbalances: Value = damaged.query_one(sql, &[&books])?.try_get(0)?;
        found.extend(imbalances.as_array().cloned().unwrap_or_default());
    }
    Ok(found)
}

fn snapshot(admin: &mut Client) -> Result<postgres::Transaction<'_>> {
    Ok(admin
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()?)
}

#[test]
fn each_kind_of_damage_is_found() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    books(&fixture)?;
    assert_books(&mut admin)?;
    assert_eq!(
        found(&mut snapshot(&mut admin)?)?,
        [json!(null); 0],
        "sound"
    );
    for (damage, rule) in DAMAGE {
        let mut damaged = snapshot(&mut admin)?;
        damaged.batch_execute(&all_triggers_off())?;
        damaged.batch_execute(damage)?;
        let found = found(&mut damaged)?;
        assert!(
            found.iter().any(|imbalance| imbalance["rule"] == rule),
            "{damage}: {found:?}"
        );
    }
    Ok(())
}

#[test]
fn the_function_adds_up_everything_and_names_the_damaged_place() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    books(&fixture)?;
    let all = count(
        &mut admin,
        "select (select count(*) from capital.allocator) + (select count(*) from capital.facility)",
    )?;
    let function = fixture.function(RECONCILE)?;
    assert_eq!(
        function.call(&Value::Null)?,
        json!({"reconciled": all, "imbalances": 0})
    );
    assert!(function.logs().contains("\"books_out_of_balance\":0"));

    admin.batch_execute(&format!(
        "begin; {};
         update capital.account set balance_minor = balance_minor + 1 where kind = 'reserved' and allocator_id = '{}';
         commit",
        all_triggers_off(),
        AURORA.id
    ))?;
    let report = function.call(&Value::Null)?;
    assert_eq!(report["reconciled"], all);
    assert_eq!(
        report["imbalances"], 3,
        "the sum, the posting, the settlements"
    );
    let logs = function.logs();
    assert!(logs.contains("\"books_out_of_balance\":3"), "{logs}");
    for expected in [
        "accounts-sum-to-zero",
        "balance-is-of-last-posting",
        "balance-is-of-settlements",
        &*AURORA.id.to_string(),
    ] {
        assert!(logs.contains(expected), "{expected}: {logs}");
    }
    Ok(())
}

/// Batches of one go through all of them, each once.
#[test]
fn batches_leave_no_account_out() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut reconciler = fixture.login(RECONCILE)?;
    for (books, table, id) in [
        ("allocators", "capital.allocator", "allocator_id"),
        ("facilities", "capital.facility", "facility_id"),
    ] {
        let (mut after, mut seen) = (None::<String>, Vec::new());
        loop {
            let sql = "select body from gateway.reconcile_books($1, $2::text::uuid, 1)";
            let body: Value = reconciler.query_one(sql, &[&books, &after])?.try_get(0)?;
            let Some(last) = body["last_id"].as_str().map(str::to_owned) else {
                assert_eq!(body["more"], false);
                break;
            };
            seen.push(last.clone());
            after = Some(last);
        }
        let sql = format!("select array_agg({id}::text order by {id}) from {table}");
        let all: Vec<String> = fixture.admin()?.query_one(&sql, &[])?.try_get(0)?;
        assert_eq!(seen, all, "{books}");
    }
    Ok(())
}
