//! A genuine message that is wrong is refused and recorded; one that was heard before does nothing.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Transport as _;
use tests::sample_data::{Agent, EUR_FACILITY, Kind, PLATFORM, Scheme, delivery};
use uuid::Uuid;

use super::ledger_rows;
use crate::settlements::{AMOUNT, escrowed, pending, report, verified};
use crate::support::{assert_books, recorded_refusal};

/// A change to a correct report, and the refusal that it must get.
type Lie = (&'static str, fn(&mut Value), u16, &'static str);

const LIES: [Lie; 6] = [
    (
        "a cent more",
        |data| data["amount_minor"] = json!((AMOUNT + 1).to_string()),
        409,
        "amount-mismatch",
    ),
    (
        "a cent less",
        |data| data["amount_minor"] = json!((AMOUNT - 1).to_string()),
        409,
        "amount-mismatch",
    ),
    (
        "another currency",
        |data| data["currency"] = json!("EUR"),
        409,
        "currency-mismatch",
    ),
    (
        "another facility",
        |data| data["facility_id"] = json!(EUR_FACILITY.id.to_string()),
        409,
        "facility-mismatch",
    ),
    (
        "an unknown facility",
        |data| data["facility_id"] = json!(Uuid::new_v4().to_string()),
        409,
        "facility-mismatch",
    ),
    (
        "an unknown settlement",
        |data| data["settlement_id"] = json!(Uuid::new_v4().to_string()),
        404,
        "not-found",
    ),
];

#[test]
fn a_report_that_contradicts_the_settlement_is_refused_and_recorded() -> Result<()> {
    let fixture = Fixture::new()?;
    for (agent, kind, settlement) in [
        ("escrow-one", "escrow.funded", verified(&fixture, AMOUNT)?),
        (
            "settle-one",
            "settlement.completed",
            escrowed(&fixture, AMOUNT)?,
        ),
    ] {
        let before = resource(&fixture, &settlement)?;
        for (what, lie, status, refusal) in LIES {
            let mut event = report(kind, &settlement, AMOUNT);
            lie(&mut event["data"]);
            assert_refused(
                &fixture,
                &format!("{kind}, {what}"),
                agent,
                &event,
                status,
                refusal,
            )?;
        }
        assert_eq!(
            resource(&fixture, &settlement)?,
            before,
            "{kind}: the settlement is as it was"
        );
    }
    assert_books(&mut fixture.admin()?)
}

#[test]
fn a_report_in_the_wrong_state_is_refused_and_recorded() -> Result<()> {
    let fixture = Fixture::new()?;
    let (proposed, approved, held) = (
        pending(&fixture, AMOUNT)?,
        verified(&fixture, AMOUNT)?,
        escrowed(&fixture, AMOUNT)?,
    );
    for (agent, kind, settlement) in [
        ("escrow-one", "escrow.funded", &proposed),
        ("escrow-one", "escrow.failed", &proposed),
        ("escrow-one", "escrow.funded", &held),
        ("escrow-one", "escrow.failed", &held),
        ("settle-one", "settlement.completed", &proposed),
        ("settle-one", "settlement.failed", &proposed),
        ("settle-one", "settlement.completed", &approved),
        ("settle-one", "settlement.failed", &approved),
    ] {
        let event = report(kind, settlement, AMOUNT);
        assert_refused(&fixture, kind, agent, &event, 409, "illegal-transition")?;
    }
    assert_books(&mut fixture.admin()?)
}

#[test]
fn an_agent_that_the_facility_does_not_name_sees_nothing_there() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.own_secrets()?;
    for (kind, event, settlement) in [
        (Kind::Escrow, "escrow.funded", verified(&fixture, AMOUNT)?),
        (
            Kind::Settlement,
            "settlement.completed",
            escrowed(&fixture, AMOUNT)?,
        ),
    ] {
        let scheme = Scheme::StandardWebhooks;
        let outsider = Agent {
            id: format!("second-{}", kind.name()),
            kind,
            scheme,
            secret: scheme.generate_secret(),
        };
        let registered =
            json!({ "agent_id": outsider.id, "kind": kind.name(), "name": "Second Bank" });
        assert_eq!(
            fixture
                .agent(PLATFORM)
                .deliver(&delivery("agent.registered", &registered))?
                .status,
            200
        );
        super::store(&fixture, &[&outsider])?;
        fixture.function(&kind.function())?.kill();

        let before = (ledger_rows(&fixture)?, resource(&fixture, &settlement)?);
        let answer =
            fixture.send(&outsider.sign(&report(event, &settlement, AMOUNT).to_string()))?;
        assert_eq!(answer.status, 404, "{kind:?}: {}", answer.text());
        assert_eq!(
            answer.json()["commitment"]["outcome"],
            "refused",
            "{kind:?}"
        );
        assert_eq!(
            (ledger_rows(&fixture)?, resource(&fixture, &settlement)?),
            (before.0 + 1, before.1),
            "{kind:?}"
        );
    }
    Ok(())
}

#[test]
fn a_delivery_is_executed_once_and_its_id_is_taken_for_ever() -> Result<()> {
    let fixture = Fixture::new()?;
    let deposit = json!({
        "allocator_id": tests::sample_data::AURORA.id.to_string(), "amount_minor": "700",
        "currency": "USD", "reference": "wire",
    });
    for (agent, event) in [
        (
            "escrow-one",
            report("escrow.funded", &verified(&fixture, AMOUNT)?, AMOUNT),
        ),
        (
            "settle-one",
            report("settlement.completed", &escrowed(&fixture, AMOUNT)?, AMOUNT),
        ),
        (
            "settle-one",
            report("settlement.completed", &Uuid::new_v4().to_string(), AMOUNT),
        ),
        (PLATFORM, delivery("capital.deposited", &deposit)),
    ] {
        let agent = fixture.agent(agent);
        let first = agent.deliver(&event)?;
        let (rows, positions) = (
            ledger_rows(&fixture)?,
            fixture.person("alice").get("/v1/positions")?.json()["currencies"].clone(),
        );
        for _ in 0..2 {
            let again = agent.deliver(&event)?;
            if first.status == 200 {
                assert_eq!(again.status, 200, "{}", again.text());
                assert_eq!(again.json()["duplicate"], true, "{}", again.text());
            } else {
                // Its status alone tells a sender that nothing was executed.
                assert_eq!(again.status, 409, "{}", again.text());
                assert_eq!(again.json()["type"], "urn:optkas:problem:delivery-refused");
            }
            assert_eq!(
                again.json()["original"]["status"],
                first.status,
                "{}",
                again.text()
            );
        }
        let mut another = event.clone();
        another["occurred_at"] = json!("2026-01-01T00:00:00Z");
        let reused = agent.deliver(&another)?;
        assert_eq!(reused.status, 422, "{}", reused.text());
        assert_eq!(
            reused.json()["type"],
            "urn:optkas:problem:delivery-id-reused"
        );
        assert_eq!(ledger_rows(&fixture)?, rows, "nothing was added");
        assert_eq!(
            fixture.person("alice").get("/v1/positions")?.json()["currencies"],
            positions,
            "nothing moved"
        );
    }
    assert_books(&mut fixture.admin()?)
}

/// Checks a refusal under its key: the ledger has the outcome exactly as the agent got it.
fn assert_refused(
    fixture: &Fixture,
    what: &str,
    agent: &str,
    event: &Value,
    status: u16,
    refusal: &str,
) -> Result<()> {
    let answer = fixture.agent(agent).deliver(event)?;
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    let mut problem = answer.json();
    assert_eq!(
        problem["type"],
        format!("urn:optkas:problem:{refusal}"),
        "{what}"
    );
    problem
        .as_object_mut()
        .map(|members| members.remove("request_id"));
    let key = problem["commitment"]["id"].as_str().unwrap_or_default();
    let recorded = recorded_refusal(&mut fixture.admin()?, key)?;
    assert_eq!(recorded, problem, "{what}");
    Ok(())
}

fn resource(fixture: &Fixture, settlement: &str) -> Result<Value> {
    Ok(fixture
        .person("alice")
        .get(&format!("/v1/settlements/{settlement}"))?
        .json())
}
