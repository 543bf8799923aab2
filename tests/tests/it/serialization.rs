//! Conflicts between concurrent transactions: the gateway retries them, counts them, and gives up before the deadline.
//! A mutation waits for the database once.

use std::thread;

use anyhow::Result;
use postgres::Client;
use serde_json::Value;
use tests::fixture::Fixture;
use tests::http::Transport as _;
use tests::sample_data::idempotency_key;

use crate::direct::claim;
use crate::link::Link;
use crate::locks::{hold_settlement, send_hurried, until, waiting};
use crate::metrics::retries;
use crate::mutations::{MUTATING, accepted, human, refused};
use crate::settlements::{AMOUNT, of, pending};
use crate::support::{assert_books, count};

const VERIFY: &str = "verify-settlement";

/// A transaction that verifies a settlement and has not committed yet.
fn rival(fixture: &Fixture, id: &str) -> Result<Client> {
    let dave = fixture.person("dave");
    let mut rival = fixture.login(VERIFY)?;
    rival.batch_execute("begin")?;
    let sql = format!(
        "select outcome from gateway.verify_settlement($1, {}, $2::text::uuid)",
        claim(&idempotency_key(), "")
    );
    let outcome: String = rival.query_one(&sql, &[&dave.token(), &id])?.try_get(0)?;
    assert_eq!(outcome, "accepted");
    Ok(rival)
}

#[test]
fn a_verification_that_fails_to_serialize_is_retried_and_succeeds() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut watcher = fixture.admin()?;
    for (end, expected) in [("rollback", (0, 0)), ("commit", (1, 0))] {
        let (theirs, ours) = (pending(&fixture, AMOUNT)?, pending(&fixture, AMOUNT)?);
        // Other settlements, but the same account and the same facility.
        let mut rival = rival(&fixture, &theirs)?;
        let request = human(&fixture, "", "bob", &of(&ours, "verify"), &Value::Null).request;
        let answer = thread::scope(|scope| {
            let answer = scope.spawn(|| fixture.send(&request));
            until("the function waits for its rival", || {
                Ok(!waiting(&mut watcher, VERIFY)?.is_empty())
            })?;
            rival.batch_execute(end)?;
            answer.join().expect("it has said why")
        })?;
        assert_eq!(answer.status, 200, "{end}: {}", answer.text());
        assert_eq!(retries(&fixture, VERIFY, &answer)?, expected, "{end}");
    }
    assert_books(&mut watcher)
}

#[test]
fn a_transaction_aborted_by_a_deadlock_is_retried_and_succeeds() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut watcher = fixture.admin()?;
    let id = pending(&fixture, AMOUNT)?;
    let mut rival = fixture.admin()?;
    // The rival never looks for deadlocks, so the function's backend finds it and is the victim.
    rival.batch_execute(
        "set deadlock_timeout = '1h'; begin; select from capital.account for update",
    )?;
    let request = human(&fixture, "", "bob", &of(&id, "verify"), &Value::Null).request;
    let answer = thread::scope(|scope| {
        let answer = scope.spawn(|| fixture.send(&request));
        until("the function waits for the account", || {
            Ok(!waiting(&mut watcher, VERIFY)?.is_empty())
        })?;
        // Waits for the function, which waits for us; returns when the function has been cancelled.
        rival.batch_execute(&format!(
            "select from capital.settlement where settlement_id = '{id}' for update"
        ))?;
        rival.batch_execute("commit")?;
        answer.join().expect("it has said why")
    })?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // The retry may meet the rival's uncommitted transaction once more.
    let (conflicts, losses) = retries(&fixture, VERIFY, &answer)?;
    assert!(conflicts > 0 && losses == 0, "{conflicts}, {losses}");
    assert_books(&mut watcher)
}

#[test]
fn a_lock_that_is_never_released_becomes_503_and_the_key_stays_free() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    admin.batch_execute(&format!(
        "alter role verify_settlement in database {} set lock_timeout = '50ms'",
        fixture.database().name()
    ))?;
    let id = pending(&fixture, AMOUNT)?;
    let request = human(&fixture, "", "bob", &of(&id, "verify"), &Value::Null).request;
    let holder = hold_settlement(&fixture, &id)?;
    let answer = fixture.send(&request)?;
    assert_eq!(
        (answer.status, answer.header("retry-after").is_some()),
        (503, true),
        "{}",
        answer.text()
    );
    drop(holder);
    let again = fixture.send(&request)?;
    assert_eq!(again.status, 200, "{}", again.text());
    assert_books(&mut admin)
}

#[test]
fn a_statement_that_outlives_the_deadline_takes_effect_once_or_not_at_all() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let id = pending(&fixture, AMOUNT)?;
    let request = human(&fixture, "", "bob", &of(&id, "verify"), &Value::Null).request;
    let holder = hold_settlement(&fixture, &id)?;
    let answer = send_hurried(&fixture, &request)?;
    assert_eq!(
        (answer.status, answer.header("retry-after").is_some()),
        (503, true),
        "{}",
        answer.text()
    );
    // The function's backend still waits for the row. It may now commit an effect that was never answered.
    drop(holder);
    let again = fixture.send(&request)?;
    let body = again.json();
    assert!(
        again.status == 200 || body["original"]["outcome"] == "accepted",
        "{body}"
    );
    assert_eq!(
        count(
            &mut admin,
            &format!("select version::int8 from capital.settlement where settlement_id = '{id}'")
        )?,
        2
    );
    assert_books(&mut admin)
}

#[test]
fn a_mutation_is_one_round_trip_accepted_or_refused() -> Result<()> {
    let fixture = Fixture::new()?;
    let link = Link::open(0, fixture.database())?;
    for function in MUTATING.iter() {
        fixture.start(
            fixture
                .launch(function)?
                .with("DATABASE_URL", &link.url(fixture.database())?),
        )?;
    }
    let accepted = accepted(&fixture)?
        .into_iter()
        .map(|mutation| (true, mutation));
    let refused = refused(&fixture)?
        .into_iter()
        .map(|mutation| (false, mutation));
    for (is_accepted, mutation) in accepted.chain(refused) {
        for (what, request) in [
            ("first", &mutation.request),
            ("duplicate", &mutation.request),
            ("reused", &mutation.altered),
        ] {
            // A risk run asks for the book before it computes.
            let computes = is_accepted && (mutation.name, what) == ("risk run", "first");
            let before = link.round_trips();
            fixture.send(request)?;
            assert_eq!(
                link.round_trips() - before,
                if computes { 2 } else { 1 },
                "{} {what}",
                mutation.name
            );
        }
    }
    Ok(())
}
