//! A genuine report that is not executed is told to the sender and to operators. The ledger keeps what it was about.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Request, Response, Transport as _};
use tests::sample_data::delivery;

use crate::metrics::metrics;
use crate::mutations::{accepted, refused};
use crate::settlements::{AMOUNT, of, report, verified};
use crate::support::count;

/// The function that a request leads to.
fn function(fixture: &Fixture, request: &Request) -> Result<String> {
    let route = fixture.routes().find(&request.method, request.path());
    Ok(route.context("a route")?.0.function.clone())
}

/// What the function's log says of the report of that reason and id.
fn told(fixture: &Fixture, function: &str, id: &str, reason: &str) -> Result<Option<Value>> {
    let log = fixture.function(function)?.logs();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    Ok(lines.into_iter().find(|line: &Value| {
        let text = line.to_string();
        text.contains("A genuine report was not executed.")
            && text.contains(&format!("\"{id}\""))
            && text.contains(&format!("\"{reason}\""))
    }))
}

/// Checks that operators hear of the report, by the log and by the metric that an alarm watches.
fn assert_told(
    fixture: &Fixture,
    request: &Request,
    answer: &Response,
    reason: &str,
) -> Result<()> {
    let function = function(fixture, request)?;
    let event: Value = serde_json::from_slice(&request.body)?;
    let id = event["id"].as_str().context("an id")?;
    let line = told(fixture, &function, id, reason)?;
    let line = line.with_context(|| format!("{function} said nothing of {id}, {reason}"))?;
    assert_eq!(line["level"], "WARN", "{line}");
    let agent = request.path().rsplit('/').next().unwrap_or_default();
    assert!(line.to_string().contains(agent), "{line}");
    if let Some(key) = answer.json()["commitment"]["id"].as_str() {
        assert!(line.to_string().contains(key), "{line}");
    }
    let metrics = metrics(fixture, &function, answer)?;
    assert_eq!(metrics["reports_not_executed"], 1, "{metrics}");
    Ok(())
}

#[test]
fn operators_hear_of_every_report_that_is_not_executed() -> Result<()> {
    let fixture = Fixture::new()?;
    for mutation in refused(&fixture)?.into_iter().filter(|of| of.by_agent) {
        let first = fixture.send(&mutation.request)?;
        mutation.assert_first(&first);
        let reason = mutation.refusal.unwrap_or_default();
        assert_told(&fixture, &mutation.request, &first, reason)?;
        let again = fixture.send(&mutation.request)?;
        mutation.assert_duplicate(&again, &first);
        assert_told(&fixture, &mutation.request, &again, "delivery-refused")?;
        let altered = fixture.send(&mutation.altered)?;
        mutation.assert_reused(&altered);
        assert_told(&fixture, &mutation.altered, &altered, "delivery-id-reused")?;
    }
    for mutation in accepted(&fixture)?.into_iter().filter(|of| of.by_agent) {
        let function = function(&fixture, &mutation.request)?;
        for _ in 0..2 {
            let answer = fixture.send(&mutation.request)?;
            assert_eq!(answer.status, 200, "{}: {}", mutation.name, answer.text());
            let metrics = metrics(&fixture, &function, &answer)?;
            assert!(metrics["reports_not_executed"].is_null(), "{metrics}");
        }
        let altered = fixture.send(&mutation.altered)?;
        mutation.assert_reused(&altered);
        assert_told(&fixture, &mutation.altered, &altered, "delivery-id-reused")?;
    }
    // A genuine body that cannot be read is a report too.
    let agent = fixture.agent("escrow-one").agent;
    let request = agent.sign(&delivery("escrow.burned", &json!({})).to_string());
    let answer = fixture.send(&request)?;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let metrics = metrics(&fixture, "escrow-webhook", &answer)?;
    assert_eq!(metrics["reports_not_executed"], 1, "{metrics}");
    // A forgery is none: anyone could ring the alarm.
    let forged = request
        .without("webhook-signature")
        .without("x-signature-256");
    let answer = fixture.send(&forged)?;
    assert_eq!(answer.status, 401, "{}", answer.text());
    let metrics = self::metrics(&fixture, "escrow-webhook", &answer)?;
    assert!(metrics["reports_not_executed"].is_null(), "{metrics}");
    Ok(())
}

#[test]
fn the_ledger_keeps_what_a_refused_report_was_about() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    for mutation in refused(&fixture)?.into_iter().filter(|of| of.by_agent) {
        let event: Value = serde_json::from_slice(&mutation.request.body)?;
        let answer = fixture.send(&mutation.request)?.json();
        let key = answer["commitment"]["id"].as_str();
        let row = admin.query_one(
            "select body -> 'report' from ledger.commitment_outcome where key = decode($1, 'hex')",
            &[&key.context("a commitment")?],
        )?;
        let kept: Value = row.try_get(0)?;
        assert_eq!(kept, answer["report"], "{}", mutation.name);
        assert_eq!(kept["type"], event["type"], "{}", mutation.name);
        for (member, value) in event["data"].as_object().context("data")? {
            assert_eq!(&kept["data"][member], value, "{} {member}", mutation.name);
        }
    }
    Ok(())
}

/// The settlement was cancelled, and then the money was paid: an auditor finds which settlement, and how much.
#[test]
fn a_payment_for_a_cancelled_settlement_is_found_in_the_ledger() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlement = verified(&fixture, AMOUNT)?;
    let cancelled = fixture.person("bob").post_empty(
        &of(&settlement, "cancel"),
        &tests::sample_data::idempotency_key(),
    )?;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    let paid = report("escrow.funded", &settlement, AMOUNT);
    let answer = fixture.agent("escrow-one").deliver(&paid)?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    let found = format!(
        "select count(*) from ledger.commitment_outcome
        where refusal = 'illegal-transition' and body -> 'report' @> '{}'",
        json!({"type": "escrow.funded", "data": {
            "settlement_id": settlement, "amount_minor": AMOUNT.to_string(), "currency": "USD",
        }})
    );
    assert_eq!(count(&mut fixture.admin()?, &found)?, 1);
    Ok(())
}

/// Completed came before funded: the sender learns that its repetition is not executed, and what to do.
#[test]
fn a_report_that_came_too_early_is_executed_under_a_new_id_alone() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlement = verified(&fixture, AMOUNT)?;
    let completed = report("settlement.completed", &settlement, AMOUNT);
    let settle = fixture.agent("settle-one");
    assert_eq!(settle.deliver(&completed)?.status, 409);
    let funded = report("escrow.funded", &settlement, AMOUNT);
    assert_eq!(fixture.agent("escrow-one").deliver(&funded)?.status, 200);
    for _ in 0..2 {
        let again = settle.deliver(&completed)?;
        assert_eq!(again.status, 409, "{}", again.text());
        let problem = again.json();
        assert_eq!(problem["type"], "urn:optkas:problem:delivery-refused");
        assert_eq!(
            problem["original"]["body"]["type"],
            "urn:optkas:problem:illegal-transition"
        );
    }
    let anew = report("settlement.completed", &settlement, AMOUNT);
    let done = settle.deliver(&anew)?;
    assert_eq!(
        (done.status, &done.json()["settlement"]["status"]),
        (200, &json!("SETTLED")),
        "{}",
        done.text()
    );
    Ok(())
}
