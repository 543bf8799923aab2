//! `verify anchor`: a transaction that carries a checkpoint, and whether a chain has it.

use serde_json::{Value, json};
use tlog::{
    anchor::{self, Payload},
    note::{Note, VerifierKey},
};

use crate::{
    cli,
    files::read,
    report::{Field, Finding, Report, Undecided},
    source::post_json,
    trust::Trust,
};

pub(crate) fn verify(
    arguments: &cli::Anchor,
    trust: &Trust,
    report: &mut Report,
) -> Result<(), Undecided> {
    let account: evm::Address = arguments
        .address
        .to_ascii_lowercase()
        .parse()
        .map_err(|error| Undecided(format!("--address {error}")))?;
    let expected = expected(arguments, trust, report)?;
    report.fact("checkpoint_hash", expected.checkpoint_hash.to_string());
    let signed = decode(arguments)?;
    report.fact("transaction_hash", signed.hash().to_string());
    report.fact("chain_id", signed.transaction().chain_id);
    report.fact("sender", signed.sender().to_string());

    compare(arguments.chain_id, account, &expected, &signed, report);
    if let Some(url) = &arguments.rpc {
        on_chain(url, arguments, &signed, report)
    } else {
        report.note("whether a chain has the transaction was not asked (--rpc)");
        Ok(())
    }
}

/// The payload that the checkpoint's transaction must carry.
fn expected(
    arguments: &cli::Anchor,
    trust: &Trust,
    report: &mut Report,
) -> Result<Payload, Undecided> {
    let name = arguments.checkpoint.display().to_string();
    let note = Note::parse(&read(&arguments.checkpoint)?)
        .map_err(|error| Undecided(format!("{name}: {error}")))?;
    let checkpoint = trust.accept_note(&name, &note, report)?;
    let checkpoint_hash = signer(trust, &note, checkpoint.origin())
        .and_then(|key| anchor::checkpoint_hash(&note, key))
        .ok_or_else(|| Undecided::new("no log of the policy signed it"))?;
    report.fact("origin", checkpoint.origin());
    report.fact("size", checkpoint.size());
    report.fact("root", checkpoint.root().to_base64());
    Ok(Payload {
        size: checkpoint.size(),
        root: *checkpoint.root(),
        checkpoint_hash,
    })
}

/// Compares the transaction with the chain and the account that were named, and its data with the payload.
fn compare(
    chain_id: u64,
    account: evm::Address,
    expected: &Payload,
    signed: &evm::Signed,
    report: &mut Report,
) {
    let mut differing = Vec::new();
    let mut compare = |field: &str, recorded: String, found: String| {
        if recorded != found {
            differing.push(Field {
                name: field.to_owned(),
                recorded: Some(recorded),
                found: Some(found),
            });
        }
    };
    let transaction = signed.transaction();
    let (account, sender) = (account.to_string(), signed.sender().to_string());
    compare(
        "chain_id",
        chain_id.to_string(),
        transaction.chain_id.to_string(),
    );
    compare("sender", account.clone(), sender);
    compare("recipient", account, transaction.to.to_string());
    compare("value", "0".to_owned(), transaction.value.to_string());
    match Payload::parse(&transaction.data) {
        Err(error) => {
            let text = format!("the transaction's data is {error}");
            report.find(Finding::new("anchor-payload", text));
        }
        Ok(found) => {
            compare("size", expected.size.to_string(), found.size.to_string());
            compare("root", expected.root.to_string(), found.root.to_string());
            compare(
                "checkpoint_hash",
                expected.checkpoint_hash.to_string(),
                found.checkpoint_hash.to_string(),
            );
        }
    }
    if !differing.is_empty() {
        let text = "the transaction does not carry this checkpoint for this account";
        report.find(Finding::new("anchor-differs", text).differing(differing));
    }
}

/// The log's key that signed the note. The policy may list several keys of one name.
fn signer<'a>(trust: &'a Trust, note: &Note, origin: &str) -> Option<&'a VerifierKey> {
    let keys = trust.policy().logs().iter().map(tlog::policy::Log::key);
    keys.filter(|key| key.name() == origin)
        .find(|key| note.verify(key).is_ok())
}

/// Reads the transaction's file: hexadecimal digits with or without `0x`, or the bytes themselves.
fn decode(arguments: &cli::Anchor) -> Result<evm::Signed, Undecided> {
    let path = &arguments.transaction;
    let failed =
        |error: evm::MalformedTransaction| Undecided(format!("{} {error}", path.display()));
    let bytes = read(path)?;
    match str::from_utf8(&bytes).map(str::trim) {
        Ok(text) if text.starts_with("0x") => {
            evm::Signed::from_hex(&text.to_ascii_lowercase()).map_err(failed)
        }
        Ok(text) if text.starts_with("02") => {
            evm::Signed::from_hex(&format!("0x{}", text.to_ascii_lowercase())).map_err(failed)
        }
        _ => evm::Signed::decode(&bytes).map_err(failed),
    }
}

/// Asks the node whether the chain has the transaction, in which block, and how many blocks came after. The node is
/// believed.
fn on_chain(
    url: &str,
    arguments: &cli::Anchor,
    signed: &evm::Signed,
    report: &mut Report,
) -> Result<(), Undecided> {
    if !is_confidential(url) {
        return Err(Undecided(format!(
            "{url}: the node is believed, so https, or http on this machine"
        )));
    }
    let chain_id = number(&call(url, "eth_chainId", &json!([]))?)?;
    if chain_id != arguments.chain_id {
        return Err(Undecided(format!("{url} is a node of chain {chain_id}")));
    }
    let hash = signed.hash().to_string();
    let receipt = call(url, "eth_getTransactionReceipt", &json!([hash]))?;
    if receipt.is_null() {
        report.undecided("the chain does not have the transaction, or not yet");
        return Ok(());
    }
    if receipt["transactionHash"] != hash.as_str() {
        return Err(Undecided(format!(
            "{url} answered about another transaction"
        )));
    }
    let block = number(&receipt["blockNumber"])?;
    report.fact("block_number", block);
    report.fact("block_hash", receipt["blockHash"].clone());
    if receipt["status"] != "0x1" {
        report.find(Finding::new(
            "anchor-failed",
            "the chain has the transaction as failed",
        ));
    }
    let head = number(&call(url, "eth_blockNumber", &json!([]))?)?;
    let depth = head.saturating_sub(block) + 1;
    report.fact("confirmations", depth);
    if depth < arguments.confirmations {
        let asked = arguments.confirmations;
        report.undecided(format!("{depth} blocks deep, not {asked}: ask again later"));
    }
    Ok(())
}

fn call(url: &str, method: &str, parameters: &Value) -> Result<Value, Undecided> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
    let mut reply = post_json(url, &request)?;
    if reply["error"].is_null() && reply.get("result").is_some() {
        Ok(reply["result"].take())
    } else {
        Err(Undecided(format!("{url}: {method} failed")))
    }
}

fn number(value: &Value) -> Result<u64, Undecided> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    digits
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| Undecided::new("the node answered no number"))
}

fn is_confidential(url: &str) -> bool {
    let loopback = ["127.0.0.1", "localhost", "[::1]"];
    let host = url
        .strip_prefix("http://")
        .map(|rest| rest.split(['/', '?']).next().unwrap_or(rest));
    url.starts_with("https://")
        || host.is_some_and(|host| {
            let name = host
                .rsplit_once(':')
                .filter(|(name, _)| !name.is_empty() && *name != "[:");
            let name = name.map_or(host, |(name, port)| {
                if port.bytes().all(|digit| digit.is_ascii_digit()) {
                    name
                } else {
                    host
                }
            });
            loopback.contains(&name)
        })
}

#[cfg(test)]
mod tests {
    use super::is_confidential;

    #[test]
    fn plain_http_never_leaves_this_machine() {
        for good in [
            "https://node.example",
            "http://127.0.0.1:8545",
            "http://localhost/x",
            "http://[::1]:1/",
        ] {
            assert!(is_confidential(good), "{good}");
        }
        for bad in [
            "http://node.example",
            "http://127.0.0.1.example",
            "http://localhost@evil.example",
            "ftp://127.0.0.1",
        ] {
            assert!(!is_confidential(bad), "{bad}");
        }
    }
}
