//! A server that only reads, a standby or a primary on its way to be one, is none of ours: "not now", never an answer,
//! and no key is spent.

use anyhow::{Result, ensure};
use postgres::Client;
use serde_json::Value;
use tests::fixture::Fixture;
use tests::http::{Request, Response, Transport as _};

use crate::direct::barrier;
use crate::endpoints::{KINDS, bearing, event, of_people};
use crate::link::url_at;
use crate::locks::until;
use crate::support::{assert_books, count, together};

/// The jobs that ask the database, without the one that also needs a chain.
const JOBS: [&str; 7] = [
    "expire-settlements",
    "monitor-collateral",
    "prune-tokens",
    "reconcile-books",
    "sequence-tlog",
    "sign-checkpoint",
    "sync-jwks",
];

/// A request of every endpoint, good as far as a database is not needed to say so.
fn of_all(fixture: &Fixture) -> Vec<(String, Request)> {
    let token = fixture.person("dave").token();
    let people = of_people(fixture)
        .into_iter()
        .map(|(name, request)| (name.to_owned(), bearing(&request, &token)));
    let agents = KINDS.into_iter().filter_map(|kind| {
        let agent = fixture.deployment().agents.iter();
        let agent = agent.into_iter().find(|agent| agent.kind == kind)?;
        Some((kind.function(), agent.sign(&event(kind).to_string())))
    });
    people.chain(agents).collect()
}

fn send_all(fixture: &Fixture, all: &[(String, Request)]) -> Result<Vec<Response>> {
    together(all.len(), |at| fixture.send(&all[at].1))
}

fn assert_not_now(all: &[(String, Request)], answers: &[Response]) {
    assert!(all.len() >= 20, "{}", all.len());
    for ((name, _), answer) in all.iter().zip(answers) {
        assert_eq!(answer.status, 503, "{name}: {}", answer.text());
        assert!(answer.header("retry-after").is_some(), "{name}");
    }
}

/// The sessions of the functions.
fn sessions(admin: &mut Client) -> Result<Vec<i32>> {
    let rows = admin.query(
        "select pid from pg_stat_activity
        where datname = current_database() and usename in (select name from auth.login)",
        &[],
    )?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

#[test]
fn a_server_that_stops_to_write_is_left_and_no_key_is_spent() -> Result<()> {
    let fixture = Fixture::isolated()?;
    let mut admin = fixture.admin()?;
    let all = of_all(&fixture);
    // Each function has a connection, from another key.
    for answer in send_all(&fixture, &of_all(&fixture))? {
        ensure!(answer.status < 500, "{}", answer.text());
    }
    let connected = sessions(&mut admin)?;
    let keys = "select count(*) from ledger.commitment_ledger";
    let before = count(&mut admin, keys)?;

    admin.execute("alter system set default_transaction_read_only = on", &[])?;
    admin.execute("select pg_reload_conf()", &[])?;
    until("no transaction writes", || {
        let read_only: String = admin.query_one("show transaction_read_only", &[])?.get(0);
        Ok(read_only == "on")
    })?;
    assert_not_now(&all, &send_all(&fixture, &all)?);
    assert_eq!(count(&mut admin, keys)?, before);
    let left = sessions(&mut admin)?;
    let kept: Vec<_> = left.iter().filter(|pid| connected.contains(pid)).collect();
    assert!(kept.is_empty(), "connections are kept: {kept:?}");

    admin.execute("alter system reset default_transaction_read_only", &[])?;
    admin.execute("select pg_reload_conf()", &[])?;
    until("transactions write", || {
        let read_only: String = admin.query_one("show transaction_read_only", &[])?.get(0);
        Ok(read_only == "off")
    })?;
    let answers = send_all(&fixture, &all)?;
    for ((name, _), answer) in all.iter().zip(&answers) {
        assert!(answer.status < 500, "{name}: {}", answer.text());
        let first = answer.json()["original"].is_null();
        assert!(first, "{name}: the key was spent: {}", answer.text());
    }
    assert_books(&mut admin)
}

#[test]
fn a_standby_serves_nobody_and_its_books_are_not_added_up() -> Result<()> {
    let fixture = Fixture::isolated()?;
    let primary = fixture.admin()?;
    let standby = {
        let cluster = fixture.services().cluster();
        cluster.standby(&format!("standby-{}", std::process::id()))?
    };
    let port = standby.port();
    // What the standby says to who asks it all the same: `gateway::fault` knows these codes and sentences.
    let mut asked = standby.admin(fixture.database().name()).connect()?;
    for (statement, said) in [
        (
            "begin isolation level serializable; select 1",
            "0A000 cannot use serializable mode in a hot standby",
        ),
        (
            "create table written ()",
            "25006 cannot execute CREATE TABLE in a read-only transaction",
        ),
        (
            "select pg_current_wal_lsn()",
            "55000 recovery is in progress",
        ),
    ] {
        assert_eq!(barrier(asked.batch_execute(statement)), said);
        asked.batch_execute("rollback")?;
    }
    drop(primary);

    let all = of_all(&fixture);
    let names = all.iter().map(|(name, _)| &**name).chain(JOBS);
    for name in names {
        let url = url_at(fixture.database(), port)?;
        fixture.start(fixture.launch(name)?.with("DATABASE_URL", &url))?;
    }
    assert_not_now(&all, &send_all(&fixture, &all)?);
    let answers = together(JOBS.len(), |at| {
        Ok(fixture.function(JOBS[at])?.call(&Value::Null))
    })?;
    for (job, answer) in JOBS.iter().zip(answers) {
        assert!(answer.is_err(), "{job} was served by a standby: {answer:?}");
        let log = fixture.function(job)?.logs();
        assert!(log.contains("does not allow writes"), "{job}: {log}");
    }
    Ok(())
}
