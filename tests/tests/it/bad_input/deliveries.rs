//! Deliveries of agents: each bad member is named. The bad bodies are correctly signed.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Response, Transport as _};
use tests::sample_data::{AURORA, Kind, PLATFORM, delivery};
use uuid::Uuid;

use super::values::{
    bad_currencies, bad_currency_codes, bad_ids, bad_money, bad_occurrences, bad_texts, with,
    without, words,
};
use super::{assert_invalid, ledger_rows};
use crate::endpoints::event;
use crate::settlements::facility;

/// The sender, a good event, one of its members, and bad values of that member.
type Row = (&'static str, Value, &'static str, Vec<Value>);

#[test]
fn each_bad_member_of_a_delivery_is_named() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    for (agent, good, pointer, values) in table() {
        for body in values
            .iter()
            .map(|value| with(&good, pointer, value.clone()))
            .chain([without(&good, pointer)])
        {
            assert_invalid(
                &format!("{agent} {pointer}: {body}"),
                &signed(&fixture, agent, &body)?,
                &[pointer],
            );
        }
        // An unknown member beside `data` as well.
        for unknown in ["/data/note", "/note"] {
            let body = with(&good, unknown, json!("x"));
            assert_invalid(
                &format!("{agent} {unknown}"),
                &signed(&fixture, agent, &body)?,
                &[unknown],
            );
        }
    }
    for (agent, kind) in [
        ("escrow-one", "settlement.completed"),
        ("settle-one", "escrow.funded"),
        (PLATFORM, "escrow.funded"),
        (PLATFORM, ""),
    ] {
        let body = with(&event(Kind::Escrow), "/type", json!(kind));
        assert_invalid(
            &format!("{agent} {kind:?}"),
            &signed(&fixture, agent, &body)?,
            &["/type"],
        );
    }
    for data in [json!(null), json!("{}"), json!([]), json!(7)] {
        let body = with(&event(Kind::Platform), "/data", data);
        assert_invalid(
            &body.to_string(),
            &signed(&fixture, PLATFORM, &body)?,
            &["/data"],
        );
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

/// Sends exactly these bytes, signed, with the body's id where a header can hold it.
fn signed(fixture: &Fixture, agent: &str, body: &Value) -> Result<Response> {
    fixture.send(&fixture.agent(agent).agent.sign(&body.to_string()))
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn table() -> Vec<Row> {
    let member = json!({ "allocator_id": AURORA.id.to_string(), "sub": Uuid::new_v4().to_string(), "role": "viewer" });
    let bank = json!({ "agent_id": "third-bank", "kind": "escrow", "name": "Third Bank" });
    let opened = facility(&Uuid::new_v4().to_string(), 1_000);
    let funded = event(Kind::Escrow);
    let failed = delivery(
        "escrow.failed",
        &json!({
            "settlement_id": funded["data"]["settlement_id"], "facility_id": funded["data"]["facility_id"],
            "reason": "no funds",
        }),
    );
    let onboarded =
        json!({ "allocator_id": Uuid::new_v4().to_string(), "legal_name": "Corvus Re" });
    vec![
        (
            PLATFORM,
            event(Kind::Platform),
            "/data/amount_minor",
            bad_money(),
        ),
        (
            PLATFORM,
            event(Kind::Platform),
            "/data/currency",
            bad_currencies(),
        ),
        (
            PLATFORM,
            event(Kind::Platform),
            "/data/allocator_id",
            bad_ids(),
        ),
        (
            PLATFORM,
            event(Kind::Platform),
            "/data/reference",
            bad_texts(),
        ),
        (
            PLATFORM,
            event(Kind::Platform),
            "/occurred_at",
            bad_occurrences(),
        ),
        (
            PLATFORM,
            delivery("allocator.onboarded", &onboarded),
            "/data/legal_name",
            bad_texts(),
        ),
        (
            PLATFORM,
            delivery("member.granted", &member),
            "/data/role",
            words(&["", "owner", "Maker", "maker "]),
        ),
        (
            PLATFORM,
            delivery("member.revoked", &member),
            "/data/sub",
            bad_ids(),
        ),
        (
            PLATFORM,
            delivery("agent.registered", &bank),
            "/data/agent_id",
            words(&["", "ab", "Bank", "1bank", "a_b", "bank\u{0}"]),
        ),
        (
            PLATFORM,
            delivery("agent.registered", &bank),
            "/data/kind",
            words(&["", "platform", "bank"]),
        ),
        (
            PLATFORM,
            delivery("facility.opened", &opened),
            "/data/limit_minor",
            bad_money(),
        ),
        (
            PLATFORM,
            delivery("facility.opened", &opened),
            "/data/escrow_agent_id",
            words(&["", "X", "a b c"]),
        ),
        (
            "escrow-one",
            funded.clone(),
            "/data/settlement_id",
            bad_ids(),
        ),
        (
            "escrow-one",
            funded.clone(),
            "/data/amount_minor",
            bad_money(),
        ),
        (
            "escrow-one",
            funded.clone(),
            "/occurred_at",
            bad_occurrences(),
        ),
        ("escrow-one", failed, "/data/reason", bad_texts()),
        (
            "settle-one",
            event(Kind::Settlement),
            "/data/currency",
            bad_currency_codes(),
        ),
        (
            "settle-one",
            event(Kind::Settlement),
            "/data/facility_id",
            bad_ids(),
        ),
        (
            "settle-one",
            event(Kind::Settlement),
            "/id",
            words(&["", "a b", "é", "a\u{0}"]),
        ),
    ]
}
