//! The auditor verifies an anchored checkpoint, offline and with a node of the chain.

use anyhow::Result;
use evm::{Signed, SigningKey, Transaction};
use serde_json::Value;
use tests::chain::{CHAIN_ID, Chain, Mining};

use super::fixture::{Answer, AuditorFixture};

#[test]
fn an_anchor_is_verified_offline_and_on_the_chain() -> Result<()> {
    let fixture = AuditorFixture::new()?;
    let account = fixture.base.deployment().chain_account()?;
    let folder = fixture.base.services().folder().join("auditor-chain");
    std::fs::create_dir_all(&folder)?;
    let chain = Chain::start(&folder, true, Mining::AtOnce, account.address())?;
    let launch = fixture.base.launch("anchor-checkpoint")?;
    let launch = launch
        .with("CHAIN_RPC_URL", &chain.url())
        .with("CHAIN_CONFIRMATIONS", "1");
    fixture.base.start(launch)?.call(&Value::Null)?;
    let row = fixture.base.admin()?.query_one(
        "select c.note, t.raw_transaction
        from tlog.anchor as a
        join tlog.anchor_transaction as t using (transaction_hash)
        join tlog.checkpoint as c on c.size = a.size",
        &[],
    )?;
    let checkpoint = fixture.write("anchored", row.try_get::<_, &str>(0)?)?;
    let raw: &str = row.try_get(1)?;
    let address = account.address().to_string();
    let verify = |raw: &str, more: &[&str]| -> Result<Answer> {
        let transaction = fixture.write("transaction", raw)?;
        let chain_id = CHAIN_ID.to_string();
        let arguments = [
            "anchor",
            &checkpoint,
            &transaction,
            "--chain-id",
            &chain_id,
            "--address",
            &address,
        ];
        fixture.auditor(&[&arguments, more].concat())
    };

    let offline = verify(raw, &[])?;
    assert_eq!(offline.code, 0, "{}", offline.said);
    assert_eq!(offline.said["facts"]["size"], fixture.size);
    let node = chain.url();
    let there = verify(raw, &["--rpc", &node])?;
    assert_eq!(there.code, 0, "{}", there.said);
    assert!(there.said["facts"]["confirmations"].as_u64() >= Some(1));
    // An anchor that is not deep enough, and one that is not on the chain: undecided.
    let deeper = verify(raw, &["--rpc", &node, "--confirmations", "1000"])?;
    assert_eq!(deeper.code, 2, "{}", deeper.said);
    let never_sent = resigned(&account, raw, |transaction| transaction.nonce += 1)?;
    assert_eq!(verify(&never_sent, &[])?.code, 0);
    assert_eq!(verify(&never_sent, &["--rpc", &node])?.code, 2);
    assert_eq!(verify(raw, &["--rpc", "http://127.0.0.1:9"])?.code, 2);

    // An anchor of another chain, with another root, or by another account.
    let elsewhere = resigned(&account, raw, |transaction| transaction.chain_id = 1)?;
    assert_eq!(verify(&elsewhere, &[])?.code, 1);
    let other = resigned(&account, raw, |transaction| transaction.data[30] ^= 1)?;
    assert_eq!(verify(&other, &[])?.code, 1);
    let stranger = SigningKey::from_hex(&"46".repeat(32))?;
    let stolen = resigned(&stranger, raw, |transaction| {
        transaction.to = stranger.address();
    })?;
    assert_eq!(verify(&stolen, &[])?.code, 1);
    Ok(())
}

/// The transaction with a change, signed by that key.
fn resigned(key: &SigningKey, raw: &str, change: impl FnOnce(&mut Transaction)) -> Result<String> {
    let mut transaction = Signed::from_hex(raw)?.transaction().clone();
    change(&mut transaction);
    Ok(key.sign(transaction).to_hex())
}
