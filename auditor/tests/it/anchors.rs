//! Anchors, offline.

use auditor::report::{Report, Verdict};
use evm::{Address, SigningKey, Transaction};
use tlog::{anchor::Payload, note::Note};

use crate::made::Made;

const SECRET: &str = "4646464646464646464646464646464646464646464646464646464646464646";

fn transaction(data: Vec<u8>, to: Address) -> Transaction {
    Transaction {
        chain_id: 31_337,
        nonce: 7,
        max_priority_fee_per_gas: 1,
        max_fee_per_gas: 2_000_000_000,
        gas_limit: 30_000,
        to,
        value: 0,
        data,
    }
}

fn payload(made: &Made, size: u64) -> Payload {
    let note = Note::parse(&made.read(&format!("log/checkpoints/{size}"))).unwrap();
    Payload::of(&note, made.key.verifier_key()).unwrap()
}

fn verify(made: &Made, raw: &[u8], address: &str, chain_id: &str) -> Report {
    made.write("transaction", raw);
    made.auditor(&[
        "anchor",
        &made.text("log/checkpoints/300"),
        &made.text("transaction"),
        "--chain-id",
        chain_id,
        "--address",
        address,
    ])
}

#[test]
fn an_anchor_is_verified_offline() {
    let made = Made::log(&[5, 300]);
    let key = SigningKey::from_hex(SECRET).unwrap();
    let address = key.address().to_string();
    let signed = key.sign(transaction(
        payload(&made, 300).to_bytes().to_vec(),
        key.address(),
    ));
    for raw in [
        signed.bytes().to_vec(),
        signed.to_hex().into_bytes(),
        format!("{}\n", &signed.to_hex()[2..]).into_bytes(),
    ] {
        let report = verify(&made, &raw, &address, "31337");
        assert_eq!(report.verdict(), Verdict::Verified, "{report}");
    }
    let shouted = format!("0x{}", address[2..].to_ascii_uppercase());
    assert_eq!(
        verify(&made, signed.bytes(), &shouted, "31337").verdict(),
        Verdict::Verified
    );
    let checks = [
        (verify(&made, signed.bytes(), &address, "1"), "chain_id"),
        (
            verify(
                &made,
                signed.bytes(),
                &format!("0x{}", "11".repeat(20)),
                "31337",
            ),
            "sender",
        ),
    ];
    for (report, field) in checks {
        assert_eq!(report.verdict(), Verdict::Tampered, "{report}");
        assert_eq!(report.findings()[0].fields[0].name, field);
    }
}

#[test]
fn an_anchor_of_another_checkpoint_or_to_somebody_else() {
    let made = Made::log(&[5, 300]);
    let key = SigningKey::from_hex(SECRET).unwrap();
    let address = key.address().to_string();
    let data = payload(&made, 300).to_bytes().to_vec();
    let mut rich = transaction(data.clone(), key.address());
    rich.value = 1;
    let bad = [
        key.sign(transaction(
            payload(&made, 5).to_bytes().to_vec(),
            key.address(),
        )),
        key.sign(transaction(data.clone(), Address::from_bytes([1; 20]))),
        key.sign(transaction(data[1..].to_vec(), key.address())),
        key.sign(rich),
    ];
    for signed in bad {
        let report = verify(&made, signed.bytes(), &address, "31337");
        assert_eq!(report.verdict(), Verdict::Tampered, "{report}");
    }
    for raw in [&b""[..], b"0x", b"0x02", b"\x02", b"hello"] {
        assert_eq!(
            verify(&made, raw, &address, "31337").verdict(),
            Verdict::Undecided
        );
    }
    assert_eq!(
        verify(&made, b"0x02", "me", "31337").verdict(),
        Verdict::Undecided
    );
}

/// With one bit flipped, a transaction has another sender or another content, or is malformed.
#[test]
fn no_byte_of_a_transaction_can_be_flipped() {
    let made = Made::log(&[5, 300]);
    let key = SigningKey::from_hex(SECRET).unwrap();
    let address = key.address().to_string();
    let signed = key.sign(transaction(
        payload(&made, 300).to_bytes().to_vec(),
        key.address(),
    ));
    for place in 0..signed.bytes().len() {
        let mut flipped = signed.bytes().to_vec();
        flipped[place] ^= 1 << (place % 8);
        let report = verify(&made, &flipped, &address, "31337");
        assert_ne!(report.verdict(), Verdict::Verified, "at {place}");
    }
}
