//! Due settlements expire once, in bounded batches, and give their capital back.

use std::thread;

use anyhow::{Context as _, Result, ensure};
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Transport as _;
use tests::lambda::{Answer, Invocation};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::mutations::{agent, human, scale};
use crate::settlements::{AMOUNT, fund, of, proposal, propose, report, verify};
use crate::support::{assert_books, count, together, without_triggers};

const EXPIRE: &str = "expire-settlements";

/// A new settlement that may expire in an hour.
fn expiring(fixture: &Fixture) -> Result<String> {
    let mut body = proposal(AMOUNT);
    body["expires_at"] =
        json!((OffsetDateTime::now_utc() + time::Duration::hours(1)).format(&Rfc3339)?);
    propose(fixture, "alice", &body)
}

fn expiring_verified(fixture: &Fixture) -> Result<String> {
    let id = expiring(fixture)?;
    verify(fixture, &id)?;
    Ok(id)
}

/// Lets the hour pass for all settlements that may expire.
fn let_an_hour_pass(admin: &mut Client) -> Result<()> {
    let earlier = "update capital.settlement
        set created_at = created_at - interval '2 hours', expires_at = expires_at - interval '2 hours'
        where expires_at is not null";
    without_triggers(admin, "capital.settlement", earlier)
}

/// A settlement that has expired.
pub(crate) fn expired(fixture: &Fixture) -> Result<()> {
    expiring_verified(fixture)?;
    let_an_hour_pass(&mut fixture.admin()?)?;
    ensure!(tick(fixture)? > 0, "nothing has expired");
    Ok(())
}

/// One beat of the schedule: how many it has expired.
fn tick(fixture: &Fixture) -> Result<u64> {
    let answer = fixture
        .function(EXPIRE)?
        .invoke(Invocation::new(&json!({})))?;
    ensure!(
        matches!(answer, Answer::Response(_)),
        "{answer:?}\n{}",
        fixture.function(EXPIRE)?.logs()
    );
    assert_eq!(answer.json()["more"], false);
    answer.json()["expired"].as_u64().context("no number")
}

fn status(admin: &mut Client, id: &str) -> Result<String> {
    let sql = "select status from capital.settlement where settlement_id = $1::text::uuid";
    Ok(admin.query_one(sql, &[&id])?.try_get(0)?)
}

#[test]
fn exactly_the_due_settlements_expire_once_and_return_their_capital() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let lasting = propose(&fixture, "alice", &proposal(AMOUNT))?;
    let (pending, verified) = (expiring(&fixture)?, expiring_verified(&fixture)?);
    let cancelled = expiring(&fixture)?;
    assert_eq!(
        fixture
            .send(
                &human(
                    &fixture,
                    "",
                    "alice",
                    &of(&cancelled, "cancel"),
                    &Value::Null
                )
                .request
            )?
            .status,
        200
    );
    let escrowed = expiring_verified(&fixture)?;
    fund(&fixture, &escrowed, AMOUNT)?;
    assert_eq!(tick(&fixture)?, 0, "nothing is due yet");

    let_an_hour_pass(&mut admin)?;
    let later = expiring(&fixture)?;
    assert_eq!(tick(&fixture)?, 2);
    for (id, expected) in [
        (&lasting, "PENDING"),
        (&later, "PENDING"),
        (&pending, "EXPIRED"),
        (&verified, "EXPIRED"),
        (&cancelled, "CANCELLED"),
        // The money is on its way: only the agents can say how that ends.
        (&escrowed, "ESCROWED"),
    ] {
        assert_eq!(status(&mut admin, id)?, expected);
    }
    let reserved =
        "select coalesce(sum(balance_minor), 0)::int8 from capital.account where kind = 'reserved'";
    assert_eq!(
        count(&mut admin, reserved)?,
        0,
        "the reservation is released"
    );
    let committed =
        "select sum(utilised_minor)::int8 from capital.facility_slot where utilised_minor > 0";
    assert_eq!(
        count(&mut admin, committed)?,
        i64::try_from(AMOUNT)?,
        "only what is in escrow is committed"
    );

    let keys = "select count(*) from ledger.commitment_ledger";
    let before = count(&mut admin, keys)?;
    assert_eq!(
        (tick(&fixture)?, count(&mut admin, keys)?),
        (0, before),
        "a second beat changes nothing"
    );
    let actor = "select count(*) from capital.settlement_transition where to_status = 'EXPIRED'
        and actor_kind = 'system' and actor_id = 'expire-settlements'";
    assert_eq!(count(&mut admin, actor)?, 2);
    assert_books(&mut admin)
}

#[test]
fn a_batch_of_expiry_has_its_size_and_reports_whether_more_is_due() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    for _ in 0..7 {
        expiring(&fixture)?;
    }
    let_an_hour_pass(&mut admin)?;
    let mut login = fixture.login(EXPIRE)?;
    for (number, expected) in [(3, true), (3, true), (1, false), (0, false)]
        .iter()
        .enumerate()
    {
        let body: Value = login
            .query_one(
                "select body from gateway.expire_settlements($1, 3)",
                &[&format!("beat-{number}")],
            )?
            .try_get(0)?;
        assert_eq!(body, json!({ "expired": expected.0, "more": expected.1 }));
    }
    assert_books(&mut admin)
}

#[test]
fn two_schedulers_at_once_expire_each_settlement_once() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.start(fixture.launch(EXPIRE)?.scaled(4, 1))?;
    let mut admin = fixture.admin()?;
    for number in 0..12 {
        if number % 2 == 0 {
            expiring(&fixture)?
        } else {
            expiring_verified(&fixture)?
        };
    }
    let_an_hour_pass(&mut admin)?;
    let expired = together(4, |_| tick(&fixture))?;
    assert_eq!(expired.iter().sum::<u64>(), 12, "{expired:?}");
    let transitions =
        "select count(*) from capital.settlement_transition where to_status = 'EXPIRED'";
    assert_eq!(count(&mut admin, transitions)?, 12);
    assert_books(&mut admin)
}

#[test]
fn of_an_expiry_and_another_step_at_once_one_wins() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 1, 1)?;
    let mut admin = fixture.admin()?;
    for round in 0..8 {
        let id = expiring_verified(&fixture)?;
        let_an_hour_pass(&mut admin)?;
        let (rival, won) = match round % 2 {
            0 => (
                agent(
                    &fixture,
                    "",
                    "escrow-one",
                    &report("escrow.funded", &id, AMOUNT),
                )
                .request,
                "ESCROWED",
            ),
            _ => (
                human(&fixture, "", "alice", &of(&id, "cancel"), &Value::Null).request,
                "CANCELLED",
            ),
        };
        let (expired, answer) = thread::scope(|scope| -> Result<_> {
            let answer = scope.spawn(|| fixture.send(&rival));
            let expired = tick(&fixture)?;
            Ok((expired, answer.join().expect("it has said why")?))
        })?;
        let expected = if expired == 1 {
            ("EXPIRED", 409)
        } else {
            (won, 200)
        };
        assert_eq!(
            (&*status(&mut admin, &id)?, answer.status),
            expected,
            "{}",
            answer.text()
        );
    }
    // A due settlement can no longer be verified, whether or not the schedule has run.
    let id = expiring(&fixture)?;
    let_an_hour_pass(&mut admin)?;
    let verification = || human(&fixture, "", "bob", &of(&id, "verify"), &Value::Null).request;
    let (early, _) = (fixture.send(&verification())?, tick(&fixture)?);
    assert_eq!(
        early.json()["type"],
        "urn:optkas:problem:expired",
        "{}",
        early.text()
    );
    let late = fixture.send(&verification())?;
    assert_eq!(
        late.json()["type"],
        "urn:optkas:problem:illegal-transition",
        "{}",
        late.text()
    );
    assert_books(&mut admin)
}
