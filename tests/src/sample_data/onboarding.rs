//! How the sample data comes to be: the platform's deliveries, in their order.

use serde_json::{Value, json};

use super::{
    AURORA, Allocator, BOREALIS, COLLATERAL_AGENT, FACILITIES, PEOPLE, PLATFORM, SECURED_FACILITY,
    SecuredTerms,
};

/// A fixed time in the past: a delivery that is sent again must be the same to the byte.
pub const OCCURRED_AT: &str = "2026-01-02T09:00:00Z";

/// One delivery of the platform.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its effect, in a few words.
    pub title: String,
    /// The event.
    pub event: Value,
}

/// All deliveries that make the sample data, deposits included.
#[must_use]
pub fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = [AURORA, BOREALIS].into_iter().map(allocator).collect();
    for person in PEOPLE {
        for (place, role) in person.roles.iter().enumerate() {
            let mut data = json!({
                "allocator_id": person.allocator.id.to_string(), "sub": person.sub.to_string(), "role": role,
            });
            if place == 0 {
                // Sample data are known to everybody: here the salt need not be drawn at random.
                data["display_name"] =
                    json!({ "text": person.display_name, "salt": person.sub.simple().to_string() });
            }
            steps.push(step(
                "member.granted",
                &format!("{}-{role}", person.name),
                format!(
                    "{} becomes {role} of {}",
                    person.name, person.allocator.name
                ),
                &data,
            ));
        }
    }
    for (id, kind, name) in [
        ("escrow-one", "escrow", "First Escrow Bank"),
        ("settle-one", "settlement", "Meridian Settlement"),
        (COLLATERAL_AGENT, "collateral", "Ledgerstone Agency"),
    ] {
        let data = json!({ "agent_id": id, "kind": kind, "name": name });
        steps.push(step(
            "agent.registered",
            id,
            format!("{id} is registered as {kind} agent"),
            &data,
        ));
    }
    for facility in FACILITIES {
        steps.push(step(
            "facility.opened",
            if facility.security.is_some() {
                "secured"
            } else {
                facility.currency
            },
            format!("facility {} opens", facility.name),
            &facility.data(),
        ));
    }
    for facility in FACILITIES.iter().filter(|it| it.security.is_none()) {
        for allocator in [AURORA, BOREALIS] {
            let data = json!({ "facility_id": facility.id.to_string(), "allocator_id": allocator.id.to_string() });
            steps.push(step(
                "facility.admitted",
                &format!("{}-{}", facility.currency, allocator.id),
                format!("{} is admitted to {}", allocator.name, facility.name),
                &data,
            ));
        }
    }
    let secured = SecuredTerms::sample();
    for party in [&secured.debtor, &secured.secured_party] {
        let event = secured.party(party);
        steps.push(step(
            event.kind,
            &party.id.to_string(),
            format!("{} is recorded as a party", party.name),
            &event.data,
        ));
    }
    let rules = secured.rules();
    steps.push(step(
        rules.kind,
        "secured",
        format!("{} gets its eligibility rules", SECURED_FACILITY.name),
        &rules.data,
    ));
    steps.push(deposit(AURORA, "USD", 1_000_000_000));
    steps.push(deposit(AURORA, "EUR", 500_000_000));
    steps.push(deposit(BOREALIS, "USD", 200_000_000));
    steps
}

fn allocator(allocator: Allocator) -> Step {
    let data = json!({ "allocator_id": allocator.id.to_string(), "legal_name": allocator.name });
    step(
        "allocator.onboarded",
        &allocator.id.to_string(),
        format!("{} is onboarded", allocator.name),
        &data,
    )
}

fn deposit(allocator: Allocator, currency: &str, amount_minor: u64) -> Step {
    let data = json!({
        "allocator_id": allocator.id.to_string(),
        "amount_minor": amount_minor.to_string(),
        "currency": currency,
        "reference": "initial deposit",
    });
    let title = format!(
        "{} deposits {currency} {}.{:02}",
        allocator.name,
        amount_minor / 100,
        amount_minor % 100
    );
    step(
        "capital.deposited",
        &format!("{}-{currency}", allocator.id),
        title,
        &data,
    )
}

fn step(kind: &str, what: &str, title: String, data: &Value) -> Step {
    let id = format!("{PLATFORM}-{kind}-{what}");
    Step {
        title,
        event: json!({ "id": id, "type": kind, "occurred_at": OCCURRED_AT, "data": data }),
    }
}
