//! Receipts: every outcome has one, which verifies offline and states the answer.

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::fixture::Fixture;
use tests::http::Transport as _;
use tlog::leaf::{ActorKind, Leaf, Outcome, body_hash, id_hash, refusal_hash};
use tlog::policy::Policy;
use tlog::proof::Proof;

use crate::mutations::{accepted, refused};
use crate::settlements::{AMOUNT, escrowed, pending};
use crate::support::count;

/// The keys that an auditor gets out of band.
fn policy(fixture: &Fixture) -> Result<Policy> {
    let text = format!("log {}\nquorum none\n", fixture.deployment().verifier_key());
    Ok(Policy::parse(text.as_bytes())?)
}

#[test]
fn every_outcome_has_a_receipt_that_verifies_offline_and_says_what_was_answered() -> Result<()> {
    let fixture = Fixture::new()?;
    let policy = policy(&fixture)?;
    for mutation in accepted(&fixture)?.into_iter().chain(refused(&fixture)?) {
        fixture.send(&mutation.request)?;
    }
    let size = fixture.seal()?;
    let mut seen = 0;
    let mut admin = fixture.admin()?;
    for person in ["carol", "mallory"] {
        let person = fixture.person(person);
        let keys = admin.query(
            "select encode(o.key, 'hex'), o.body::text from ledger.commitment_outcome as o
            where o.allocator_id = $1::text::uuid",
            &[&person.person.allocator.id.to_string()],
        )?;
        for row in &keys {
            let (key, body): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let entry = person.get(&format!("/v1/commitments/{key}"))?.json();
            let file = person.get(&format!("/v1/commitments/{key}/proof"))?;
            assert_eq!(
                (file.status, file.header("content-type")),
                (200, Some("text/plain; charset=utf-8"))
            );
            let receipt = &entry["log_entry"];
            assert_eq!(receipt["proof"], file.text());
            assert_eq!(receipt["checkpoint_size"], size);

            let proof = Proof::parse(&file.body)?;
            proof.verify(&policy)?;
            assert_eq!(
                (proof.checkpoint().size(), receipt["index"].as_u64()),
                (size, Some(proof.index()))
            );
            let leaf = Leaf::parse(proof.extra().context("the entry")?)?;
            assert_eq!(receipt["leaf"], leaf.render());
            assert_eq!(receipt["leaf_hash"], leaf.hash().to_string());
            assert_eq!(leaf.id.to_string(), key);
            assert_eq!(entry["fingerprint"], leaf.fingerprint.to_string());
            assert_eq!(entry["operation"], leaf.operation);
            assert_eq!(entry["outcome"], leaf.outcome.as_str());
            match &leaf.outcome {
                Outcome::Accepted(status) => {
                    assert_eq!(entry["status"], status.get());
                    assert_eq!(leaf.body_hash, body_hash(&body));
                }
                Outcome::Refused(name) => {
                    let name = name.as_str();
                    assert_eq!(entry["body"]["status"], entry["status"]);
                    assert_eq!(entry["body"]["type"], format!("urn:optkas:problem:{name}"));
                    assert_eq!(leaf.body_hash, refusal_hash(name, &body));
                }
            }
            assert_eq!(entry["claimed_at"], leaf.claimed_at.as_str());
            assert_eq!(entry["committed_at"], leaf.committed_at.as_str());
            assert_eq!(leaf.actor.id_hash, actor(&entry["actor"])?);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} receipts");
    Ok(())
}

fn actor(principal: &Value) -> Result<tlog::merkle::Hash> {
    let kind = match principal["kind"].as_str() {
        Some("human") => ActorKind::Human,
        Some("agent") => ActorKind::Agent,
        _ => ActorKind::System,
    };
    Ok(id_hash(kind, principal["id"].as_str().context("an id")?))
}

#[test]
fn a_receipt_is_pending_until_it_is_published_and_then_good_for_ever() -> Result<()> {
    let fixture = Fixture::new()?;
    let policy = policy(&fixture)?;
    let alice = fixture.person("alice");
    let id = pending(&fixture, AMOUNT)?;
    let settlement = alice.get(&format!("/v1/settlements/{id}"))?.json();
    let key = settlement["transitions"][0]["commitment_id"]
        .as_str()
        .context("a key")?;
    let (entry, file) = (
        format!("/v1/commitments/{key}"),
        format!("/v1/commitments/{key}/proof"),
    );

    let early = alice.get(&file)?;
    assert_eq!(
        (early.status, early.json()["type"].as_str()),
        (404, Some("urn:optkas:problem:not-published"))
    );
    assert_eq!(
        alice.get("/v1/checkpoint")?.json()["type"],
        "urn:optkas:problem:not-published"
    );
    assert_eq!(alice.get(&entry)?.json()["log_entry"]["proof"], Value::Null);
    // A place in the log without a checkpoint gives no receipt yet.
    fixture.function("sequence-tlog")?.call(&Value::Null)?;
    assert_eq!(alice.get(&file)?.status, 404);

    let first = fixture.seal()?;
    let kept = alice.get(&file)?;
    assert_eq!(kept.status, 200);
    escrowed(&fixture, AMOUNT)?;
    let second = fixture.seal()?;
    assert!(second > first);
    let newer = alice.get(&file)?;
    for receipt in [&kept, &newer] {
        Proof::parse(&receipt.body)?.verify(&policy)?;
    }
    assert_ne!(
        kept.body, newer.body,
        "the newer one is against the newer checkpoint"
    );
    let checkpoint = alice.get("/v1/checkpoint")?.json();
    assert_eq!(checkpoint["size"], second);
    assert!(
        newer
            .text()
            .ends_with(checkpoint["note"].as_str().context("a note")?)
    );
    // Another allocator gets 404.
    let answer = fixture.person("mallory").get(&file)?;
    assert_eq!(
        (answer.status, answer.json()["type"].as_str()),
        (404, Some("urn:optkas:problem:not-found"))
    );
    assert_eq!(
        count(
            &mut fixture.admin()?,
            "select count(*) from tlog.checkpoint"
        )?,
        2
    );
    Ok(())
}
