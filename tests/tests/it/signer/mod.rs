//! The signer: everything it publishes verifies under the log's key, after any crash or failure. It does not sign a
//! state that no crash explains.

mod attacks;
mod cosigned;
mod faults;
mod fixture;
mod rivals;
mod wire;

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tests::lambda::Invocation;

use self::fixture::{SignerFixture, last_metrics};
use crate::locks::until;

#[test]
fn the_log_is_published_and_grows_over_the_edges_of_tiles() -> Result<()> {
    let fixture = SignerFixture::new()?;
    // Nothing is sequenced: there is nothing to publish.
    assert_eq!(
        fixture.sign()?,
        json!({ "size": 0, "published_size": null, "rounds": 1, "signed": 0 })
    );
    assert_eq!(fixture.log.keys()?, [""; 0]);
    for size in [100, 101, 255, 256, 257, 512, 700] {
        fixture.grow_to(size)?;
        assert_eq!(
            fixture.sign()?,
            json!({ "size": size, "published_size": size, "rounds": 1, "signed": 1 })
        );
        fixture.verify(size)?;
        let line = last_metrics(&fixture.signer()?.logs())?;
        assert_eq!(
            (
                &line["log_size"],
                &line["log_published_size"],
                &line["signer_stopped"]
            ),
            (&json!(size), &json!(size), &json!(0)),
            "{line}"
        );
    }
    // Nothing new: nothing is written.
    let before = fixture.log.versions("")?;
    assert_eq!(
        fixture.sign()?,
        json!({ "size": 700, "published_size": 700, "rounds": 1, "signed": 0 })
    );
    assert_eq!(fixture.log.versions("")?, before);
    // More than a batch is signed batch after batch.
    fixture.grow_to(9_000)?;
    assert_eq!(
        fixture.sign()?,
        json!({ "size": 9_000, "published_size": 9_000, "rounds": 1, "signed": 3 })
    );
    fixture.verify(9_000)
}

#[test]
fn full_tiles_and_checkpoints_cannot_be_deleted() -> Result<()> {
    let fixture = SignerFixture::signed(300)?;
    for key in ["tile/0/000", "tile/entries/000", "checkpoints/300"] {
        let versions = fixture.log.versions(key)?;
        assert_eq!(versions.len(), 1, "{key}");
        assert_eq!(fixture.log.delete_version(&versions[0])?, 403, "{key}");
    }
    // Delete markers hide everything; deleting the markers shows it again.
    let before = fixture.log.versions("")?;
    for key in fixture.log.keys()? {
        fixture.log.delete(&key)?;
    }
    assert_eq!(fixture.log.keys()?, [""; 0]);
    fixture.log.rewind(&before)?;
    fixture.verify(300)
}

#[test]
fn an_invocation_runs_several_rounds() -> Result<()> {
    let fixture = SignerFixture::new()?;
    let signer = fixture
        .base
        .start(fixture.launch()?.with("TLOG_ROUND_SECONDS", "1"))?;
    fixture.grow_to(100)?;
    let reply = std::thread::scope(|scope| {
        // The last round begins when a beat and five seconds are left.
        let invocation = Invocation::new(&Value::Null).with_timeout(Duration::from_secs(9));
        let invoked = scope.spawn(|| signer.invoke(invocation));
        until("the first round has ended", || {
            Ok(fixture.log.get("checkpoint")?.is_some())
        })?;
        fixture.grow(10)?;
        invoked.join().expect("it has said why")
    })?
    .json();
    assert_eq!(
        (&reply["published_size"], &reply["signed"]),
        (&json!(110), &json!(2)),
        "{reply}"
    );
    assert!(reply["rounds"].as_u64() >= Some(2), "{reply}");
    fixture.verify(110)
}
