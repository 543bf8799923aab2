//! A run that is killed or cut off between record and sending, or after the sending.

use std::sync::{Arc, OnceLock, Weak};

use anyhow::Result;
use serde_json::Value;
use tests::chain::Mining;
use tests::http::Reply;
use tests::lambda::{Answer, Function, Invocation};

use super::relay::{Fate, Relay};
use super::{AnchorFixture, LONG, SHORT, failure, has_anchored, waits_for};

const SEND: &str = "eth_sendRawTransaction";

/// A run whose process is killed at its first sending, before or after the chain has the transaction.
fn die(fixture: &AnchorFixture, after: bool) -> Result<()> {
    let victim = Arc::<OnceLock<Weak<Function>>>::default();
    let relay = Relay::start(&fixture.chain, {
        let victim = Arc::clone(&victim);
        move |method| {
            let victim = Arc::clone(&victim);
            let kill = move || {
                if let Some(function) = victim.get().and_then(Weak::upgrade) {
                    function.kill();
                }
            };
            match method {
                SEND if after => Fate::Change(Box::new(move |answer| {
                    kill();
                    answer
                })),
                SEND => {
                    kill();
                    Fate::Reply(Reply::Close)
                }
                _ => Fate::Forward,
            }
        }
    })?;
    let function = fixture.function(&relay.url())?;
    let _first = victim.set(Arc::downgrade(&function));
    let answer = function.invoke(Invocation::new(&Value::Null))?;
    assert_eq!(answer, Answer::Died);
    assert_eq!(relay.count(SEND), 1);
    Ok(())
}

#[test]
fn killed_between_record_and_sending_the_next_run_sends_the_recorded_transaction() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    let payload = fixture.target()?;
    die(&fixture, false)?;
    let recorded = fixture.recorded()?;
    assert_eq!(recorded.len(), 1);
    assert_eq!(fixture.on_chain()?, []);
    has_anchored(&fixture.run()?, &payload);
    assert_eq!(fixture.recorded()?, recorded);
    fixture.assert_anchored_once(&payload)
}

#[test]
fn killed_after_sending_the_next_run_recognises_the_transaction_and_sends_nothing() -> Result<()> {
    for mining in [Mining::AtOnce, Mining::OnRequest] {
        let fixture = AnchorFixture::new(mining, 1)?;
        let payload = fixture.target()?;
        die(&fixture, true)?;
        let relay = Relay::start(&fixture.chain, |_| Fate::Forward)?;
        let function = fixture.function(&relay.url())?;
        if mining == Mining::OnRequest {
            let short = Invocation::new(&Value::Null).with_timeout(SHORT);
            let waiting = function.invoke(short)?.json();
            waits_for(&waiting, &fixture.recorded()?[0]);
            fixture.chain.mine(1)?;
        }
        has_anchored(&function.call(&Value::Null)?, &payload);
        assert_eq!(relay.count(SEND), 0);
        assert_eq!(fixture.recorded()?.len(), 1);
        fixture.assert_anchored_once(&payload)?;
    }
    Ok(())
}

#[test]
fn a_node_that_fails_at_any_call_costs_one_run_and_nothing_else() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    let payload = fixture.target()?;
    // The lost answer to the sending comes last, since the anchor is complete after it.
    for method in [
        "eth_chainId",
        "eth_blockNumber",
        "eth_getTransactionCount",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_maxPriorityFeePerGas",
        "eth_getTransactionByHash",
        SEND,
        "eth_getTransactionReceipt",
        "eth_getBlockByNumber",
    ] {
        let relay = Relay::start(&fixture.chain, move |asked| {
            if asked == method {
                Fate::Lose
            } else {
                Fate::Forward
            }
        })?;
        let error = failure(&fixture.function(&relay.url())?, LONG)?;
        assert!(error.contains("Internal Server Error"), "{method}: {error}");
        assert_eq!(fixture.anchors()?, [], "{method}");
    }
    has_anchored(&fixture.run()?, &payload);
    assert_eq!(fixture.recorded()?.len(), 1);
    fixture.assert_anchored_once(&payload)
}

#[test]
fn without_a_node_the_run_fails() -> Result<()> {
    let fixture = AnchorFixture::new(Mining::AtOnce, 1)?;
    let function = fixture.function("http://127.0.0.1:9")?;
    let error = failure(&function, LONG)?;
    assert!(error.contains("Internal Server Error"), "{error}");
    assert!(function.logs().contains("no answer to eth_chainId"));
    assert_eq!(fixture.recorded()?, []);
    has_anchored(&fixture.run()?, &fixture.target()?);
    assert_eq!(fixture.chain.nonce(fixture.account.address())?, 1);
    assert_eq!(fixture.chain.waiting()?, Vec::<Value>::new());
    Ok(())
}
