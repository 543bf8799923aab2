//! A database that comes, goes or cuts a connection: callers hear success, "duplicate" or "not now".

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::fixture::Fixture;
use tests::http::{Request, Transport as _};
use tests::postgres::free_port;

use crate::answers::original_body;
use crate::link::{Link, url_at};
use crate::locks::{hold_settlement, terminate, until, waiting};
use crate::metrics::retries;
use crate::mutations::{creation, scale, verification};
use crate::settlements::{AMOUNT, pending};
use crate::support::{assert_books, count, together};

const CREATE: &str = "create-settlement";
const VERIFY: &str = "verify-settlement";

#[test]
fn a_server_that_restarts_under_load_loses_nothing_and_doubles_nothing() -> Result<()> {
    let fixture = Fixture::isolated()?;
    scale(&fixture, 2, 4)?;
    let (answered, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let ids = thread::scope(|scope| {
        let workers = scope.spawn(|| {
            together(8, |_| {
                let mut ids = Vec::new();
                while !done.load(SeqCst) {
                    let id = until_available(&fixture, &creation(&fixture))?["id"]
                        .as_str()
                        .context("no id")?
                        .to_owned();
                    until_available(&fixture, &verification(&fixture, &id))?;
                    ids.push(id);
                    answered.fetch_add(1, SeqCst);
                }
                Ok(ids)
            })
        });
        let outcome = (0..2).try_for_each(|_| {
            let goal = answered.load(SeqCst) + 30;
            until("the load runs", || {
                Ok(workers.is_finished() || answered.load(SeqCst) >= goal)
            })?;
            fixture.services().cluster().restart()
        });
        let goal = answered.load(SeqCst) + 30;
        let resumed = until("the load runs again", || {
            Ok(workers.is_finished() || answered.load(SeqCst) >= goal)
        });
        done.store(true, SeqCst);
        let ids = workers.join().expect("it has said why")?;
        outcome.and(resumed).map(|()| ids.concat())
    })?;
    let mut admin = fixture.admin()?;
    let stored = count(
        &mut admin,
        "select count(*) from capital.settlement where status = 'VERIFIED'",
    )?;
    assert_eq!(
        stored,
        i64::try_from(ids.len())?,
        "what was answered is what there is"
    );
    let all = count(&mut admin, "select count(*) from capital.settlement")?;
    assert_eq!(all, stored, "nothing was created twice");
    assert_books(&mut admin)
}

/// Repeats the request as long as the answer is "not now"; nothing else may come but success.
fn until_available(fixture: &Fixture, request: &Request) -> Result<Value> {
    loop {
        let answer = fixture.send(request)?;
        if answer.status != 503 {
            return original_body(&answer);
        }
        ensure!(
            answer.header("retry-after").is_some(),
            "503 without Retry-After: {}",
            answer.text()
        );
    }
}

#[test]
fn a_connection_that_is_cut_between_requests_is_replaced_unnoticed() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    for _ in 0..3 {
        assert_eq!(fixture.send(&creation(&fixture))?.status, 201);
        assert_eq!(terminate(&mut admin, CREATE)?, 1);
    }
    assert_eq!(fixture.send(&creation(&fixture))?.status, 201);
    assert_books(&mut admin)
}

#[test]
fn a_connection_that_is_cut_while_its_statement_waits_is_replaced_and_the_request_succeeds()
-> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let id = pending(&fixture, AMOUNT)?;
    let holder = hold_settlement(&fixture, &id)?;
    let request = verification(&fixture, &id);
    let answer = thread::scope(|scope| {
        let answer = scope.spawn(|| fixture.send(&request));
        until("the function waits", || {
            Ok(!waiting(&mut admin, VERIFY)?.is_empty())
        })?;
        assert_eq!(terminate(&mut admin, VERIFY)?, 1);
        until("the function waits again", || {
            Ok(!waiting(&mut admin, VERIFY)?.is_empty())
        })?;
        drop(holder);
        answer.join().expect("it has said why")
    })?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(retries(&fixture, VERIFY, &answer)?, (0, 1));
    assert_books(&mut admin)
}

#[test]
fn a_database_that_is_away_at_the_start_is_used_when_it_comes() -> Result<()> {
    let fixture = Fixture::new()?;
    let port = free_port(0)?;
    let function = fixture.start(
        fixture
            .launch(CREATE)?
            .with("DATABASE_URL", &url_at(fixture.database(), port)?),
    )?;
    let request = creation(&fixture);
    let answer = fixture.send(&request)?;
    assert_eq!(
        (answer.status, answer.header("retry-after").is_some()),
        (503, true),
        "{}",
        answer.text()
    );
    let processes = function.process_ids();
    let _link = Link::open(port, fixture.database())?;
    let answer = fixture.send(&request)?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(function.process_ids(), processes, "it was not started anew");
    assert_books(&mut fixture.admin()?)
}
