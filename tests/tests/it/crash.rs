//! Processes killed at any moment: each request has one effect, and a repeated request gets its outcome.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::fixture::Fixture;
use tests::http::{Request, Transport as _};
use tests::lambda::{Answer, Moment, response};
use uuid::Uuid;

use crate::answers::original_body;
use crate::link::Link;
use crate::mutations::{MUTATING, accepted, agent, creation, human, refused, scale, verification};
use crate::settlements::{AMOUNT, of, report};
use crate::support::{assert_books, count, together};

#[test]
fn killed_between_commit_and_reply_the_same_invocation_again_gives_the_first_answer() -> Result<()>
{
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    for mutation in accepted(&fixture)?.into_iter().chain(refused(&fixture)?) {
        let (name, id) = (mutation.name, Uuid::new_v4().to_string());
        let killed = fixture.invoke(&mutation.request, |invocation| {
            invocation.with_request_id(&id).killed(Moment::AtReply)
        })?;
        let Answer::Killed(Some(lost)) = killed else {
            anyhow::bail!("{name}: there was no answer to lose: {killed:?}")
        };
        let again = fixture.invoke(&mutation.request, |invocation| {
            invocation.with_request_id(&id)
        })?;
        assert_eq!(
            again.json(),
            serde_json::from_slice::<Value>(&lost)?,
            "{name}"
        );
        let first = response(&again.json())?;
        mutation.assert_first(&first);
        // A repeated request of a caller is another invocation.
        mutation.assert_duplicate(&fixture.send(&mutation.request)?, &first);
    }
    assert_books(&mut admin)
}

#[test]
fn killed_between_commit_and_reply_a_repeated_request_gets_the_original() -> Result<()> {
    let fixture = Fixture::new()?;
    for mutation in accepted(&fixture)? {
        let killed = fixture.invoke(&mutation.request, |invocation| {
            invocation.killed(Moment::AtReply)
        })?;
        let Answer::Killed(Some(lost)) = killed else {
            anyhow::bail!("{}: there was no answer to lose: {killed:?}", mutation.name)
        };
        let first = response(&serde_json::from_slice(&lost)?)?;
        mutation.assert_first(&first);
        mutation.assert_duplicate(&fixture.send(&mutation.request)?, &first);
    }
    assert_books(&mut fixture.admin()?)
}

#[test]
fn a_request_or_a_reply_lost_between_function_and_database_changes_nothing_for_the_caller()
-> Result<()> {
    let fixture = Fixture::new()?;
    let link = Link::open(0, fixture.database())?;
    for function in MUTATING.iter() {
        fixture.start(
            fixture
                .launch(function)?
                .with("DATABASE_URL", &link.url(fixture.database())?),
        )?;
    }
    for lose in [Link::lose_next_request, Link::lose_next_reply] {
        // Once without a fault, so that every function has its connection.
        for mutation in refused(&fixture)? {
            mutation.assert_first(&fixture.send(&mutation.request)?);
        }
        for mutation in accepted(&fixture)?
            .into_iter()
            .filter(|mutation| !ONCE_ONLY.contains(&mutation.name))
            .chain(refused(&fixture)?)
        {
            lose(&link);
            let first = fixture.send(&mutation.request)?;
            assert!(link.has_lost(), "{}: nothing was lost", mutation.name);
            mutation.assert_first(&first);
            mutation.assert_duplicate(&fixture.send(&mutation.request)?, &first);
        }
    }
    assert_books(&mut fixture.admin()?)
}

/// Events that happen once in a database: the second is refused.
const ONCE_ONLY: [&str; 5] = [
    "member.name_erased",
    "member.revoked",
    "agent.registered",
    "facility.admitted",
    "facility.excluded",
];

/// A small generator (xorshift64*), so that a failing run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % limit
    }
}

const SEED: u64 = 20_261_123;
const LIVES: usize = 6;
/// The number of tries whose process may be killed; later tries are left alone.
const KILLS_MAX: usize = 4;

#[test]
fn killed_at_random_moments_every_request_has_one_effect_in_the_end() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 2)?;
    let mut admin = fixture.admin()?;
    let keys = "select count(*) from ledger.commitment_ledger";
    let before = count(&mut admin, keys)?;
    let deaths = AtomicUsize::new(0);
    let lives = together(LIVES, |number| {
        let mut random = Random(SEED + number as u64);
        live_through(&fixture, &mut random, number % 2 == 0, &deaths)
    })?;
    assert!(
        deaths.load(SeqCst) > LIVES,
        "seed {SEED}: hardly anything was killed"
    );
    // Each request is repeated: it was executed, and has the outcome that was answered.
    for (request, first_body) in lives.iter().flatten() {
        let body = fixture.send(request)?.json();
        assert_eq!(&body["original"]["body"], first_body, "seed {SEED}");
        assert_eq!(
            body["original"]["outcome"], "accepted",
            "seed {SEED}: {body}"
        );
    }
    let requests: usize = lives.iter().map(Vec::len).sum();
    assert_eq!(
        count(&mut admin, keys)? - before,
        i64::try_from(requests)?,
        "seed {SEED}"
    );
    for status in ["SETTLED", "CANCELLED"] {
        let ended = format!("select count(*) from capital.settlement where status = '{status}'");
        assert_eq!(
            count(&mut admin, &ended)?,
            i64::try_from(LIVES / 2)?,
            "seed {SEED}: {status}"
        );
    }
    assert_books(&mut admin)
}

/// A settlement's life; every request with the body of its answer in the end.
fn live_through(
    fixture: &Fixture,
    random: &mut Random,
    completes: bool,
    deaths: &AtomicUsize,
) -> Result<Vec<(Request, Value)>> {
    let mut exchanges = Vec::new();
    let mut make = |request: Request| -> Result<Value> {
        let body = insist(fixture, &request, random, deaths)?;
        exchanges.push((request, body.clone()));
        Ok(body)
    };
    let created = make(creation(fixture))?;
    let id = created["id"].as_str().context("no id")?;
    make(verification(fixture, id))?;
    if completes {
        make(
            agent(
                fixture,
                "",
                "escrow-one",
                &report("escrow.funded", id, AMOUNT),
            )
            .request,
        )?;
        make(
            agent(
                fixture,
                "",
                "settle-one",
                &report("settlement.completed", id, AMOUNT),
            )
            .request,
        )?;
    } else {
        make(human(fixture, "", "alice", &of(id, "cancel"), &Value::Null).request)?;
    }
    Ok(exchanges)
}

/// Repeats a request until it is answered; returns the body of the original outcome.
fn insist(
    fixture: &Fixture,
    request: &Request,
    random: &mut Random,
    deaths: &AtomicUsize,
) -> Result<Value> {
    let mut request_id = Uuid::new_v4().to_string();
    for attempt in 0.. {
        ensure!(attempt < 50, "no answer after {attempt} tries");
        let moment = match random.below(4) {
            _ if attempt >= KILLS_MAX => Moment::Never,
            0 => Moment::Never,
            1 => Moment::AtReply,
            _ => Moment::After(Duration::from_micros(random.below(25_000))),
        };
        let answer = fixture.invoke(request, |invocation| {
            invocation.with_request_id(&request_id).killed(moment)
        })?;
        let Answer::Response(_) = answer else {
            // Killed, or in the same process as a killed one.
            ensure!(
                matches!(answer, Answer::Killed(_) | Answer::Died),
                "{answer:?}"
            );
            deaths.fetch_add(1, SeqCst);
            if random.below(2) == 0 {
                request_id = Uuid::new_v4().to_string();
            }
            continue;
        };
        return original_body(&response(&answer.json())?);
    }
    unreachable!()
}
