//! A rotation while people work: no valid request is refused, and after the sync no request with the retired
//! key is accepted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tests::fixture::Fixture;
use tests::issuer::{Algorithm, Key};
use tests::sample_data::idempotency_key;

use super::{ask, ask_as};
use crate::mutations::proposal;
use crate::support::assert_books;

const WORKERS: usize = 3;

/// The requests of the workers and of the holders of an old token during the rotation.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    /// The rounds of each worker.
    served: [AtomicUsize; WORKERS],
    /// The old key's retirement has been committed.
    retired: AtomicBool,
    accepted_before: AtomicUsize,
    refused_after: AtomicUsize,
}

#[test]
fn a_rotation_under_load_fails_only_tokens_of_the_retired_key() -> Result<()> {
    let fixture = Fixture::new()?;
    for function in ["list-positions", "create-settlement"] {
        fixture.start(fixture.launch(function)?.scaled(2, 1))?;
    }
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        rotate_under_load(&fixture, algorithm)?;
    }
    assert_books(&mut fixture.admin()?)
}

fn rotate_under_load(fixture: &Fixture, algorithm: Algorithm) -> Result<()> {
    let (load, old) = (Load::default(), fixture.person("alice").token());
    scope(|scope| {
        let mut threads: Vec<_> = (0..WORKERS)
            .map(|worker| {
                scope.spawn({
                    let load = &load;
                    move || work(fixture, load, worker)
                })
            })
            .collect();
        threads.push(scope.spawn(|| hold_on(fixture, &load, &old)));
        let rotated = rotate(fixture, &load, algorithm);
        load.over.store(true, SeqCst);
        for thread in threads {
            thread.join().expect("a thread that fails has said why")?;
        }
        rotated
    })?;
    ensure!(
        load.accepted_before.into_inner() > 0,
        "the old token was never good"
    );
    ensure!(
        load.refused_after.into_inner() > 0,
        "nobody tried the old token in the end"
    );
    assert_eq!(ask(fixture, &old)?, "OPK02 token-refused");
    Ok(())
}

/// As Supabase does it: announced, known to the database, signing; and withdrawn when no token of the old
/// key is about any more (there after an hour, here when everybody has been served anew).
fn rotate(fixture: &Fixture, load: &Load, algorithm: Algorithm) -> Result<()> {
    everybody_is_served(load)?;
    fixture.issuer().announce(Key::generate(algorithm)?);
    everybody_is_served(load)?;
    fixture.sync_keys()?;
    everybody_is_served(load)?;
    fixture.issuer().promote();
    everybody_is_served(load)?;
    fixture.issuer().drop_old_keys();
    everybody_is_served(load)?;
    fixture.sync_keys()?;
    load.retired.store(true, SeqCst);
    everybody_is_served(load)
}

/// Reads and proposes, each time with a fresh token of the key that signs at that moment.
fn work(fixture: &Fixture, load: &Load, worker: usize) -> Result<()> {
    while !load.over.load(SeqCst) {
        let alice = fixture.person("alice");
        let read = alice.get("/v1/positions")?;
        ensure!(
            read.status == 200,
            "a valid request: {} {}",
            read.status,
            read.text()
        );
        let made = alice.post("/v1/settlements", &idempotency_key(), &proposal(100))?;
        ensure!(
            made.status == 201,
            "a valid request: {} {}",
            made.status,
            made.text()
        );
        load.served[worker].fetch_add(1, SeqCst);
    }
    Ok(())
}

/// Presents a token of the old key to the database, past the function in front.
fn hold_on(fixture: &Fixture, load: &Load, old: &str) -> Result<()> {
    let mut login = fixture.login("list-positions")?;
    while !load.over.load(SeqCst) {
        let retired = load.retired.load(SeqCst);
        match (retired, &*ask_as(&mut login, old)) {
            (false, "nothing") => load.accepted_before.fetch_add(1, SeqCst),
            (true, "OPK02 token-refused") => load.refused_after.fetch_add(1, SeqCst),
            // Retired while it was asked; or tried again, as a function would.
            (false, "OPK02 token-refused") => 0,
            (_, conflict) if conflict.starts_with("40001") => 0,
            (_, other) => anyhow::bail!("the old token, retired {retired}: {other}"),
        };
        sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Waits until every worker has begun and ended a round since: one of them may be slow, and still hold a token
/// of before.
fn everybody_is_served(load: &Load) -> Result<()> {
    let rounds = || load.served.each_ref().map(|served| served.load(SeqCst));
    let (start, before) = (Instant::now(), rounds());
    while rounds()
        .iter()
        .zip(before)
        .any(|(now, before)| *now < before + 2)
    {
        let waited = start.elapsed();
        (waited < Duration::from_mins(1))
            .then_some(())
            .context("the workers have stopped")?;
        sleep(Duration::from_millis(5));
    }
    Ok(())
}
