//! What a login can lock and hold: it stops neither the log nor a deployment unseen, and the watch ends it.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use postgres::Client;
use serde_json::{Value, json};
use tests::deployment::functions;
use tests::fixture::Fixture;

use crate::direct::{barrier, token};
use crate::isolation::call_with;
use crate::locks::until;
use crate::sequencing::batch;
use crate::settlements::{AMOUNT, pending};

const WATCH: &str = "watch-database";

/// Each lock that the sequencer or a deployment takes, tried by every other login.
#[test]
fn no_login_takes_the_turn_of_the_sequencer_or_of_a_deployment() -> Result<()> {
    let fixture = Fixture::new()?;
    for function in functions()? {
        let mut hostile = fixture.login(&function)?;
        for statement in [
            "select from tlog.turn for update",
            "select from tlog.turn for key share",
            "lock table tlog.turn in access share mode",
            "lock table tlog.entry in access share mode",
            "lock table deploy.turn in access share mode",
            "lock table deploy.present in access share mode",
        ] {
            let stopped = barrier(hostile.batch_execute(&format!("begin; {statement}")));
            hostile.batch_execute("rollback")?;
            if function == "migrate" && statement.contains("deploy.turn") {
                continue;
            }
            assert!(
                stopped.starts_with("42501 permission denied"),
                "{function}: {statement}: {stopped}"
            );
        }
    }
    Ok(())
}

#[test]
fn whoever_finds_the_turn_taken_says_so_and_what_waits() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut holder = fixture.login("sequence-tlog")?;
    let mut second = fixture.login("sequence-tlog")?;
    until("all is placed", || {
        Ok(batch(&mut second, 100)?["backlog"] == 0)
    })?;
    holder.batch_execute("set idle_in_transaction_session_timeout = 0; begin")?;
    assert_eq!(batch(&mut holder, 100)?["busy"], json!(false));
    pending(&fixture, AMOUNT)?;
    let seen = batch(&mut second, 100)?;
    assert_eq!(
        (&seen["busy"], &seen["sequenced"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(seen["backlog"], 1, "the proposal waits");
    Ok(())
}

/// On a cluster of its own, since the watch looks at all databases of a server.
#[test]
fn the_watch_ends_what_a_login_holds_and_tells() -> Result<()> {
    let fixture = Fixture::isolated()?;
    let mut admin = fixture.admin()?;
    let watch = fixture.function(WATCH)?;
    let quiet = json!({"sessions_ended": 0, "deviations": 0});
    let seen = |report: &Value| json!({"sessions_ended": report["sessions_ended"], "deviations": report["deviations"]});
    assert_eq!(seen(&watch.call(&Value::Null)?), quiet);

    // Where PUBLIC keeps the right, as on a server whose master is no superuser.
    admin.batch_execute(
        "grant execute on function pg_advisory_lock_shared(bigint) to get_facility",
    )?;
    let mut locker = fixture.login("get-facility")?;
    locker.batch_execute("select pg_advisory_lock_shared(7)")?;
    let mut holder = fixture.login("verify-settlement")?;
    holder.batch_execute("set idle_in_transaction_session_timeout = 0; begin; select 1")?;
    assert_eq!(
        seen(&watch.call(&Value::Null)?),
        json!({"sessions_ended": 1, "deviations": 0})
    );
    let gone = |client: &mut Client| client.batch_execute("select 1").is_err();
    until("the locker's session has ended", || Ok(gone(&mut locker)))?;
    assert!(!gone(&mut holder), "its transaction is young");

    // Old, by the rule that this test makes.
    admin.batch_execute(
        "create or replace function auth.holding_grace() returns interval
         language sql immutable parallel safe return interval '-1 hour'",
    )?;
    assert_eq!(watch.call(&Value::Null)?["sessions_ended"], 1);
    until("the holder's session has ended", || Ok(gone(&mut holder)))?;
    let logs = watch.logs();
    for expected in [
        "\"ended.login\":\"get_facility\"",
        "\"ended.held\":\"transaction\"",
        "\"sessions_ended\":1",
    ] {
        assert!(logs.contains(expected), "{expected}: {logs}");
    }

    // Whoever writes large objects is named. What waits for publication shows, whoever says that nothing does.
    admin.batch_execute("grant execute on function lo_create(oid) to get_facility")?;
    fixture
        .login("get-facility")?
        .batch_execute("select lo_create(0)")?;
    let report = watch.call(&Value::Null)?;
    assert_eq!(report["deviations"], 1, "{report}");
    assert!(report["unpublished_ms"].as_u64() > Some(0), "{report}");
    Ok(())
}

/// What PUBLIC may do on a new server and no login of ours: session locks, large objects, other databases; and
/// exporting a snapshot, which a transaction that is young by the clock could import to act in the past.
#[test]
fn a_login_has_none_of_the_rights_that_public_has_on_a_new_server() -> Result<()> {
    let fixture = Fixture::isolated()?;
    for function in functions()? {
        let mut hostile = fixture.login(&function)?;
        for statement in [
            "select pg_advisory_lock(1)",
            "select count(pg_advisory_lock_shared(g)) from generate_series(1, 10000000) as g",
            "select pg_try_advisory_xact_lock(1, 2)",
            "select lo_create(0)",
            "select lo_from_bytea(0, 'x')",
            "select lo_put(1, 0, 'x')",
            "select pg_notify('a', 'b')",
            "begin isolation level serializable; select pg_export_snapshot()",
            "create temp table t ()",
        ] {
            let stopped = barrier(hostile.batch_execute(statement));
            hostile.batch_execute("rollback")?;
            // migrate owns the database; it is trusted with all of it.
            if function == "migrate" && statement.starts_with("create temp") {
                continue;
            }
            assert!(
                stopped.starts_with("42501 permission denied"),
                "{function}: {statement}: {stopped}"
            );
        }
        let stopped = barrier(hostile.batch_execute("begin; prepare transaction 'red'"));
        assert!(
            stopped.starts_with("55000 prepared transactions are disabled"),
            "{stopped}"
        );
        for elsewhere in ["postgres", "template1"] {
            let sibling = fixture
                .deployment()
                .database(fixture.database(), &function)?
                .sibling(elsewhere);
            assert!(
                sibling.connect().is_err(),
                "{function} connects to {elsewhere}"
            );
        }
    }
    // One login's share of the connections.
    let mut kept = Vec::new();
    let refused = loop {
        match fixture.login("get-facility") {
            Ok(client) => kept.push(client),
            Err(error) => break format!("{error:#}"),
        }
        anyhow::ensure!(kept.len() < 200, "no end");
    };
    assert!(
        refused.contains("too many connections for role"),
        "{refused}"
    );
    assert_eq!(kept.len(), 100, "a quarter of the 400 of this server");
    fixture
        .login("create-settlement")?
        .batch_execute("select 1")?;
    Ok(())
}

#[test]
fn an_old_transaction_is_answered_nothing_whoever_asks() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.owner()?.batch_execute(
        "create or replace function auth.transaction_age_max() returns interval
         language sql immutable parallel safe return interval '50 ms'",
    )?;
    for function in functions()? {
        let table = crate::endpoints::TABLE.find(&function).context("a row")?;
        for name in table.gateway_functions() {
            let sql = call_with(
                &name,
                &token(&fixture, "alice")?,
                "00000000-0000-4000-8000-000000000000",
            )?;
            let mut old = fixture.login(&function)?;
            old.batch_execute("begin; select 1")?;
            thread::sleep(Duration::from_millis(60));
            assert_eq!(
                barrier(old.batch_execute(&sql)),
                "OPK04 transaction-too-old",
                "{name}"
            );
        }
    }
    Ok(())
}
