//! A database that comes, goes or cuts a connection: callers hear success, "duplicate" or "not now".

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::http::{Request, Transport as _};
use tests::postgres::free_port;
use tests::rig::Rig;

use crate::answers::told;
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
    let rig = Rig::isolated()?;
    scale(&rig, 2, 4)?;
    let (answered, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let ids = thread::scope(|scope| {
        let workers = scope.spawn(|| {
            together(8, |_| {
                let mut ids = Vec::new();
                while !done.load(SeqCst) {
                    let id = until_available(&rig, &creation(&rig))?["id"]
                        .as_str()
                        .context("no id")?
                        .to_owned();
                    until_available(&rig, &verification(&rig, &id))?;
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
            rig.ground().cluster().restart()
        });
        let goal = answered.load(SeqCst) + 30;
        let resumed = until("the load runs again", || {
            Ok(workers.is_finished() || answered.load(SeqCst) >= goal)
        });
        done.store(true, SeqCst);
        let ids = workers.join().expect("it has said why")?;
        outcome.and(resumed).map(|()| ids.concat())
    })?;
    let mut admin = rig.admin()?;
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
fn until_available(rig: &Rig, request: &Request) -> Result<Value> {
    loop {
        let answer = rig.send(request)?;
        if answer.status != 503 {
            return told(&answer);
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
    let rig = Rig::new()?;
    let mut admin = rig.admin()?;
    for _ in 0..3 {
        assert_eq!(rig.send(&creation(&rig))?.status, 201);
        assert_eq!(terminate(&mut admin, CREATE)?, 1);
    }
    assert_eq!(rig.send(&creation(&rig))?.status, 201);
    assert_books(&mut admin)
}

#[test]
fn a_connection_that_is_cut_while_its_statement_waits_is_replaced_and_the_request_succeeds()
-> Result<()> {
    let rig = Rig::new()?;
    let mut admin = rig.admin()?;
    let id = pending(&rig, AMOUNT)?;
    let holder = hold_settlement(&rig, &id)?;
    let request = verification(&rig, &id);
    let answer = thread::scope(|scope| {
        let answer = scope.spawn(|| rig.send(&request));
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
    assert_eq!(retries(&rig, VERIFY, &answer)?, (0, 1));
    assert_books(&mut admin)
}

#[test]
fn a_database_that_is_away_at_the_start_is_used_when_it_comes() -> Result<()> {
    let rig = Rig::new()?;
    let port = free_port(0)?;
    let function = rig.start(
        rig.launch(CREATE)?
            .with("DATABASE_URL", &url_at(rig.database(), port)?),
    )?;
    let request = creation(&rig);
    let answer = rig.send(&request)?;
    assert_eq!(
        (answer.status, answer.header("retry-after").is_some()),
        (503, true),
        "{}",
        answer.text()
    );
    let processes = function.process_ids();
    let _link = Link::open(port, rig.database())?;
    let answer = rig.send(&request)?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(function.process_ids(), processes, "it was not started anew");
    assert_books(&mut rig.admin()?)
}
