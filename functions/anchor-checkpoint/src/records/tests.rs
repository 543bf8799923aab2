use evm::{SigningKey, Transaction};
use serde_json::{Value, json};
use tlog::{checkpoint::Checkpoint, merkle::Hash};

use super::*;

const ORIGIN: &str = "optkas.example/log";
const CHAIN_ID: u64 = 31_337;

fn note_key(seed: u8, name: &str) -> tlog::note::SigningKey {
    tlog::note::SigningKey::from_seed(name, &[seed; 32]).unwrap()
}

fn account(digit: &str) -> SigningKey {
    SigningKey::from_hex(&digit.repeat(64)).unwrap()
}

fn note(size: u64, key: &tlog::note::SigningKey, origin: &str) -> String {
    let checkpoint = Checkpoint::new(origin, size, Hash::from_bytes([7; 32])).unwrap();
    Note::sign(checkpoint.render(), key).unwrap().to_string()
}

fn records(body: Value) -> Records {
    serde_json::from_value(body).unwrap()
}

fn latest(size: u64, root: &str, note: &str) -> Records {
    let checkpoint = json!({"size": size, "root": root, "note": note});
    records(json!({"checkpoint": checkpoint, "anchored_size": 3, "prepared": []}))
}

#[test]
fn only_what_the_log_has_signed_is_anchored() {
    let key = note_key(1, ORIGIN);
    let log_key = key.verifier_key();
    let (root, good) = ("07".repeat(32), note(5, &key, ORIGIN));
    let target = latest(5, &root, &good).target(log_key).unwrap().unwrap();
    assert_eq!((target.size, target.root), (5, Hash::from_bytes([7; 32])));
    for (why, forged) in [
        ("another size", latest(6, &root, &good)),
        ("another root", latest(5, &"08".repeat(32), &good)),
        (
            "another key",
            latest(5, &root, &note(5, &note_key(2, ORIGIN), ORIGIN)),
        ),
        (
            "another log",
            latest(5, &root, &note(5, &note_key(1, "other"), "other")),
        ),
        (
            "another text",
            latest(5, &root, &good.replacen("\n5\n", "\n6\n", 1)),
        ),
        (
            "no signature",
            latest(5, &root, good.split("\n\n").next().unwrap()),
        ),
        ("nothing", latest(5, &root, "")),
    ] {
        assert_eq!(forged.target(log_key), Err(Unverified), "{why}");
    }
    let none = records(json!({"checkpoint": null, "anchored_size": null, "prepared": []}));
    assert_eq!(none.target(log_key), Ok(None));
    assert!(!none.has_anchored(0));
    assert!(latest(5, &root, &good).has_anchored(3));
}

#[test]
fn only_our_own_anchors_are_sent_again() {
    let ours = account("1");
    let key = note_key(1, ORIGIN);
    let note = note(5, &key, ORIGIN);
    let note = Note::parse(note.as_bytes()).unwrap();
    let payload = Payload::of(&note, key.verifier_key()).unwrap();
    let transaction = Transaction {
        chain_id: CHAIN_ID,
        nonce: 9,
        max_priority_fee_per_gas: 1,
        max_fee_per_gas: 2,
        gas_limit: 30_000,
        to: ours.address(),
        value: 0,
        data: payload.to_bytes().to_vec(),
    };
    let row = |size: u64, signed: &Signed| {
        json!({
            "size": size, "address": "0x", "nonce": 0,
            "transaction_hash": signed.hash().to_string(), "raw_transaction": signed.to_hex(),
        })
    };
    let read = |row: Value| {
        let all = records(json!({"checkpoint": null, "anchored_size": null, "prepared": [row]}));
        all.prepared(ours.address(), CHAIN_ID).pop()
    };
    let signed = ours.sign(transaction.clone());
    let expected = Prepared {
        payload,
        signed: signed.clone(),
    };
    assert_eq!(read(row(5, &signed)), Some(expected));
    let changed = |change: &dyn Fn(&mut Transaction)| {
        let mut changed = transaction.clone();
        change(&mut changed);
        row(5, &ours.sign(changed))
    };
    let mut renamed = row(5, &signed);
    renamed["transaction_hash"] = json!(format!("0x{}", "0".repeat(64)));
    let mut broken = row(5, &signed);
    broken["raw_transaction"] = json!("0x02");
    for (why, row) in [
        ("for another checkpoint", row(6, &signed)),
        (
            "of another account",
            row(5, &account("2").sign(transaction.clone())),
        ),
        ("for another chain", changed(&|it| it.chain_id = 1)),
        (
            "to another account",
            changed(&|it| it.to = account("2").address()),
        ),
        ("with money", changed(&|it| it.value = 1)),
        ("with other data", changed(&|it| it.data.truncate(80))),
        ("under another name", renamed),
        ("no transaction", broken),
    ] {
        assert_eq!(read(row), None, "{why}");
    }
}
