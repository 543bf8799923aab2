//! One settlement's life, through an API that runs the template's functions.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::deployment::Deployment;
use tests::http::{Response, Transport};
use tests::issuer::Issuer;
use tests::sample_data::{
    AgentClient, PersonClient, USD_FACILITY, delivery, find_person, idempotency_key, value_date,
};

const AMOUNT_MINOR: &str = "250000000";

/// From PENDING to SETTLED; answers the settlement's id.
pub(crate) fn play(
    api: &dyn Transport,
    issuer: &Issuer,
    deployment: &Deployment,
) -> Result<String> {
    let person =
        |name: &str| anyhow::Ok(PersonClient::new(api, issuer.minter(), find_person(name)?));
    let agent = |id: &str| anyhow::Ok(AgentClient::new(api, deployment.agent(id)?));

    let proposal = json!({
        "facility_id": USD_FACILITY.id.to_string(),
        "amount_minor": AMOUNT_MINOR,
        "currency": USD_FACILITY.currency,
        "value_date": value_date(),
    });
    let key = idempotency_key();
    let answer = person("alice")?.post("/v1/settlements", &key, &proposal)?;
    expect("alice proposes", &answer, 201, "PENDING")?;
    let id = answer.json()["id"]
        .as_str()
        .context("a settlement has an id")?
        .to_owned();

    let again = person("alice")?.post("/v1/settlements", &key, &proposal)?;
    ensure!(
        again.status == 409,
        "twice: {} {}",
        again.status,
        again.text()
    );
    println!("alice proposes again     409, as it was done");

    let answer =
        person("bob")?.post_empty(&format!("/v1/settlements/{id}/verify"), &idempotency_key())?;
    expect("bob verifies", &answer, 200, "VERIFIED")?;
    let data = json!({
        "settlement_id": id,
        "facility_id": USD_FACILITY.id.to_string(),
        "amount_minor": AMOUNT_MINOR,
        "currency": USD_FACILITY.currency,
    });
    let answer = agent("escrow-one")?.deliver(&delivery("escrow.funded", &data))?;
    expect("escrow-one reports", &answer, 200, "ESCROWED")?;
    let answer = agent("settle-one")?.deliver(&delivery("settlement.completed", &data))?;
    expect("settle-one reports", &answer, 200, "SETTLED")?;
    let answer = person("carol")?.get(&format!("/v1/settlements/{id}"))?;
    expect("carol reads", &answer, 200, "SETTLED")?;
    Ok(id)
}

fn expect(what: &str, answer: &Response, status: u16, state: &str) -> Result<()> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let found = body["status"]
        .as_str()
        .or(body["settlement"]["status"].as_str());
    ensure!(
        answer.status == status && found == Some(state),
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    println!("{what:<24} {status} {state}");
    Ok(())
}
