//! The latest checkpoint is on the chain exactly once, after crashes, lies of the node and reorganisations.

mod crash;
mod liar;
mod relay;

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use evm::{Signed, SigningKey, Transaction};
use serde_json::{Value, json};
use tests::chain::{CHAIN_ID, Chain, Mining};
use tests::fixture::Fixture;
use tests::lambda::{Answer, Function, Invocation};
use tlog::anchor::Payload;
use tlog::checkpoint::Checkpoint;
use tlog::merkle::Hash;
use tlog::note::{Note, SigningKey as NoteKey};

use crate::direct::{barrier, call, quote};
use crate::settlements::pending;
use crate::support::{count, together};

const ANCHOR: &str = "anchor-checkpoint";
/// The time of a run that ends while its transaction waits.
const SHORT: Duration = Duration::from_millis(1_700);
const LONG: Duration = Duration::from_secs(20);
const GWEI: u128 = 1_000_000_000;

/// A log with a checkpoint, and a chain.
struct AnchorFixture {
    base: Fixture,
    chain: Chain,
    account: SigningKey,
    /// `CHAIN_CONFIRMATIONS`.
    confirmations: u64,
    /// The function, with the chain itself as its node.
    direct: OnceLock<Arc<Function>>,
}

impl AnchorFixture {
    fn new(mining: Mining, confirmations: u64) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let base = Fixture::new()?;
        let name = format!("chain-{}", COUNT.fetch_add(1, SeqCst));
        let folder = base.services().folder().join(name);
        std::fs::create_dir_all(&folder)?;
        let account = base.deployment().chain_account()?;
        let chain = Chain::start(&folder, true, mining, account.address())?;
        let fixture = Self {
            base,
            chain,
            account,
            confirmations,
            direct: OnceLock::new(),
        };
        fixture.publish()?;
        Ok(fixture)
    }

    /// Gives the log's outcomes their places, and publishes the checkpoint over all of them.
    fn publish(&self) -> Result<Payload> {
        self.base.function("sequence-tlog")?.call(&Value::Null)?;
        let row = self
            .base
            .admin()?
            .query_one("select tlog.size(), tlog.root(tlog.size())", &[])?;
        let (size, root): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        let root = root.as_slice().try_into().map(Hash::from_bytes)?;
        let key = self.base.deployment().log_key()?;
        let note = signed(&key, u64::try_from(size)?, root)?;
        let outcome: String = self
            .base
            .login("sign-checkpoint")?
            .query_one(
                "select outcome from gateway.record_checkpoint($1, $2, $3)",
                &[&size, &&root.as_bytes()[..], &note.to_string()],
            )?
            .try_get(0)?;
        ensure!(outcome == "ok", "the checkpoint is not recorded: {outcome}");
        Ok(Payload::of(&note, key.verifier_key())?)
    }

    /// The function, with the node at that URL.
    fn function(&self, node: &str) -> Result<Arc<Function>> {
        let launch = self
            .base
            .launch(ANCHOR)?
            .with("CHAIN_RPC_URL", node)
            .with("CHAIN_CONFIRMATIONS", &self.confirmations.to_string());
        self.base.start(launch)
    }

    /// The function, with the chain itself as its node.
    fn direct(&self) -> Result<&Arc<Function>> {
        if let Some(function) = self.direct.get() {
            return Ok(function);
        }
        let function = self.function(&self.chain.url())?;
        Ok(self.direct.get_or_init(|| function))
    }

    /// A run until the checkpoint is anchored.
    fn run(&self) -> Result<Value> {
        self.direct()?.call(&Value::Null)
    }

    /// A run with almost no time.
    fn short_run(&self) -> Result<Value> {
        let answer = self
            .direct()?
            .invoke(Invocation::new(&Value::Null).with_timeout(SHORT))?;
        ensure!(matches!(answer, Answer::Response(_)), "{answer:?}");
        Ok(answer.json())
    }

    /// The transactions that are recorded, oldest first.
    fn recorded(&self) -> Result<Vec<Signed>> {
        let rows = self.base.admin()?.query(
            "select raw_transaction from tlog.anchor_transaction order by prepared_at",
            &[],
        )?;
        let read = |row: &postgres::Row| Ok(Signed::from_hex(row.try_get(0)?)?);
        rows.iter().map(read).collect()
    }

    /// The sizes that are recorded as anchored, with the transaction and the block.
    fn anchors(&self) -> Result<Vec<(u64, String, u64)>> {
        let rows = self.base.admin()?.query(
            "select size, transaction_hash, block_number from tlog.anchor order by size",
            &[],
        )?;
        let read = |row: &postgres::Row| {
            let (size, number): (i64, i64) = (row.try_get(0)?, row.try_get(2)?);
            Ok((size.try_into()?, row.try_get(1)?, number.try_into()?))
        };
        rows.iter().map(read).collect()
    }

    /// The anchors that our account has on the chain, read from the raw transactions as an auditor would.
    fn on_chain(&self) -> Result<Vec<Payload>> {
        let mut payloads = Vec::new();
        for transaction in self.chain.all_transactions()? {
            let raw = self
                .chain
                .call("eth_getRawTransactionByHash", &json!([transaction["hash"]]))?;
            let signed = Signed::from_hex(raw.as_str().context("no bytes")?)?;
            // Our reading of the bytes and the chain's agree.
            let seen = signed.transaction();
            assert_eq!(transaction["hash"], json!(signed.hash().to_string()));
            assert_eq!(transaction["from"], json!(signed.sender().to_string()));
            assert_eq!(transaction["to"], json!(seen.to.to_string()));
            assert_eq!(transaction["nonce"], json!(format!("{:#x}", seen.nonce)));
            assert_eq!(signed.sender(), self.account.address());
            payloads.extend(Payload::parse(&seen.data).ok());
        }
        Ok(payloads)
    }

    /// The checkpoint is on the chain once, and recorded once as confirmed.
    fn assert_anchored_once(&self, payload: &Payload) -> Result<()> {
        let on_chain = self.on_chain()?;
        let count = on_chain.iter().filter(|seen| *seen == payload).count();
        assert_eq!(count, 1, "{on_chain:?}");
        let anchors = self.anchors()?;
        let count = anchors
            .iter()
            .filter(|(size, ..)| *size == payload.size)
            .count();
        assert_eq!(count, 1, "{anchors:?}");
        Ok(())
    }

    /// The checkpoint that is to be anchored.
    fn target(&self) -> Result<Payload> {
        let note: String = self
            .base
            .admin()?
            .query_one(
                "select note from tlog.checkpoint order by size desc limit 1",
                &[],
            )?
            .try_get(0)?;
        let key = self.base.deployment().log_key()?;
        Ok(Payload::of(
            &Note::parse(note.as_bytes())?,
            key.verifier_key(),
        )?)
    }
}

/// The error of a run that has this much time.
fn failure(function: &Arc<Function>, time: Duration) -> Result<String> {
    match function.invoke(Invocation::new(&Value::Null).with_timeout(time))? {
        Answer::Error(error) => Ok(error),
        other => anyhow::bail!("the run did not fail: {other:?}"),
    }
}

fn signed(key: &NoteKey, size: u64, root: Hash) -> Result<Note> {
    let origin = key.verifier_key().name();
    Ok(Checkpoint::new(origin, size, root)?.sign(key)?)
}

/// The result of a run that has left its transaction waiting.
fn waits_for(result: &Value, signed: &Signed) {
    assert_eq!(result["pending"], json!(true), "{result}");
    assert_eq!(
        result["transaction_hash"],
        json!(signed.hash().to_string()),
        "{result}"
    );
}

/// The result of a run at whose end all is anchored.
fn has_anchored(result: &Value, payload: &Payload) {
    assert_eq!(result["pending"], json!(false), "{result}");
    assert_eq!(result["anchored_size"], json!(payload.size), "{result}");
}

#[test]
fn a_checkpoint_is_anchored_once_and_the_next_one_after_it() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    for round in 1..=2 {
        let payload = fixture.publish()?;
        let result = fixture.run()?;
        has_anchored(&result, &payload);
        assert!(result["transaction_hash"].is_string(), "{result}");
        // A further run has nothing to do.
        let idle = fixture.run()?;
        has_anchored(&idle, &payload);
        assert_eq!(idle["transaction_hash"], Value::Null, "{idle}");
        fixture.assert_anchored_once(&payload)?;
        let recorded = fixture.recorded()?;
        assert_eq!(recorded.len(), round);
        let (last, (_, hash, number)) = (
            recorded.last().context("none")?,
            fixture.anchors()?.pop().context("none")?,
        );
        assert_eq!(hash, last.hash().to_string());
        let block = fixture.chain.transactions(&json!(format!("{number:#x}")))?;
        assert_eq!(block[0]["hash"], json!(hash));
        pending(&fixture.base, 100)?;
    }
    Ok(())
}

#[test]
fn a_record_with_another_member_or_without_one_is_refused() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::OnRequest, 1)?;
    let size = fixture.target()?.size;
    let hash = format!("0x{}", "ab".repeat(32));
    let transaction = json!({
        "size": size, "address": format!("0x{}", "ab".repeat(20)), "nonce": 0,
        "transaction_hash": hash, "raw_transaction": "0xab",
    });
    let anchor = json!({"transaction_hash": hash, "block_number": 7, "block_hash": hash});
    let mut login = fixture.base.login(ANCHOR)?;
    for (function, table, good) in [
        (
            "record_anchor_transaction",
            "anchor_transaction",
            transaction,
        ),
        ("record_anchor", "anchor", anchor),
    ] {
        let members = good.as_object().context("an object")?;
        let mut wrong = vec![json!({}), json!([]), json!("size"), Value::Null];
        for name in members.keys() {
            let (mut without, mut null) = (members.clone(), members.clone());
            without.remove(name);
            null[name] = Value::Null;
            wrong.extend([without, null].map(Value::Object));
        }
        let mut unknown = members.clone();
        unknown.insert("block".to_owned(), json!(1));
        wrong.push(Value::Object(unknown));
        let sql = |record: &str| call(function, &format!("{CHAIN_ID}, {record}"));
        let mut records: Vec<_> = wrong.iter().map(|one| quote(&one.to_string())).collect();
        records.push("null".to_owned());
        for record in records {
            let stopped = barrier(login.simple_query(&sql(&record)));
            assert_eq!(stopped, "OPK04 members-not-these", "{function}: {record}");
        }
        let rows = format!("select count(*) from tlog.{table}");
        assert_eq!(count(&mut fixture.base.admin()?, &rows)?, 0, "{function}");
        // Counter-check: all members are enough, again too.
        for _ in 0..2 {
            login.simple_query(&sql(&quote(&good.to_string())))?;
        }
        assert_eq!(count(&mut fixture.base.admin()?, &rows)?, 1, "{function}");
    }
    assert_eq!(fixture.anchors()?, [(size, hash, 7)]);
    Ok(())
}

#[test]
fn before_anything_is_published_there_is_nothing_to_anchor() -> Result<()> {
    let base = Fixture::new()?;
    // No node is running.
    let result = base.function(ANCHOR)?.call(&Value::Null)?;
    assert_eq!(
        result,
        json!({"anchored_size": null, "pending": false, "transaction_hash": null})
    );
    Ok(())
}

#[test]
fn two_runs_at_once_make_one_anchor() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::EverySeconds(1), 1)?;
    let payload = fixture.target()?;
    let launch = fixture
        .base
        .launch(ANCHOR)?
        .with("CHAIN_RPC_URL", &fixture.chain.url())
        .with("CHAIN_CONFIRMATIONS", "1");
    let function = fixture.base.start(launch.scaled(2, 1))?;
    for result in together(2, |_| function.call(&Value::Null))? {
        has_anchored(&result, &payload);
    }
    fixture.assert_anchored_once(&payload)
}

#[test]
fn a_transaction_with_too_low_a_fee_is_replaced_at_its_nonce() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::OnRequest, 1)?;
    let payload = fixture.target()?;
    let waiting = fixture.short_run()?;
    let first = fixture.recorded()?.remove(0);
    waits_for(&waiting, &first);
    fixture.chain.set_base_fee(100 * GWEI)?;
    let waiting = fixture.short_run()?;
    let recorded = fixture.recorded()?;
    let [_, second] = &*recorded else {
        anyhow::bail!("{recorded:?}")
    };
    waits_for(&waiting, second);
    let (old, new) = (first.transaction(), second.transaction());
    assert_eq!((old.nonce, &old.data), (new.nonce, &new.data));
    assert!(new.max_fee_per_gas >= 200 * GWEI, "{new:?}");
    assert!(
        new.max_priority_fee_per_gas * 8 >= old.max_priority_fee_per_gas * 9,
        "{new:?}"
    );
    // The new fee is high enough: the transaction is left alone.
    waits_for(&fixture.short_run()?, second);
    assert_eq!(fixture.recorded()?.len(), 2);
    fixture.chain.mine(1)?;
    let result = fixture.run()?;
    has_anchored(&result, &payload);
    assert_eq!(result["transaction_hash"], json!(second.hash().to_string()));
    fixture.assert_anchored_once(&payload)
}

#[test]
fn a_transaction_dropped_by_a_reorganisation_is_sent_again() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::OnRequest, 2)?;
    let payload = fixture.target()?;
    fixture.short_run()?;
    let signed = fixture.recorded()?.remove(0);
    fixture.chain.mine(1)?;
    // The transaction is on the chain, but not deep enough.
    waits_for(&fixture.short_run()?, &signed);
    assert_eq!(fixture.on_chain()?, [payload]);
    fixture.chain.reorganise(1)?;
    assert_eq!(fixture.on_chain()?, []);
    waits_for(&fixture.short_run()?, &signed);
    fixture.chain.mine(2)?;
    has_anchored(&fixture.run()?, &payload);
    assert_eq!(fixture.recorded()?, [signed]);
    fixture.assert_anchored_once(&payload)
}

#[test]
fn a_nonce_spent_by_another_transaction_is_given_up_once_that_is_final() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::OnRequest, 2)?;
    let payload = fixture.target()?;
    fixture.short_run()?;
    let ours = fixture.recorded()?.remove(0);
    fixture.chain.forget_transaction(ours.hash())?;
    let foreign = fixture.account.sign(Transaction {
        data: b"not an anchor".to_vec(),
        ..ours.transaction().clone()
    });
    let sent = json!([foreign.to_hex()]);
    fixture.chain.call("eth_sendRawTransaction", &sent)?;
    fixture.chain.mine(1)?;
    // A reorganisation could still undo it.
    waits_for(&fixture.short_run()?, &ours);
    assert_eq!(fixture.recorded()?.len(), 1);
    fixture.chain.mine(1)?;
    fixture.short_run()?;
    let recorded = fixture.recorded()?;
    let [_, second] = &*recorded else {
        anyhow::bail!("{recorded:?}")
    };
    assert_eq!(second.transaction().nonce, ours.transaction().nonce + 1);
    fixture.chain.mine(2)?;
    has_anchored(&fixture.run()?, &payload);
    fixture.assert_anchored_once(&payload)
}

#[test]
fn an_account_without_funds_is_reported_and_sends_once_it_has_some() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    let payload = fixture.target()?;
    fixture.chain.set_balance(fixture.account.address(), 0)?;
    let function = fixture.function(&fixture.chain.url())?;
    let error = failure(&function, LONG)?;
    assert!(error.contains("transaction-refused"), "{error}");
    assert_eq!(fixture.on_chain()?, []);
    let prepared = fixture.recorded()?;
    fixture.chain.fund(fixture.account.address())?;
    has_anchored(&fixture.run()?, &payload);
    assert_eq!(fixture.recorded()?, prepared);
    fixture.assert_anchored_once(&payload)
}

#[test]
fn a_kept_chain_continues_after_a_restart() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    let folder = fixture.base.services().folder().join("kept-chain");
    std::fs::create_dir_all(&folder)?;
    let account = fixture.account.address();
    let mut chain = Chain::start(&folder, false, Mining::AtOnce, account)?;
    let function = fixture.function(&chain.url())?;
    has_anchored(&function.call(&Value::Null)?, &fixture.target()?);
    let (before, head) = (chain.all_transactions()?, chain.head()?);
    chain.stop();
    let chain = Chain::start(&folder, false, Mining::AtOnce, account)?;
    assert_eq!(chain.all_transactions()?, before);
    assert_eq!((chain.head()?, chain.nonce(account)?), (head, 1));
    drop(chain);
    Chain::forget(&folder)?;
    Ok(())
}
