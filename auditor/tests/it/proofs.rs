//! Receipts, and consistency of two checkpoints.

use auditor::report::{Report, Verdict};
use tlog::{
    leaf::{
        Actor, ActorKind, Leaf, NO_MUTATIONS, Outcome, Status, Timestamp, Uuid, body_hash, id_hash,
    },
    merkle::{Hash, consistency_path, inclusion_path},
    note::Note,
    proof::Proof,
    tiles::{Tile, TileNodes, new_tiles},
};

use crate::made::Made;

pub(crate) fn leaf(index: u64) -> Leaf {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&index.to_be_bytes());
    Leaf {
        id: Hash::from_bytes(id),
        fingerprint: Hash::from_bytes([1; 32]),
        actor: Actor {
            kind: ActorKind::Human,
            id_hash: id_hash(ActorKind::Human, "someone"),
        },
        operation: "create-settlement".to_owned(),
        resource_id: String::new(),
        attempt: "one".to_owned(),
        occurred_at: None,
        claimed_at: Timestamp::parse("2026-11-23T01:02:03.123456Z").unwrap(),
        allocator_id: None,
        created_id: Uuid::parse("0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10"),
        outcome: Outcome::Accepted(Status::new(201).unwrap()),
        committed_at: Timestamp::parse("2026-11-23T01:02:03.223456Z").unwrap(),
        body_hash: body_hash("{}"),
        mutations: 0,
        mutations_hash: NO_MUTATIONS,
    }
}

fn made(sizes: &[u64]) -> Made {
    Made::log_of(sizes, |index| leaf(index).render().into_bytes())
}

fn nodes(made: &Made, size: u64) -> TileNodes {
    let mut nodes = TileNodes::new();
    for tile in new_tiles(0, size) {
        nodes
            .insert(tile, made.read(&format!("log/{}", Tile::path(&tile))))
            .unwrap();
    }
    nodes
}

fn receipt(made: &Made, index: u64, size: u64) -> Proof {
    let path = inclusion_path(index, size, &nodes(made, size)).unwrap();
    let note = Note::parse(&made.read(&format!("log/checkpoints/{size}"))).unwrap();
    Proof::new(Some(leaf(index).render().into_bytes()), index, path, note).unwrap()
}

fn verify_receipt(made: &Made, proof: &str, more: &[&str]) -> Report {
    made.write("receipt", proof);
    made.auditor(&[&["receipt", &made.text("receipt")], more].concat())
}

#[test]
fn a_receipt_is_verified_and_says_what_it_proves() {
    let made = made(&[300]);
    for index in [0, 1, 255, 256, 299] {
        let report = verify_receipt(&made, &receipt(&made, index, 300).to_string(), &[]);
        assert_eq!(report.verdict(), Verdict::Verified, "{report}");
        let facts = &report.json("")["facts"];
        assert_eq!(facts["index"], index);
        assert_eq!(facts["id"], leaf(index).id.to_string());
        assert_eq!(facts["operation"], "create-settlement");
    }
}

#[test]
fn no_byte_of_a_receipt_can_be_flipped() {
    let made = made(&[300]);
    let whole = receipt(&made, 17, 300).to_string().into_bytes();
    for place in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[place] ^= 1 << (place % 7);
        made.write("receipt", &flipped);
        let report = made.auditor(&["receipt", &made.text("receipt")]);
        assert_ne!(report.verdict(), Verdict::Verified, "at {place}");
    }
}

#[test]
fn a_receipt_for_something_else_is_found_out() {
    let made = made(&[300]);
    let proof = receipt(&made, 17, 300);
    let other = Proof::new(
        Some(leaf(18).render().into_bytes()),
        17,
        proof.path().to_vec(),
        proof.note().clone(),
    );
    let report = verify_receipt(&made, &other.unwrap().to_string(), &[]);
    assert_eq!(
        (report.verdict(), report.first_bad_index()),
        (Verdict::Tampered, Some(17))
    );
    let id = leaf(17).id.to_string();
    let report = verify_receipt(&made, &proof.to_string(), &["--id", &id]);
    assert_eq!(report.verdict(), Verdict::Verified);
    let report = verify_receipt(&made, &proof.to_string(), &["--id", &"00".repeat(32)]);
    assert_eq!(report.verdict(), Verdict::Tampered);
    assert_eq!(report.findings()[0].kind, "other-commitment");
}

#[test]
fn a_receipt_that_cannot_be_decided() {
    let made = made(&[300]);
    let proof = receipt(&made, 17, 300).to_string();
    for (bad, reason) in [
        ("", "not a transparency log's proof"),
        ("hello", "not a transparency log's proof"),
        (
            &proof.replace("gateway.example", "another.example"),
            "no log of the policy",
        ),
    ] {
        let report = verify_receipt(&made, bad, &[]);
        assert_eq!(report.verdict(), Verdict::Undecided, "{report}");
        assert!(report.to_string().contains(reason), "{report}");
    }
    made.write("receipt", &proof);
    let policy = made.text("policy-with-witness");
    let report = crate::made::auditor(&["receipt", &made.text("receipt"), "--policy", &policy]);
    assert_eq!(report.verdict(), Verdict::Undecided, "{report}");
}

fn consistency(made: &Made, old: &str, new: &str, more: &[&str]) -> Report {
    made.auditor(&[&["consistency", &made.text(old), &made.text(new)], more].concat())
}

#[test]
fn two_checkpoints_of_one_log() {
    let made = Made::log(&[1, 5, 256, 300, 70_000]);
    let log = made.text("log");
    for (old, new) in [
        (1, 5),
        (5, 256),
        (256, 300),
        (5, 70_000),
        (300, 70_000),
        (300, 300),
    ] {
        let (old_file, new_file) = (
            format!("log/checkpoints/{old}"),
            format!("log/checkpoints/{new}"),
        );
        let report = consistency(&made, &old_file, &new_file, &["--log", &log]);
        assert_eq!(
            report.verdict(),
            Verdict::Verified,
            "{old} to {new}: {report}"
        );
        if old < new {
            let path = consistency_path(old, new, &nodes(&made, new)).unwrap();
            let lines: String = path.iter().map(|hash| hash.to_base64() + "\n").collect();
            made.write("proof", &lines);
            let report = consistency(
                &made,
                &old_file,
                &new_file,
                &["--proof", &made.text("proof")],
            );
            assert_eq!(
                report.verdict(),
                Verdict::Verified,
                "{old} to {new}: {report}"
            );
        }
    }
}

#[test]
fn two_checkpoints_that_are_not_of_one_log() {
    let made = Made::log(&[5, 256, 300]);
    let other = Made::log_of(&[5, 256], |index| format!("other {index}").into_bytes());
    let log = made.text("log");
    for size in [5, 256] {
        made.write("old", &other.read(&format!("log/checkpoints/{size}")));
        let report = consistency(&made, "old", "log/checkpoints/300", &["--log", &log]);
        assert_eq!(
            (report.verdict(), report.first_bad_index()),
            (Verdict::Tampered, Some(0)),
            "{report}"
        );
        assert_eq!(report.findings()[0].kind, "forked");
    }
    let report = consistency(&made, "old", "log/checkpoints/256", &["--log", &log]);
    assert_eq!(report.findings()[0].kind, "forked");
    // With the two exchanged, the tiles are those of another log.
    made.write("new", &other.read("log/checkpoints/256"));
    let report = consistency(&made, "log/checkpoints/5", "new", &["--log", &log]);
    assert_eq!(report.findings()[0].kind, "root-differs");
    made.write("proof", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    let report = consistency(
        &made,
        "log/checkpoints/5",
        "log/checkpoints/300",
        &["--proof", &made.text("proof")],
    );
    assert_eq!(report.verdict(), Verdict::Tampered);
}

#[test]
fn two_checkpoints_that_say_nothing() {
    let mut made = Made::nothing();
    made.publish();
    made.builder.push(b"first").unwrap();
    made.publish();
    let log = made.text("log");
    for (old, new, reason) in [
        ("log/checkpoints/0", "log/checkpoints/1", "of no entries"),
        (
            "log/checkpoints/1",
            "log/checkpoints/0",
            "the other way round",
        ),
        ("log/checkpoints/1", "policy", "not a signed checkpoint"),
    ] {
        let report = consistency(&made, old, new, &["--log", &log]);
        assert_eq!(report.verdict(), Verdict::Undecided, "{report}");
        assert!(report.to_string().contains(reason), "{report}");
    }
}
