//! A checkpoint is published once a quorum of witnesses has cosigned it, whatever the other witnesses do.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::aws::ORIGIN;
use tests::witness::{Behaviour, Witness, policy};
use tlog::policy::Policy;

use super::fixture::{SignerFixture, last_metrics};

/// How many are asked to cosign, of four.
const WANTED: usize = 3;

struct Court {
    fixture: SignerFixture,
    witnesses: Vec<Witness>,
}

impl Court {
    fn new() -> Result<Self> {
        let fixture = SignerFixture::new()?;
        let witnesses = (0..4)
            .map(|number| Witness::start(&format!("w{number}.example"), fixture.key()?))
            .collect::<Result<Vec<_>>>()?;
        let launch = fixture
            .launch()?
            .with("WITNESS_POLICY", &policy(WANTED, &witnesses));
        fixture.base.start(launch)?;
        Ok(Self { fixture, witnesses })
    }

    /// Grows the log and signs; returns the witnesses that cosigned.
    fn sign(&self) -> Result<Vec<String>> {
        self.fixture.grow(7)?;
        let reply = self.fixture.sign()?;
        assert_eq!(
            reply["size"],
            reply["published_size"],
            "{}",
            self.fixture.signer()?.logs()
        );
        self.fixture
            .verify(reply["size"].as_i64().context("no size")?)?;
        self.cosigners()
    }

    fn cosigners(&self) -> Result<Vec<String>> {
        let (_, note) = self.fixture.latest()?.context("no checkpoint")?;
        let policy = Policy::parse(policy(WANTED, &self.witnesses).as_bytes())?;
        let quorum = policy.cosigners(&note)?;
        assert!(quorum.met);
        // The note has the signatures of the log and of these witnesses, and no other.
        assert_eq!(note.signatures().len(), 1 + quorum.cosigned.len());
        Ok(quorum.cosigned.into_iter().map(|who| who.witness).collect())
    }
}

#[test]
fn a_quorum_suffices_and_an_absent_witness_catches_up_later() -> Result<()> {
    let court = Court::new()?;
    assert_eq!(court.sign()?, ["w0", "w1", "w2", "w3"]);
    assert_eq!(court.sign()?, ["w0", "w1", "w2", "w3"]);
    for behaviour in [
        Behaviour::Down,
        Behaviour::Hang,
        Behaviour::Status(500),
        Behaviour::Status(200),
        Behaviour::Status(409),
        Behaviour::Dishonest,
        Behaviour::Silent,
        Behaviour::Slow(Duration::from_secs(3)),
    ] {
        court.witnesses[1].behave(behaviour);
        assert_eq!(court.sign()?, ["w0", "w2", "w3"], "{behaviour:?}");
        // This witness has missed checkpoints: it answers 409 with its size, and gets the proof from there.
        let behind = court.witnesses[1].cosigned(ORIGIN);
        court.witnesses[1].behave(Behaviour::Honest);
        drop(court.witnesses[1].answered());
        assert_eq!(
            court.sign()?,
            ["w0", "w1", "w2", "w3"],
            "{behaviour:?}, {behind:?}"
        );
        if behaviour == Behaviour::Down {
            assert_eq!(court.witnesses[1].answered(), [409, 200]);
        }
    }
    Ok(())
}

#[test]
fn without_a_quorum_nothing_is_published_until_there_is_one() -> Result<()> {
    let court = Court::new()?;
    court.sign()?;
    let before = court.fixture.log.get("checkpoint")?;
    let published = court.fixture.latest()?.context("no checkpoint")?.0.size();
    court.witnesses[3].behave(Behaviour::Dishonest);
    court.fixture.grow(7)?;
    // One that is needed is waited for, and not for ever.
    for behaviour in [Behaviour::Down, Behaviour::Hang] {
        court.witnesses[0].behave(behaviour);
        assert_eq!(
            court.fixture.sign()?,
            json!({ "size": published + 7, "published_size": published, "rounds": 1, "signed": 0 })
        );
        let line = last_metrics(&court.fixture.signer()?.logs())?;
        assert_eq!(line["witness_quorum_missed"], 1, "{line}");
        assert_eq!(court.fixture.log.get("checkpoint")?, before);
        // The log grows meanwhile; the decided tree is published first.
        court.fixture.grow(7)?;
    }
    court.witnesses[0].behave(Behaviour::Honest);
    // The tree that was decided on, and then all the rest.
    let reply = court.fixture.sign()?;
    assert_eq!(
        reply,
        json!({ "size": published + 21, "published_size": published + 21, "rounds": 1, "signed": 2 })
    );
    assert_eq!(court.cosigners()?, ["w0", "w1", "w2"]);
    court.fixture.verify(i64::try_from(published + 21)?)
}

#[test]
fn a_witness_that_has_seen_another_tree_never_cosigns() -> Result<()> {
    let court = Court::new()?;
    court.sign()?;
    let size = court.fixture.latest()?.context("no checkpoint")?.0.size();
    // The same log name and key over another tree: a fork, as its witnesses see it.
    let forked = SignerFixture::new()?;
    let launch = forked
        .launch()?
        .with("WITNESS_POLICY", &policy(WANTED, &court.witnesses));
    forked.base.start(launch)?;
    for more in [0, 5] {
        forked.grow_to(i64::try_from(size)? + more)?;
        let reply = forked.sign()?;
        assert_eq!(
            (&reply["published_size"], &reply["signed"]),
            (&json!(null), &json!(0)),
            "{reply}"
        );
    }
    assert!(forked.latest()?.is_none());
    assert!(
        court
            .witnesses
            .iter()
            .all(|witness| witness.cosigned(ORIGIN) == Some(size))
    );
    Ok(())
}
