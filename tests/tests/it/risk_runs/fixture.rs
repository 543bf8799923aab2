//! Positions by real settlements, risk profiles of facilities, and the auditor's program.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::cargo;
use tests::fixture::Fixture;
use tests::http::Response;
use tests::sample_data::{AURORA, PLATFORM, USD_FACILITY, delivery, idempotency_key, value_date};
use uuid::Uuid;

use crate::settlements::{admission, escrowed, facility, fund, propose, report, verify};

pub(crate) const ROUTE: &str = "/v1/risk-runs";

/// Few enough for a test, enough for the default levels.
pub(crate) const SCENARIOS: u32 = 20_000;

/// The data of `facility.risk_updated`.
pub(crate) fn profile(facility: Uuid) -> Value {
    json!({
        "facility_id": facility.to_string(),
        "pd_ppb": 20_000_000,
        "lgd": {"mean_ppb": 400_000_000, "deviation_ppb": 200_000_000},
        "loadings_ppb": [450_000_000],
    })
}

/// Ratings of which the worse gains by rising.
pub(crate) fn matrix() -> Value {
    json!({"ratings": [
        {"rating": "BB", "probabilities_ppb": [900_000_000, 80_000_000, 20_000_000], "losses_ppb": [0, 30_000_000]},
        {"rating": "B", "probabilities_ppb": [50_000_000, 880_000_000, 70_000_000], "losses_ppb": [-25_000_000, 0]},
    ]})
}

/// Delivers an event of the platform, which may be refused.
pub(crate) fn send(fixture: &Fixture, kind: &str, data: &Value) -> Result<Response> {
    fixture.agent(PLATFORM).deliver(&delivery(kind, data))
}

/// Delivers an event of the platform, which is accepted.
pub(crate) fn record(fixture: &Fixture, kind: &str, data: &Value) -> Result<()> {
    let answer = send(fixture, kind, data)?;
    ensure!(answer.status == 200, "{kind}: {}", answer.text());
    Ok(())
}

/// Another facility in US dollars, open.
pub(crate) fn opened(fixture: &Fixture) -> Result<Uuid> {
    let id = Uuid::new_v4();
    record(
        fixture,
        "facility.opened",
        &facility(&id.to_string(), 1_000_000_000),
    )?;
    record(
        fixture,
        "facility.admitted",
        &admission(&id.to_string(), AURORA),
    )?;
    Ok(id)
}

/// Adds a position of this amount in the US dollar facility for alice's allocator.
pub(crate) fn held(fixture: &Fixture, amount_minor: u64) -> Result<()> {
    let id = escrowed(fixture, amount_minor)?;
    complete(fixture, &report("settlement.completed", &id, amount_minor))
}

/// The same in another facility.
pub(crate) fn held_in(fixture: &Fixture, facility: Uuid, amount_minor: u64) -> Result<()> {
    let id = propose(
        fixture,
        "alice",
        &json!({
            "facility_id": facility.to_string(), "amount_minor": amount_minor.to_string(),
            "currency": "USD", "value_date": value_date(),
        }),
    )?;
    verify(fixture, &id)?;
    let of_facility = |kind| {
        let mut event = report(kind, &id, amount_minor);
        event["data"]["facility_id"] = json!(facility.to_string());
        event
    };
    if facility == USD_FACILITY.id {
        fund(fixture, &id, amount_minor)?;
    } else {
        let answer = fixture
            .agent("escrow-one")
            .deliver(&of_facility("escrow.funded"))?;
        ensure!(answer.status == 200, "not in escrow: {}", answer.text());
    }
    complete(fixture, &of_facility("settlement.completed"))
}

/// Delivers a report of the settlement agent, which is accepted.
pub(crate) fn complete(fixture: &Fixture, event: &Value) -> Result<()> {
    let answer = fixture.agent("settle-one").deliver(event)?;
    ensure!(answer.status == 200, "not settled: {}", answer.text());
    Ok(())
}

/// A fixture in which Aurora has a position of ten thousand dollars in a facility with a risk profile.
pub(crate) fn rated_position() -> Result<Fixture> {
    let fixture = Fixture::new()?;
    record(&fixture, "facility.risk_updated", &profile(USD_FACILITY.id))?;
    held(&fixture, 1_000_000)?;
    Ok(fixture)
}

/// The body of a quick run.
pub(crate) fn quick() -> Value {
    json!({"currency": "USD", "scenarios": SCENARIOS})
}

/// That person asks for a run under a new key.
pub(crate) fn ask(fixture: &Fixture, person: &str, body: &Value) -> Result<Response> {
    fixture.person(person).post(ROUTE, &idempotency_key(), body)
}

/// A run by carol, who is only a viewer.
pub(crate) fn ran(fixture: &Fixture) -> Result<Value> {
    let answer = ask(fixture, "carol", &quick())?;
    ensure!(answer.status == 201, "no run: {}", answer.text());
    Ok(answer.json())
}

/// The path of a run.
pub(crate) fn path(run: &Value) -> Result<String> {
    Ok(format!("{ROUTE}/{}", run["id"].as_str().context("an id")?))
}

/// The exit code and the JSON of `auditor verify risk-run` for a kept reply.
pub(crate) fn audit(fixture: &Fixture, reply: &Value) -> Result<(i32, Value)> {
    let file = fixture
        .services()
        .folder()
        .join(format!("run-{}.json", Uuid::new_v4()));
    fs::write(&file, reply.to_string())?;
    let output = Command::new(cargo::build_auditor()?)
        .args(["verify", "risk-run", "--json"])
        .arg(&file)
        .output()?;
    let said = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code().context("an exit code")?, said))
}
