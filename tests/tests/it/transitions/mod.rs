//! A settlement takes only legal steps, by actors who may take them. Constraints hold this with triggers switched off
//! and in replica mode.

mod chain;
mod edges;
mod status;

use anyhow::{Result, ensure};
use serde_json::json;
use tests::sample_data::{USD_FACILITY, idempotency_key};

use crate::direct::Direct;
use crate::isolation::proposed;

/// All states.
const STATES: [&str; 7] = [
    "PENDING",
    "VERIFIED",
    "ESCROWED",
    "SETTLED",
    "CANCELLED",
    "FAILED",
    "EXPIRED",
];

/// Each step with the version that it leads to: the number of its transition.
const LEGAL: [(i32, &str, &str); 9] = [
    (2, "PENDING", "VERIFIED"),
    (2, "PENDING", "CANCELLED"),
    (2, "PENDING", "EXPIRED"),
    (3, "VERIFIED", "ESCROWED"),
    (3, "VERIFIED", "CANCELLED"),
    (3, "VERIFIED", "FAILED"),
    (3, "VERIFIED", "EXPIRED"),
    (4, "ESCROWED", "SETTLED"),
    (4, "ESCROWED", "FAILED"),
];

fn is_legal(from: &str, to: &str) -> bool {
    LEGAL
        .iter()
        .any(|(_, legal_from, legal_to)| (from, to) == (*legal_from, *legal_to))
}

/// Brings a new settlement of alice's into that state and returns its id. States that end before escrow are reached
/// from VERIFIED.
fn settlement_in(direct: &mut Direct<'_>, state: &str) -> Result<String> {
    if state == "EXPIRED" {
        return expired(direct);
    }
    let id = proposed(direct, "alice", USD_FACILITY)?;
    bring(direct, &id, state)?;
    Ok(id)
}

/// Brings a PENDING settlement into that state.
fn bring(direct: &mut Direct<'_>, id: &str, state: &str) -> Result<()> {
    let path: &[&str] = match state {
        "PENDING" => &[],
        "VERIFIED" => &["verify"],
        "ESCROWED" => &["verify", "funded"],
        "SETTLED" => &["verify", "funded", "completed"],
        "CANCELLED" => &["verify", "cancel"],
        "FAILED" => &["verify", "failed"],
        other => anyhow::bail!("no path to {other}"),
    };
    for step in path {
        let amount = Some((1000, "USD"));
        let key = idempotency_key();
        let reply = match *step {
            "verify" => direct.human("verify-settlement", "bob", &key, &format!("'{id}'"))?,
            "cancel" => {
                direct.human("cancel-settlement", "alice", &key, &format!("'{id}', null"))?
            }
            "funded" => direct.report(
                "escrow-webhook",
                "escrow-one",
                "escrow.funded",
                id,
                USD_FACILITY.id,
                amount,
            )?,
            "failed" => direct.report(
                "escrow-webhook",
                "escrow-one",
                "escrow.failed",
                id,
                USD_FACILITY.id,
                None,
            )?,
            _ => direct.report(
                "settlement-webhook",
                "settle-one",
                "settlement.completed",
                id,
                USD_FACILITY.id,
                amount,
            )?,
        };
        ensure!(reply.outcome == "accepted", "{step}: {reply:?}");
    }
    Ok(())
}

fn expired(direct: &mut Direct<'_>) -> Result<String> {
    let rest = format!(
        "'{}', 1000, 'USD', '2099-01-02', null, null, clock_timestamp() + interval '500 milliseconds'",
        USD_FACILITY.id
    );
    let created = direct.human("create-settlement", "alice", &idempotency_key(), &rest)?;
    let id = created.body["id"].as_str().unwrap_or_default().to_owned();
    for _ in 0..1000 {
        direct.call("expire-settlements", "gen_random_uuid()::text, 100")?;
        if direct
            .read("get-settlement", "alice", &format!("'{id}'"))?
            .body["status"]
            == json!("EXPIRED")
        {
            return Ok(id);
        }
    }
    anyhow::bail!("{id} does not expire")
}
