//! Settlements in every state, and the bodies and paths that bring them there.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Transport as _;
use tests::sample_data::{Allocator, USD_FACILITY, delivery, idempotency_key, value_date};

/// What every settlement here moves, in cents.
pub(crate) const AMOUNT: u64 = 1_000;

/// The body that proposes a settlement of that many cents.
pub(crate) fn proposal(amount_minor: u64) -> Value {
    json!({
        "facility_id": USD_FACILITY.id.to_string(), "amount_minor": amount_minor.to_string(),
        "currency": "USD", "value_date": value_date(),
    })
}

/// The event in which an agent reports on a settlement of the US dollar facility.
pub(crate) fn report(kind: &str, settlement: &str, amount_minor: u64) -> Value {
    let mut data =
        json!({ "settlement_id": settlement, "facility_id": USD_FACILITY.id.to_string() });
    if kind.ends_with(".failed") {
        data["reason"] = json!("no funds");
    } else {
        data["amount_minor"] = json!(amount_minor.to_string());
        data["currency"] = json!("USD");
    }
    delivery(kind, &data)
}

/// The path of an action on a settlement.
pub(crate) fn of(settlement: &str, action: &str) -> String {
    format!("/v1/settlements/{settlement}/{action}")
}

/// A new settlement of alice's, PENDING; its id.
pub(crate) fn pending(fixture: &Fixture, amount_minor: u64) -> Result<String> {
    proposed_by(fixture, "alice", amount_minor)
}

/// A new settlement, PENDING.
pub(crate) fn proposed_by(fixture: &Fixture, person: &str, amount_minor: u64) -> Result<String> {
    propose(fixture, person, &proposal(amount_minor))
}

/// A new settlement of that body, PENDING.
pub(crate) fn propose(fixture: &Fixture, person: &str, body: &Value) -> Result<String> {
    let answer = fixture
        .person(person)
        .post("/v1/settlements", &idempotency_key(), body)?;
    ensure!(answer.status == 201, "not created: {}", answer.text());
    Ok(answer.json()["id"].as_str().unwrap_or_default().to_owned())
}

/// A new settlement of alice's, verified by bob.
pub(crate) fn verified(fixture: &Fixture, amount_minor: u64) -> Result<String> {
    let id = pending(fixture, amount_minor)?;
    verify(fixture, &id)?;
    Ok(id)
}

/// Lets bob verify it.
pub(crate) fn verify(fixture: &Fixture, id: &str) -> Result<()> {
    let answer = fixture
        .person("bob")
        .post_empty(&of(id, "verify"), &idempotency_key())?;
    ensure!(answer.status == 200, "not verified: {}", answer.text());
    Ok(())
}

/// A new settlement of alice's, in escrow.
pub(crate) fn escrowed(fixture: &Fixture, amount_minor: u64) -> Result<String> {
    let id = verified(fixture, amount_minor)?;
    fund(fixture, &id, amount_minor)?;
    Ok(id)
}

/// Lets the escrow agent report that it holds the money.
pub(crate) fn fund(fixture: &Fixture, id: &str, amount_minor: u64) -> Result<()> {
    let answer = fixture.send(
        &fixture
            .agent("escrow-one")
            .agent
            .sign(&report("escrow.funded", id, amount_minor).to_string()),
    )?;
    ensure!(answer.status == 200, "not in escrow: {}", answer.text());
    Ok(())
}

/// The data of `facility.admitted`, and of `facility.excluded`.
pub(crate) fn admission(facility: &str, allocator: Allocator) -> Value {
    json!({ "facility_id": facility, "allocator_id": allocator.id.to_string() })
}

/// The data of `facility.opened`, in US dollars with the sample agents and without collateral.
pub(crate) fn facility(id: &str, limit_minor: u64) -> Value {
    json!({
        "facility_id": id, "name": "Northern Lights Warehouse", "currency": "USD",
        "limit_minor": limit_minor.to_string(),
        "escrow_agent_id": "escrow-one", "settlement_agent_id": "settle-one", "secured": false,
    })
}
