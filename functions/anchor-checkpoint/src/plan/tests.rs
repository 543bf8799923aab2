use evm::{Hash, SigningKey, Transaction};
use tlog::{anchor::Payload, merkle};

use super::*;

const CONFIRMATIONS: u64 = 2;

/// The account's transactions, each told by its nonce and its fee.
fn prepared(all: &[(u64, u128)]) -> Vec<Prepared> {
    let key = SigningKey::from_hex(&"46".repeat(32)).unwrap();
    let payload = Payload {
        size: 7,
        root: merkle::Hash::from_bytes([1; 32]),
        checkpoint_hash: merkle::Hash::from_bytes([2; 32]),
    };
    let sign = |&(nonce, max_fee_per_gas): &(u64, u128)| Prepared {
        payload,
        signed: key.sign(Transaction {
            chain_id: 1,
            nonce,
            max_priority_fee_per_gas: 1,
            max_fee_per_gas,
            gas_limit: 30_000,
            to: key.address(),
            value: 0,
            data: payload.to_bytes().to_vec(),
        }),
    };
    all.iter().map(sign).collect()
}

const fn mined(block_number: u64, succeeded: bool) -> Mined {
    Mined {
        block_number,
        block_hash: Hash::from_bytes([3; 32]),
        succeeded,
    }
}

/// The step in words: what, and the nonce and fee of which transaction.
fn words(step: &Step<'_>) -> String {
    let of = |signed: &Signed| {
        let transaction = signed.transaction();
        format!("{}:{}", transaction.nonce, transaction.max_fee_per_gas)
    };
    match step {
        Step::Confirm(one, mined) => {
            format!("confirm {} in {}", of(&one.signed), mined.block_number)
        }
        Step::Wait(signed) => format!("wait for {}", of(signed)),
        Step::Pursue(one) => format!("pursue {}", of(&one.signed)),
        Step::Begin { nonce } => format!("begin {nonce}"),
    }
}

/// The chain's height is 100.
const NONE: Inclusion = Inclusion::Absent;
const HEAD: Inclusion = Inclusion::Mined(mined(100, true));
const DEEP: Inclusion = Inclusion::Mined(mined(99, true));
const FAILED_IN_HEAD: Inclusion = Inclusion::Mined(mined(100, false));
const FAILED: Inclusion = Inclusion::Mined(mined(99, false));
const ABSURD: Inclusion = Inclusion::Mined(mined(u64::MAX, true));

/// What is prepared, as nonce and fee; the account's next nonce and the settled one; where each transaction was
/// seen; what is to be done.
type Case = (
    &'static str,
    &'static [(u64, u128)],
    [u64; 2],
    &'static [Inclusion],
    &'static str,
);

#[rustfmt::skip]
const CASES: [Case; 20] = [
    ("nothing is on its way", &[], [5, 5], &[], "begin 5"),
    ("recorded, perhaps not sent", &[(5, 10)], [5, 5], &[NONE], "pursue 5:10"),
    ("the last one offers most", &[(5, 10), (5, 20)], [5, 5], &[NONE, NONE], "pursue 5:20"),
    ("mined in the head", &[(5, 10)], [6, 5], &[HEAD], "wait for 5:10"),
    ("deep enough", &[(5, 10)], [6, 6], &[DEEP], "confirm 5:10 in 99"),
    ("mined though replaced", &[(5, 10), (5, 20)], [6, 6], &[DEEP, NONE], "confirm 5:10 in 99"),
    ("the mined one is what is told", &[(5, 10), (5, 20)], [6, 5], &[NONE, HEAD], "wait for 5:20"),
    ("a reorganisation has freed its nonce", &[(5, 10)], [5, 5], &[NONE], "pursue 5:10"),
    ("its nonce is spent, by whom is not clear", &[(5, 10)], [6, 5], &[NONE], "wait for 5:10"),
    ("its nonce is spent by something else", &[(5, 10)], [6, 6], &[NONE], "begin 6"),
    ("not all nonces are lost", &[(5, 10), (6, 10)], [7, 6], &[NONE, NONE], "wait for 6:10"),
    ("one nonce is lost, the next is alive", &[(5, 10), (6, 10)], [6, 6], &[NONE, NONE], "pursue 6:10"),
    ("it failed, in the head", &[(5, 10)], [6, 5], &[FAILED_IN_HEAD], "wait for 5:10"),
    ("it failed for good", &[(5, 10)], [6, 6], &[FAILED], "begin 6"),
    ("one failed for good, so all have", &[(5, 10), (5, 20)], [6, 6], &[NONE, FAILED], "begin 6"),
    ("a node lied about the nonce", &[(1000, 10)], [5, 5], &[NONE], "begin 5"),
    ("a node lies about its height", &[(5, 10)], [6, 6], &[ABSURD], "wait for 5:10"),
    ("its block is another's now", &[(5, 10)], [6, 6], &[Inclusion::Orphaned], "wait for 5:10"),
    (
        "deep in one block, gone from another",
        &[(5, 10), (5, 20)], [6, 6], &[Inclusion::Orphaned, DEEP], "confirm 5:20 in 99",
    ),
    ("a young chain has settled nothing", &[(0, 10)], [0, 0], &[NONE], "pursue 0:10"),
];

#[test]
fn steps() {
    for (why, all, [next_nonce, settled_nonce], seen, expected) in CASES {
        let prepared = prepared(all);
        let view = ChainView {
            head: 100,
            next_nonce,
            settled_nonce,
            seen: seen.to_vec(),
        };
        let step = next_step(&prepared, &view, CONFIRMATIONS);
        assert_eq!(words(&step), expected, "{why}");
    }
}

#[test]
fn confirmations_are_counted_with_the_block_itself() {
    let prepared = prepared(&[(5, 10)]);
    for (confirmations, block_number, is_confirmed) in [
        (1, 100, true),
        (2, 100, false),
        (2, 99, true),
        (3, 99, false),
        (100, 1, true),
    ] {
        let view = ChainView {
            head: 100,
            next_nonce: 6,
            settled_nonce: 6,
            seen: vec![Inclusion::Mined(mined(block_number, true))],
        };
        let step = next_step(&prepared, &view, confirmations);
        assert_eq!(matches!(step, Step::Confirm(..)), is_confirmed, "{step:?}");
    }
}
