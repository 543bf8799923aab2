//! When history is final. No transaction can still write at or before a final instant, also not one that commits late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use postgres::error::SqlState;
use postgres::{Client, GenericClient};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, BOREALIS, PLATFORM, USD_FACILITY, idempotency_key};

use crate::direct::{call, claim, human_arguments, quote, token};
use crate::locks::until;
use crate::sequencing::batch;
use crate::support::assert_books;

const WRITERS: usize = 6;
const ROUNDS: usize = 12;

/// A body that a gateway function answers.
fn body(client: &mut impl GenericClient, sql: &str) -> Result<Value, postgres::Error> {
    client.query_one(sql, &[])?.try_get("body")
}

/// The body, asked for again, as a function does, where the question met a writer.
fn ask(client: &mut Client, sql: &str) -> Result<Value, postgres::Error> {
    loop {
        match body(client, sql) {
            Err(error) if error.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE) => {}
            answered => return answered,
        }
    }
}

fn deposit(allocator: uuid::Uuid) -> String {
    let data = json!({"allocator_id": allocator, "currency": "USD", "amount_minor": "7", "reference": "wire"});
    let rest = format!("'capital.deposited', {}", quote(&data.to_string()));
    call(
        "platform-webhook",
        &format!("'{PLATFORM}', {}, {rest}", claim(&idempotency_key(), &rest)),
    )
}

fn proposal(fixture: &Fixture) -> Result<String> {
    let rest = format!(
        "'{}', 3, 'USD', '2099-01-02', null, null, null",
        USD_FACILITY.id
    );
    Ok(call(
        "create-settlement",
        &human_arguments(fixture, "alice", &idempotency_key(), &rest)?,
    ))
}

fn cancellation(fixture: &Fixture, id: &str) -> Result<String> {
    Ok(call(
        "cancel-settlement",
        &human_arguments(
            fixture,
            "alice",
            &idempotency_key(),
            &format!("'{id}', null"),
        )?,
    ))
}

/// A poller by changes: it remembers one instant.
#[derive(Default)]
struct Changes {
    through: Option<String>,
    /// The versions told of each settlement, in the order of telling.
    told: BTreeMap<String, Vec<i64>>,
}

impl Changes {
    /// All pages of one poll, of two settlements each.
    fn poll(&mut self, lists: &mut Client, fixture: &Fixture) -> Result<()> {
        let after = self.through.as_deref().unwrap_or("2000-01-01T00:00:00Z");
        let (mut cursor, mut last) = ("null, null".to_owned(), String::new());
        loop {
            let arguments = format!(
                "{}, 2, {cursor}{}, {}",
                token(fixture, "alice")?,
                ", null".repeat(10),
                quote(after)
            );
            let body = ask(lists, &call("list-settlements", &arguments))?;
            for settlement in body["data"].as_array().context("settlements")? {
                let text = |name: &str| settlement[name].as_str().context("a text");
                let place = format!("{} {}", text("updated_at")?, text("id")?);
                ensure!(place > last, "{place} comes after {last}");
                ensure!(text("updated_at")? > after, "{place} was told before");
                last = place;
                let version = settlement["version"].as_i64().context("a version")?;
                let told = self.told.entry(text("id")?.to_owned()).or_default();
                told.push(version);
            }
            let next = &body["next"];
            if next.is_null() {
                if let Some(through) = body["final_through"].as_str() {
                    self.through = Some(through.to_owned());
                }
                return Ok(());
            }
            let text = |name: &str| next[name].as_str().context("a text").map(quote);
            cursor = format!("{}, {}", text("updated_at")?, text("id")?);
        }
    }

    /// Each settlement was told with its last version, and no version twice.
    fn check(&self, fixture: &Fixture) -> Result<()> {
        let rows = fixture.admin()?.query(
            "select settlement_id::text, version::int8 from capital.settlement where allocator_id = $1",
            &[&AURORA.id],
        )?;
        ensure!(!rows.is_empty(), "there are settlements");
        for row in rows {
            let (id, version): (String, i64) = (row.get(0), row.get(1));
            let told = self.told.get(&id).map_or(&[][..], Vec::as_slice);
            ensure!(
                told.last() == Some(&version),
                "{id}: {told:?}, not {version}"
            );
            ensure!(
                told.is_sorted_by(|a, b| a < b),
                "{id} was told twice: {told:?}"
            );
        }
        Ok(())
    }
}

/// Commits after a while, as a login can and no function does; again after a conflict. The proposal's id, if it is one.
fn write_late(
    client: &mut Client,
    sql: impl Fn() -> Result<String>,
    wait: Duration,
) -> Result<Option<String>> {
    loop {
        let written = client.transaction().and_then(|mut transaction| {
            let body = body(&mut transaction, &sql().unwrap_or_default())?;
            thread::sleep(wait);
            transaction.commit()?;
            Ok(body)
        });
        match written {
            Ok(body) => return Ok(body["id"].as_str().map(str::to_owned)),
            Err(error)
                if [
                    Some(&SqlState::T_R_SERIALIZATION_FAILURE),
                    Some(&SqlState::T_R_DEADLOCK_DETECTED),
                    Some(&SqlState::LOCK_NOT_AVAILABLE),
                ]
                .contains(&error.code()) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Positions as of an instant, without what names the question.
fn positions(
    reader: &mut Client,
    fixture: &Fixture,
    as_of: Option<&str>,
) -> Result<(Value, Option<String>)> {
    let instant = as_of.map_or_else(|| "null".to_owned(), quote);
    let mut body = ask(
        reader,
        &call(
            "list-positions",
            &format!("{}, {instant}", token(fixture, "alice")?),
        ),
    )?;
    let members = body.as_object_mut().context("an object")?;
    members.remove("as_of");
    let through = members.remove("final_through").context("final_through")?;
    Ok((body, through.as_str().map(str::to_owned)))
}

#[test]
fn a_final_answer_stays_and_a_poller_by_final_instants_misses_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    let done = AtomicBool::new(false);
    let mut answers = BTreeMap::new();
    let mut polled = BTreeSet::new();
    let mut polled_through: Option<String> = None;
    let mut sequencer = fixture.login("sequence-tlog")?;
    let mut reader = fixture.login("list-positions")?;
    let mut lists = fixture.login("list-settlements")?;
    let mut poll = |lists: &mut Client| -> Result<Option<String>> {
        let after = polled_through
            .as_deref()
            .map_or_else(|| "null".to_owned(), quote);
        let arguments = format!(
            "{}, 100{}, {after}, null, null",
            token(&fixture, "alice")?,
            ", null".repeat(10)
        );
        let body = ask(lists, &call("list-settlements", &arguments))?;
        ensure!(body["next"].is_null(), "one page is enough for this test");
        for settlement in body["data"].as_array().context("settlements")? {
            polled.insert(settlement["id"].as_str().context("an id")?.to_owned());
        }
        polled_through = body["final_through"].as_str().map(str::to_owned);
        Ok(polled_through.clone())
    };
    let mut changes = Changes::default();
    let mut changed = fixture.login("list-settlements")?;
    let made = thread::scope(|scope| -> Result<BTreeSet<String>> {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let fixture = &fixture;
                scope.spawn(move || -> Result<Vec<String>> {
                    let proposes = writer % 2 == 0;
                    let function = if proposes {
                        "create-settlement"
                    } else {
                        "platform-webhook"
                    };
                    let mut client = fixture.login(function)?;
                    let mut canceller = fixture.login("cancel-settlement")?;
                    let mut made = Vec::new();
                    for round in 0..ROUNDS {
                        let sql = || {
                            if proposes {
                                proposal(fixture)
                            } else {
                                Ok(deposit(if writer == 1 { BOREALIS.id } else { AURORA.id }))
                            }
                        };
                        let wait = Duration::from_millis(((writer * 37 + round * 53) % 150) as u64);
                        let id = write_late(&mut client, sql, wait)?.filter(|_| proposes);
                        if let Some(id) = id.as_ref().filter(|_| round % 2 == 0) {
                            write_late(&mut canceller, || cancellation(fixture, id), wait)?;
                        }
                        made.extend(id);
                    }
                    Ok(made)
                })
            })
            .collect();
        let writing = scope.spawn(|| -> Result<BTreeSet<String>> {
            let made = writers
                .into_iter()
                .map(|writer| writer.join().expect("a writer"))
                .collect::<Result<Vec<_>>>();
            done.store(true, SeqCst);
            Ok(made?.concat().into_iter().collect())
        });
        while !done.load(SeqCst) {
            batch(&mut sequencer, 1_000)?;
            let (_, through) = positions(&mut reader, &fixture, None)?;
            if let Some(through) = through {
                let (answer, _) = positions(&mut reader, &fixture, Some(&through))?;
                answers.entry(through).or_insert(answer);
            }
            poll(&mut lists)?;
            changes.poll(&mut changed, &fixture)?;
        }
        writing.join().expect("the writers")
    })?;
    // Until all that was written is final.
    let last = fixture.admin()?.query_one(
        "select clock_timestamp()::timestamptz at time zone 'UTC'",
        &[],
    )?;
    let last: time::PrimitiveDateTime = last.try_get(0)?;
    until("the last instant is final", || {
        batch(&mut sequencer, 1_000)?;
        Ok(poll(&mut lists)?.is_some_and(|through| {
            time::OffsetDateTime::parse(&through, &time::format_description::well_known::Rfc3339)
                .is_ok_and(|through| through > last.assume_utc())
        }))
    })?;
    ensure!(answers.len() > 3, "{} instants were final", answers.len());
    for (through, answer) in &answers {
        assert_eq!(
            &positions(&mut reader, &fixture, Some(through))?.0,
            answer,
            "{through}"
        );
    }
    assert_eq!(made.len(), WRITERS / 2 * ROUNDS);
    let missed: Vec<_> = made.difference(&polled).collect();
    assert!(missed.is_empty(), "{missed:?} were missed");
    changes.poll(&mut changed, &fixture)?;
    changes.check(&fixture)?;
    assert_books(&mut fixture.admin()?)
}

/// Two sessions and one account each: the earlier writes, waits, and commits after the later.
#[test]
fn a_late_commit_holds_the_final_instant_back() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut sequencer = fixture.login("sequence-tlog")?;
    let mut reader = fixture.login("list-positions")?;
    let mut late = fixture.login("platform-webhook")?;
    until("something is final", || {
        batch(&mut sequencer, 1_000)?;
        Ok(positions(&mut reader, &fixture, None)?.1.is_some())
    })?;
    let mut transaction = late.transaction()?;
    body(&mut transaction, &deposit(AURORA.id))?;
    let (before, _) = positions(&mut reader, &fixture, None)?;
    for _ in 0..5 {
        batch(&mut sequencer, 1_000)?;
        thread::sleep(Duration::from_millis(20));
    }
    let held = positions(&mut reader, &fixture, None)?
        .1
        .context("an instant")?;
    let written: String = transaction
        .query_one(
            "select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
            &[],
        )?
        .try_get(0)?;
    assert!(
        held < written,
        "{held} is final, and {written} still writes"
    );
    transaction.commit()?;
    until("the horizon has passed it", || {
        batch(&mut sequencer, 1_000)?;
        Ok(positions(&mut reader, &fixture, None)?
            .1
            .is_some_and(|through| through > written))
    })?;
    assert_ne!(positions(&mut reader, &fixture, None)?.0, before);
    // Times rise along an account, and the legs of a journal have one time.
    let wrong = fixture.admin()?.query(
        "select from capital.posting as p join capital.journal as j using (journal_id)
        where p.posted_at <> j.posted_at or p.posted_at < p.previous_posted_at",
        &[],
    )?;
    assert!(wrong.is_empty());
    Ok(())
}
