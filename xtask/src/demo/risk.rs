//! What the positions may lose: a run, and its recomputation by the auditor.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::http::Transport as _;
use tests::sample_data::{PLATFORM, USD_FACILITY, delivery, idempotency_key};
use tests::stack::Stack;

use super::evidence::Desk;
use super::story::Story;

pub(super) fn play(stack: &Stack, story: &mut Story, desk: &Desk) -> Result<()> {
    story.act("Risk: what the position may lose, and anybody computes it again");
    let carol = stack.person("carol")?;
    let ask = || {
        carol.post(
            "/v1/risk-runs",
            &idempotency_key(),
            &json!({ "currency": "USD" }),
        )
    };
    story.answer(
        "carol, viewer, asks; nothing is known of the facility's credit",
        &ask()?,
        "409 risk-inputs-missing",
    );
    let profile = json!({
        "facility_id": USD_FACILITY.id.to_string(),
        "pd_ppb": 12_500_000,
        "lgd": { "mean_ppb": 400_000_000, "deviation_ppb": 200_000_000 },
        "loadings_ppb": [450_000_000],
    });
    let told = stack
        .agent(PLATFORM)?
        .deliver(&delivery("facility.risk_updated", &profile))?;
    story.answer(
        "the platform reports PD 1.25%, LGD 40% with a deviation of 20%",
        &told,
        "200 accepted",
    );
    let answer = ask()?;
    story.answer(
        "carol asks again: one factor, no simulation",
        &answer,
        "201 accepted",
    );
    let run = answer.json();
    let result = &run["result"];
    let minor = |value: &Value| value.as_str().unwrap_or_default().parse().unwrap_or(0);
    let es: i64 = minor(&result["levels"][1]["es"]["value_minor"]);
    let el: i64 = minor(&result["expected_loss"]["value_minor"]);
    // Expected loss is about PD × LGD = 1.25 % × 40 % of the position; in the worst thousandth the facility defaults.
    story.fact(
        "EL is about PD times LGD; the worst thousandth is a default",
        &format!(
            "{}, {}",
            (1_200_000..1_300_000).contains(&el),
            es > 100_000_000
        ),
        "true, true",
    );

    let path = format!("/v1/risk-runs/{}", run["id"].as_str().context("an id")?);
    let read = carol.get(&path)?;
    story.answer("carol keeps the run", &read, "200");
    let kept = desk.keep("run.json", &read.body)?;
    story.fact(
        "auditor verify risk-run, offline",
        &desk.verify(&["risk-run", &kept])?,
        "verified",
    );
    let mut forged = read.json();
    forged["result"]["levels"][1]["es"]["value_minor"] = json!((es - 1).to_string());
    let forged = desk.keep("forged-run.json", forged.to_string())?;
    story.fact(
        "… the same with a cent less of expected shortfall",
        &desk.verify(&["risk-run", &forged])?,
        "tampered",
    );
    let chart = carol.request("GET", &format!("{path}/chart.svg"));
    let chart = stack.gateway().send(&chart)?;
    story.fact(
        "the chart, a picture for a report",
        &format!("{}, {}", chart.status, chart.text().contains("ES 99.9%")),
        "200, true",
    );
    Ok(())
}
