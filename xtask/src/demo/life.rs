//! From PENDING to SETTLED.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::sample_data::{PEOPLE, USD_FACILITY, delivery, idempotency_key, value_date};
use tests::stack::Stack;

use super::story::Story;
use super::{Sent, Settled};

const AMOUNT_MINOR: &str = "250000000";

pub(super) fn play(stack: &Stack, story: &mut Story) -> Result<Settled> {
    story.act("One settlement's life");
    let alice = stack.person("alice")?;
    let bob = stack.person("bob")?;

    positions(
        stack,
        story,
        "Positions before",
        "available 10,000,000.00, reserved 0.00, escrowed 0.00, facility 0.00",
    )?;
    let created = Sent {
        key: idempotency_key(),
        body: proposal(AMOUNT_MINOR),
    };
    let answer = alice.post("/v1/settlements", &created.key, &created.body)?;
    story.answer(
        "alice, maker, proposes USD 2,500,000.00",
        &answer,
        "201 PENDING",
    );
    let id = answer.json()["id"]
        .as_str()
        .context("a settlement has an id")?
        .to_owned();

    let answer = bob.post_empty(&format!("/v1/settlements/{id}/verify"), &idempotency_key())?;
    story.answer(
        "bob, checker, verifies it: capital is reserved",
        &answer,
        "200 VERIFIED",
    );
    positions(
        stack,
        story,
        "Positions",
        "available 7,500,000.00, reserved 2,500,000.00, escrowed 0.00, facility 0.00",
    )?;

    let data = json!({
        "settlement_id": id,
        "facility_id": USD_FACILITY.id.to_string(),
        "amount_minor": AMOUNT_MINOR,
        "currency": USD_FACILITY.currency,
    });
    let answer = stack
        .agent("escrow-one")?
        .deliver(&delivery("escrow.funded", &data))?;
    story.answer(
        "escrow-one reports the money in escrow",
        &answer,
        "200 ESCROWED",
    );
    positions(
        stack,
        story,
        "Positions",
        "available 7,500,000.00, reserved 0.00, escrowed 2,500,000.00, facility 0.00",
    )?;

    let completed = delivery("settlement.completed", &data).to_string();
    let answer = stack.agent("settle-one")?.deliver_text(&completed)?;
    story.answer("settle-one reports completion", &answer, "200 SETTLED");
    positions(
        stack,
        story,
        "Positions after",
        "available 7,500,000.00, reserved 0.00, escrowed 0.00, facility 2,500,000.00",
    )?;

    let answer = stack
        .person("carol")?
        .get(&format!("/v1/settlements/{id}"))?;
    let expected =
        "PENDING by alice, VERIFIED by bob, ESCROWED by escrow-one, SETTLED by settle-one";
    story.fact(
        "carol, viewer, reads who did what",
        &transitions(&answer.json()),
        expected,
    );
    Ok(Settled {
        id,
        created,
        completed,
    })
}

/// A new settlement in the US dollar facility.
pub(super) fn proposal(amount_minor: &str) -> Value {
    json!({
        "facility_id": USD_FACILITY.id.to_string(),
        "amount_minor": amount_minor,
        "currency": USD_FACILITY.currency,
        "value_date": value_date(),
    })
}

fn positions(stack: &Stack, story: &mut Story, title: &str, expected: &str) -> Result<()> {
    let answer = stack.person("carol")?.get("/v1/positions")?.json();
    let empty = Vec::new();
    let find = |list: &str, member: &str, wanted: &str| {
        let entries = answer[list].as_array().unwrap_or(&empty);
        entries
            .iter()
            .find(|entry| entry[member] == json!(wanted))
            .cloned()
            .unwrap_or_default()
    };
    let currency = find("currencies", "currency", USD_FACILITY.currency);
    let facility = find("data", "facility_id", &USD_FACILITY.id.to_string());
    let came = format!(
        "available {}, reserved {}, escrowed {}, facility {}",
        money(&currency["available_minor"]),
        money(&currency["reserved_minor"]),
        money(&currency["escrowed_minor"]),
        money(&facility["position_minor"]),
    );
    story.fact(&format!("{title} in USD"), &came, expected);
    Ok(())
}

/// Minor units as people read them; a missing account reads 0.00.
pub(super) fn money(minor: &Value) -> String {
    let digits = format!("{:0>3}", minor.as_str().unwrap_or("0"));
    let (units, cents) = digits.split_at(digits.len() - 2);
    let mut text = String::new();
    for (index, digit) in units.chars().enumerate() {
        if index > 0 && (units.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text}.{cents}")
}

fn transitions(settlement: &Value) -> String {
    let empty = Vec::new();
    let steps = settlement["transitions"].as_array().unwrap_or(&empty);
    let describe = |step: &Value| {
        format!(
            "{} by {}",
            step["to"].as_str().unwrap_or("?"),
            actor(&step["actor"]["id"])
        )
    };
    steps.iter().map(describe).collect::<Vec<_>>().join(", ")
}

fn actor(id: &Value) -> String {
    let id = id.as_str().unwrap_or("?");
    PEOPLE
        .iter()
        .find(|person| person.sub.to_string() == id)
        .map_or(id, |person| person.name)
        .to_owned()
}
