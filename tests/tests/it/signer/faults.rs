//! Faults at each write of a round: it fails, it fails after it has taken effect, or the signer is killed after it. The
//! next round repairs what is left, and the log is as it would have been.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::lambda::{Answer, Invocation};

use super::fixture::{SIGNER, SignerFixture};
use super::wire::{Fate, Wire};
use crate::locks::until;
use crate::support::together;

/// Beyond the writes of a round, which are these: staged, decided, tiles and bundles, checkpoints, forgotten.
const WRITES_MAX: usize = 40;

impl SignerFixture {
    /// A log of that size, signed, with the wire between the signer and AWS.
    fn wired(size: i64) -> Result<(Self, Wire)> {
        let fixture = Self::signed(size)?;
        let wire = Wire::open(fixture.base.services().secrets().address())?;
        let launch = fixture
            .launch()?
            .with("AWS_ENDPOINT_URL_S3", &wire.url())
            .with("AWS_ENDPOINT_URL_DYNAMODB", &wire.url());
        fixture.base.start(launch)?;
        Ok((fixture, wire))
    }
}

#[test]
fn a_round_writes_in_the_order_that_is_safe_at_any_crash() -> Result<()> {
    let (fixture, wire) = SignerFixture::wired(250)?;
    fixture.grow_to(260)?;
    wire.spare();
    fixture.sign()?;
    let writes = wire.spare();
    let (first, rest) = writes.split_at(2);
    let (files, last) = rest.split_at(rest.len() - 3);
    assert!(first[0].starts_with("PUT staging/260-"), "{writes:#?}");
    assert_eq!(first[1], "PutItem");
    let mut files = files.to_vec();
    files.sort_unstable();
    assert_eq!(
        files,
        [
            "PUT tile/0/000",
            "PUT tile/0/001.p/4",
            "PUT tile/1/000.p/1",
            "PUT tile/entries/000",
            "PUT tile/entries/001.p/4",
        ]
    );
    assert_eq!(last[..2], ["PUT checkpoints/260", "PUT checkpoint"]);
    assert_eq!(last[2], first[0].replace("PUT", "DELETE"));
    fixture.verify(260)
}

#[test]
fn a_write_that_fails_before_or_after_its_effect_is_recovered() -> Result<()> {
    let fates = [Fate::Refused, Fate::Persisted];
    let counts = together(fates.len(), |number| {
        // Over the edge of a tile, so that there are full ones and partial ones.
        let (fixture, wire) = SignerFixture::wired(250)?;
        let mut size = 250;
        for nth in 0..WRITES_MAX {
            size += 2;
            fixture.grow_to(size)?;
            wire.doom(nth, fates[number]);
            let ended = fixture.signer()?.invoke(Invocation::new(&Value::Null))?;
            let writes = wire.spare();
            let what = format!("{:?} of {:?}", fates[number], writes.get(nth));
            // Deleting the staged files may fail without failing the round.
            let hit = writes.len() > nth && !writes[nth].starts_with("DELETE");
            let failed = matches!(ended, Answer::Error(_));
            ensure!(
                failed == hit,
                "{what}: {ended:?}\n{}",
                fixture.signer()?.logs()
            );
            fixture.sign()?;
            if writes.len() <= nth {
                fixture.verify(size)?;
                return Ok(nth);
            }
            if writes[nth].starts_with("DELETE staging/") {
                // The bucket's life cycle removes it.
                fixture.log.delete(&writes[nth]["DELETE ".len()..])?;
            }
            fixture.verify(size).map_err(|error| error.context(what))?;
        }
        anyhow::bail!("a round does not end")
    })?;
    assert!(counts.iter().all(|count| *count >= 7), "{counts:?}");
    Ok(())
}

#[test]
fn a_retried_write_recognises_the_first_try() -> Result<()> {
    let fates = [Fate::CutBefore, Fate::CutAfter];
    together(fates.len(), |number| {
        let (fixture, wire) = SignerFixture::wired(250)?;
        fixture.grow_to(260)?;
        // Every write of the round: the staging object, the state, the files, the checkpoints, the deletion.
        wire.doom_all(fates[number]);
        assert_eq!(
            fixture.sign()?,
            json!({ "size": 260, "published_size": 260, "rounds": 1, "signed": 1 }),
            "{:?}",
            fates[number]
        );
        assert_eq!(wire.spare().len(), 10);
        fixture.verify(260)
    })?;
    Ok(())
}

#[test]
fn killed_after_any_write_the_next_round_continues() -> Result<()> {
    let (fixture, wire) = SignerFixture::wired(250)?;
    let mut size = 250;
    for nth in 0..WRITES_MAX {
        size += 2;
        fixture.grow_to(size)?;
        wire.doom(nth, Fate::Unanswered);
        let signer = fixture.base.function(SIGNER)?;
        let ended = std::thread::scope(|scope| {
            let invoked = scope.spawn(|| signer.invoke(Invocation::new(&Value::Null)));
            until("the write has taken effect, or the round has ended", || {
                Ok(wire.is_waiting() || invoked.is_finished())
            })?;
            signer.kill();
            invoked.join().expect("it has said why")
        })?;
        let writes = wire.spare();
        if matches!(ended, Answer::Response(_)) {
            ensure!(nth >= 7, "killed only {nth} times");
            return fixture.verify(size);
        }
        ensure!(ended == Answer::Died, "{ended:?}");
        fixture.sign()?;
        fixture
            .verify(size)
            .map_err(|error| error.context(format!("killed after {:?}", writes.get(nth))))?;
    }
    anyhow::bail!("a round does not end")
}
