//! A lying node, and a database with false rows.

use anyhow::Result;
use serde_json::{Value, json};
use tests::chain::Mining;
use tests::http::Reply;
use tlog::merkle::Hash;
use tlog::note::SigningKey as NoteKey;

use super::relay::{Fate, Relay, text};
use super::{AnchorFixture, LONG, SHORT, failure, has_anchored, signed};

/// The lie, the method, the false answer, and the reason that the run fails for.
type Lie = (&'static str, &'static str, fn() -> Fate, &'static str);

const FAILED: &str = "Internal Server Error";
const SILENCE: &str = "no word";
const OTHER_HASH: &str = "0x00000000000000000000000000000000000000000000000000000000000000aa";

fn say(result: Value) -> Fate {
    Fate::Change(Box::new(move |_| result.clone()))
}

fn with(member: &'static str, value: &Value) -> Fate {
    let value = value.clone();
    Fate::Change(Box::new(move |mut answer| {
        if answer.is_object() {
            answer[member] = value.clone();
        }
        answer
    }))
}

const GAS: &str = "eth_estimateGas";
const SEND: &str = "eth_sendRawTransaction";
const RECEIPT: &str = "eth_getTransactionReceipt";
const SOMEBODY: &str = "0x00000000000000000000000000000000000000aa";

#[rustfmt::skip]
const LIES: [Lie; 14] = [
    ("another chain", "eth_chainId", || say(json!("0x1")), "wrong-chain"),
    (
        "a fee beyond reason",
        "eth_feeHistory",
        || say(json!({"baseFeePerGas": ["0xffffffffffffffffffffffff"]})),
        "fee-too-high",
    ),
    ("no fees", "eth_feeHistory", || say(json!({"baseFeePerGas": []})), FAILED),
    ("a malformed number", "eth_blockNumber", || say(json!("latest")), FAILED),
    ("a nonce beyond a nonce", "eth_getTransactionCount", || say(json!("0x10000000000000000")), FAILED),
    ("no JSON", GAS, || Fate::Reply(text(200, "<html>".to_owned())), FAILED),
    ("an answer to something else", GAS, || Fate::Reply(text(200, r#"{"id":2,"result":"0x1"}"#.to_owned())), FAILED),
    ("more than is read", GAS, || Fate::Reply(text(200, format!("\"{}\"", "0".repeat(5 << 20)))), FAILED),
    ("another status", GAS, || Fate::Reply(text(429, r#"{"id":1,"result":"0x1"}"#.to_owned())), FAILED),
    (SILENCE, GAS, || Fate::Reply(Reply::Hang), FAILED),
    ("it has sent something else", SEND, || say(json!(OTHER_HASH)), FAILED),
    ("a receipt of something else", RECEIPT, || with("transactionHash", &json!(OTHER_HASH)), FAILED),
    ("a receipt of somebody else", RECEIPT, || with("from", &json!(SOMEBODY)), FAILED),
    ("a block without it", "eth_getBlockByNumber", || with("transactions", &json!([OTHER_HASH])), FAILED),
];

#[test]
fn a_lying_node_gets_no_false_anchor_recorded() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    let payload = fixture.target()?;
    for (why, method, lie, reason) in LIES {
        let relay = Relay::start(&fixture.chain, move |asked| {
            if asked == method {
                lie()
            } else {
                Fate::Forward
            }
        })?;
        // A silent node is waited for only as long as the run has time.
        let time = if why == SILENCE { SHORT } else { LONG };
        let answer = failure(&fixture.function(&relay.url())?, time)?;
        assert!(answer.contains(reason), "{why}: {answer}");
        assert!(relay.count(method) > 0, "{why}");
        assert_eq!(fixture.anchors()?, [], "{why}");
    }
    has_anchored(&fixture.run()?, &payload);
    // After every lie: one transaction was signed, with reasonable fees, for this checkpoint.
    let recorded = fixture.recorded()?;
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].transaction().data, payload.to_bytes());
    assert!(recorded[0].transaction().max_fee_per_gas <= 10 * super::GWEI);
    fixture.assert_anchored_once(&payload)
}

#[test]
fn a_node_that_hides_a_block_only_delays_the_anchor() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    let payload = fixture.target()?;
    let relay = Relay::start(&fixture.chain, |asked| match asked {
        // As during a reorganisation: the receipt's block is not the block at its height.
        "eth_getBlockByNumber" => with("hash", &json!(OTHER_HASH)),
        _ => Fate::Forward,
    })?;
    let function = fixture.function(&relay.url())?;
    let short = tests::lambda::Invocation::new(&Value::Null).with_timeout(SHORT);
    let waiting = function.invoke(short)?.json();
    assert_eq!(waiting["pending"], json!(true), "{waiting}");
    assert_eq!(fixture.anchors()?, []);
    relay.be_honest();
    has_anchored(&function.call(&Value::Null)?, &payload);
    fixture.assert_anchored_once(&payload)
}

#[test]
fn a_checkpoint_of_another_key_is_not_anchored() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    let key = fixture.base.deployment().log_key()?;
    let name = key.verifier_key().name();
    let other = NoteKey::from_seed(name, &[7; 32])?;
    let root = Hash::from_bytes([7; 32]);
    let size = fixture.target()?.size;
    let forge = "insert into tlog.checkpoint (size, root, note) values ($1, $2::bytea, $3)";
    let function = fixture.function(&fixture.chain.url())?;
    for (more, note) in [
        (1_u64, signed(&other, size + 1, root)?.to_string()),
        // Signed by the log, but over another tree than the row's.
        (
            2,
            signed(&key, size + 2, Hash::from_bytes([8; 32]))?.to_string(),
        ),
        (3, "no note".to_owned()),
    ] {
        let size = i64::try_from(size + more)?;
        let root = root.as_bytes().as_slice();
        fixture
            .base
            .admin()?
            .execute(forge, &[&size, &root, &note])?;
        let error = failure(&function, LONG)?;
        assert!(error.contains("checkpoint-unverified"), "{note}: {error}");
    }
    assert_eq!(fixture.recorded()?, []);
    assert_eq!(fixture.on_chain()?, []);
    Ok(())
}

#[test]
fn a_recorded_transaction_that_is_not_ours_is_neither_sent_nor_believed() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    let payload = fixture.target()?;
    let thief = tests::chain::account(&"7".repeat(64))?;
    fixture.chain.fund(thief.address())?;
    // A superuser's own transaction on the chain, with the same content.
    let foreign = thief.sign(evm::Transaction {
        chain_id: tests::chain::CHAIN_ID,
        nonce: 0,
        max_priority_fee_per_gas: super::GWEI,
        max_fee_per_gas: 10 * super::GWEI,
        gas_limit: 50_000,
        to: thief.address(),
        value: 0,
        data: payload.to_bytes().to_vec(),
    });
    let sent = json!([foreign.to_hex()]);
    fixture.chain.call("eth_sendRawTransaction", &sent)?;
    let mut admin = fixture.base.admin()?;
    let (chain_id, size) = (
        i64::try_from(tests::chain::CHAIN_ID)?,
        i64::try_from(payload.size)?,
    );
    admin.execute(
        "insert into tlog.anchor_intent (chain_id, size, address, nonce) values ($1, $2, $3, 0)",
        &[&chain_id, &size, &thief.address().to_string()],
    )?;
    admin.execute(
        "insert into tlog.anchor_transaction (transaction_hash, chain_id, size, nonce, raw_transaction)
         values ($1::text, $2, $3, 0, $4)",
        &[&foreign.hash().to_string(), &chain_id, &size, &foreign.to_hex()],
    )?;
    has_anchored(&fixture.run()?, &payload);
    let (_, hash, _) = fixture.anchors()?.remove(0);
    assert_ne!(hash, foreign.hash().to_string());
    assert_eq!(fixture.chain.nonce(fixture.account.address())?, 1);
    Ok(())
}
