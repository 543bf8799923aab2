//! Every mutating endpoint and event as a request that waits to be made, and settlements in every state.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::http::{Request, Response, Transport as _};
use tests::rig::Rig;
use tests::world::{AURORA, EUR_FACILITY, PLATFORM, USD_FACILITY, delivery, find_person, idempotency_key, value_date};
use uuid::Uuid;

/// The functions that change something for a caller.
pub(crate) const MUTATING: [&str; 6] = [
    "create-settlement",
    "verify-settlement",
    "cancel-settlement",
    "escrow-webhook",
    "settlement-webhook",
    "platform-webhook",
];

/// What every settlement here moves, in cents.
pub(crate) const AMOUNT: u64 = 1_000;

/// A request, and what it must come to.
pub(crate) struct Mutation {
    pub(crate) name: &'static str,
    pub(crate) request: Request,
    /// Another request under the same key.
    pub(crate) altered: Request,
    pub(crate) status: u16,
    /// The name of its refusal, if it is to be refused.
    pub(crate) refusal: Option<&'static str>,
    pub(crate) by_agent: bool,
}

/// Starts the mutating functions with so many processes, each taking so many requests at a time.
pub(crate) fn scale(rig: &Rig, processes: usize, concurrency: usize) -> Result<()> {
    for function in MUTATING {
        rig.start(rig.launch(function)?.scaled(processes, concurrency))?;
    }
    Ok(())
}

/// One mutation of every kind: each endpoint, each event, accepted.
pub(crate) fn accepted(rig: &Rig) -> Result<Vec<Mutation>> {
    let mut all = vec![
        human(rig, "create", "alice", "/v1/settlements", &proposal(AMOUNT)),
        human(rig, "verify", "bob", &of(&pending(rig, AMOUNT)?, "verify"), &Value::Null),
        human(rig, "cancel PENDING", "alice", &of(&pending(rig, AMOUNT)?, "cancel"), &json!({ "reason": "mistaken" })),
        human(rig, "cancel VERIFIED", "bob", &of(&verified(rig, AMOUNT)?, "cancel"), &Value::Null),
        agent(rig, "escrow.funded", "escrow-one", &report("escrow.funded", &verified(rig, AMOUNT)?, AMOUNT)),
        agent(rig, "escrow.failed", "escrow-one", &report("escrow.failed", &verified(rig, AMOUNT)?, AMOUNT)),
        agent(rig, "settlement.completed", "settle-one", &report("settlement.completed", &escrowed(rig, AMOUNT)?, AMOUNT)),
        agent(rig, "settlement.failed", "settle-one", &report("settlement.failed", &escrowed(rig, AMOUNT)?, AMOUNT)),
    ];
    all[0].status = 201;
    all.extend(platform_events().into_iter().map(|(name, data)| agent(rig, name, PLATFORM, &delivery(name, &data))));
    Ok(all)
}

/// Mutations of each endpoint that are refused for a business reason.
pub(crate) fn refused(rig: &Rig) -> Result<Vec<Mutation>> {
    let mut in_euros = proposal(AMOUNT);
    in_euros["facility_id"] = json!(EUR_FACILITY.id.to_string());
    let too_much = json!({ "allocator_id": AURORA.id.to_string(), "amount_minor": "999999999999999999", "currency": "USD", "reference": "all" });
    let unknown = Uuid::new_v4().to_string();
    Ok(vec![
        human(rig, "create", "alice", "/v1/settlements", &in_euros).refused(409, "currency-mismatch"),
        human(rig, "create", "bob", "/v1/settlements", &proposal(AMOUNT)).refused(403, "role-missing"),
        human(rig, "verify", "carol", &of(&pending(rig, AMOUNT)?, "verify"), &Value::Null).refused(403, "role-missing"),
        human(rig, "verify", "dave", &of(&proposed_by(rig, "dave", AMOUNT)?, "verify"), &Value::Null).refused(409, "four-eyes"),
        human(rig, "cancel", "alice", &of(&unknown, "cancel"), &Value::Null).refused(404, "not-found"),
        agent(rig, "escrow.funded", "escrow-one", &report("escrow.funded", &verified(rig, AMOUNT)?, AMOUNT + 1)).refused(409, "amount-mismatch"),
        agent(rig, "settlement.completed", "settle-one", &report("settlement.completed", &verified(rig, AMOUNT)?, AMOUNT)).refused(409, "illegal-transition"),
        agent(rig, "capital.withdrawn", PLATFORM, &delivery("capital.withdrawn", &too_much)).refused(409, "insufficient-capital"),
    ])
}

fn platform_events() -> Vec<(&'static str, Value)> {
    let aurora = AURORA.id.to_string();
    let dave = find_person("dave").map(|person| person.sub.to_string()).unwrap_or_default();
    let movement = json!({ "allocator_id": aurora, "amount_minor": "500", "currency": "USD", "reference": "top-up" });
    vec![
        ("allocator.onboarded", json!({ "allocator_id": Uuid::new_v4().to_string(), "legal_name": "Cirrus Family Office" })),
        ("member.granted", json!({ "allocator_id": aurora, "sub": Uuid::new_v4().to_string(), "role": "viewer" })),
        ("member.revoked", json!({ "allocator_id": aurora, "sub": dave, "role": "maker" })),
        ("agent.registered", json!({ "agent_id": "escrow-two", "kind": "escrow", "name": "Second Escrow Bank" })),
        ("facility.opened", facility(&Uuid::new_v4().to_string(), 1_000_000)),
        ("capital.deposited", movement.clone()),
        ("capital.withdrawn", movement),
    ]
}

/// The data of `facility.opened`, in US dollars with the sample agents.
pub(crate) fn facility(id: &str, limit_minor: u64) -> Value {
    json!({
        "facility_id": id, "name": "Northern Lights Warehouse", "currency": "USD", "limit_minor": limit_minor.to_string(),
        "escrow_agent": "escrow-one", "settlement_agent": "settle-one",
    })
}

/// A request of a person under a new key.
pub(crate) fn human(rig: &Rig, name: &'static str, person: &str, path: &str, body: &Value) -> Mutation {
    let request = rig.person(person).request("POST", path).header("idempotency-key", &idempotency_key());
    let mut other = body.clone();
    match path {
        "/v1/settlements" => other["reference"] = json!("another one"),
        _ if path.ends_with("/cancel") => other = json!({ "reason": "another one" }),
        _ => other = json!({}),
    }
    Mutation {
        name,
        altered: request.clone().json(&other),
        request: if body.is_null() { request } else { request.json(body) },
        status: 200,
        refusal: None,
        by_agent: false,
    }
}

/// A signed delivery.
pub(crate) fn agent(rig: &Rig, name: &'static str, agent: &str, event: &Value) -> Mutation {
    let agent = rig.agent(agent).agent;
    let mut other = event.clone();
    other["occurred_at"] = json!("2026-01-01T00:00:00Z");
    Mutation {
        name,
        request: agent.sign(&event.to_string()),
        altered: agent.sign(&other.to_string()),
        status: 200,
        refusal: None,
        by_agent: true,
    }
}

impl Mutation {
    fn refused(mut self, status: u16, refusal: &'static str) -> Self {
        (self.status, self.refusal) = (status, Some(refusal));
        self
    }

    /// Checks that this is the answer to the one time it was executed.
    pub(crate) fn assert_first(&self, answer: &Response) {
        let name = self.name;
        assert_eq!(answer.status, self.status, "{name}: {}", answer.text());
        let outcome = if self.refusal.is_some() { "refused" } else { "accepted" };
        assert_eq!(answer.json()["commitment"]["outcome"], outcome, "{name}: {}", answer.text());
        if let Some(refusal) = self.refusal {
            assert_eq!(answer.json()["type"], format!("urn:optkas:problem:{refusal}"), "{name}");
        }
    }

    /// Checks that this is the answer to a repetition of what was answered so.
    pub(crate) fn assert_duplicate(&self, answer: &Response, first: &Response) {
        let name = self.name;
        let (told, mut body) = (answer.json(), first.json());
        if self.by_agent {
            assert_eq!((answer.status, &told["duplicate"]), (200, &json!(true)), "{name}: {told}");
        } else {
            assert_eq!(answer.status, 409, "{name}: {told}");
            assert_eq!(told["type"], "urn:optkas:problem:duplicate-request", "{name}");
            let key = body["commitment"]["idempotency_key"].as_str().unwrap_or_default();
            assert_eq!(told["receipt"], format!("/v1/commitments/{key}"), "{name}");
        }
        if let Some(body) = body.as_object_mut() {
            body.remove("request_id");
        }
        assert_eq!(told["commitment"], body["commitment"], "{name}");
        let original = json!({
            "outcome": body["commitment"]["outcome"], "status": first.status,
            "committed_at": body["commitment"]["committed_at"], "body": body,
        });
        assert_eq!(told["original"], original, "{name}");
    }

    /// Checks that this is the answer to another request under the same key.
    pub(crate) fn assert_reused(&self, answer: &Response) {
        assert_eq!(answer.status, 422, "{}: {}", self.name, answer.text());
        assert_eq!(answer.json()["type"], "urn:optkas:problem:idempotency-key-reused", "{}", self.name);
    }
}

/// The body that proposes a settlement of that many cents.
pub(crate) fn proposal(amount_minor: u64) -> Value {
    json!({
        "facility_id": USD_FACILITY.id.to_string(), "amount_minor": amount_minor.to_string(),
        "currency": "USD", "value_date": value_date(),
    })
}

/// The event in which an agent reports on a settlement of the US dollar facility.
pub(crate) fn report(kind: &str, settlement: &str, amount_minor: u64) -> Value {
    let mut data = json!({ "settlement_id": settlement, "facility_id": USD_FACILITY.id.to_string() });
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
pub(crate) fn pending(rig: &Rig, amount_minor: u64) -> Result<String> {
    proposed_by(rig, "alice", amount_minor)
}

/// A new settlement, PENDING.
pub(crate) fn proposed_by(rig: &Rig, person: &str, amount_minor: u64) -> Result<String> {
    propose(rig, person, &proposal(amount_minor))
}

/// A new settlement of that body, PENDING.
pub(crate) fn propose(rig: &Rig, person: &str, body: &Value) -> Result<String> {
    let answer = rig.person(person).post("/v1/settlements", &idempotency_key(), body)?;
    ensure!(answer.status == 201, "not created: {}", answer.text());
    Ok(answer.json()["id"].as_str().unwrap_or_default().to_owned())
}

/// A new settlement of alice's, verified by bob.
pub(crate) fn verified(rig: &Rig, amount_minor: u64) -> Result<String> {
    let id = pending(rig, amount_minor)?;
    verify(rig, &id)?;
    Ok(id)
}

/// Lets bob verify it.
pub(crate) fn verify(rig: &Rig, id: &str) -> Result<()> {
    let answer = rig.person("bob").post_empty(&of(id, "verify"), &idempotency_key())?;
    ensure!(answer.status == 200, "not verified: {}", answer.text());
    Ok(())
}

/// A new settlement of alice's, in escrow.
pub(crate) fn escrowed(rig: &Rig, amount_minor: u64) -> Result<String> {
    let id = verified(rig, amount_minor)?;
    fund(rig, &id, amount_minor)?;
    Ok(id)
}

/// Lets the escrow agent report that it holds the money.
pub(crate) fn fund(rig: &Rig, id: &str, amount_minor: u64) -> Result<()> {
    let answer = rig.send(&rig.agent("escrow-one").agent.sign(&report("escrow.funded", id, amount_minor).to_string()))?;
    ensure!(answer.status == 200, "not in escrow: {}", answer.text());
    Ok(())
}
