//! Every mutating endpoint and event as a request that waits to be made, and what it must come to.

use anyhow::Result;
use serde_json::{Value, json};
use tests::http::Request;
use tests::rig::Rig;
use tests::world::{
    AURORA, COLLATERAL_AGENT, EUR_FACILITY, PLATFORM, Secured, Told, USD_FACILITY, delivery,
    find_person, idempotency_key,
};
use uuid::Uuid;

use crate::collateral::scene::Scene;
use crate::risk_runs::stage::{ROUTE, held, matrix, profile, quick, told};
pub(crate) use crate::settlements::{
    AMOUNT, escrowed, facility, of, pending, proposal, proposed_by, report, verified,
};

/// The functions that change something for a caller.
pub(crate) const MUTATING: [&str; 10] = [
    "create-risk-run",
    "create-settlement",
    "verify-settlement",
    "cancel-settlement",
    "request-release",
    "approve-release",
    "escrow-webhook",
    "settlement-webhook",
    "collateral-webhook",
    "platform-webhook",
];

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
        human(
            rig,
            "verify",
            "bob",
            &of(&pending(rig, AMOUNT)?, "verify"),
            &Value::Null,
        ),
        human(
            rig,
            "cancel PENDING",
            "alice",
            &of(&pending(rig, AMOUNT)?, "cancel"),
            &json!({ "reason": "mistaken" }),
        ),
        human(
            rig,
            "cancel VERIFIED",
            "bob",
            &of(&verified(rig, AMOUNT)?, "cancel"),
            &Value::Null,
        ),
        agent(
            rig,
            "escrow.funded",
            "escrow-one",
            &report("escrow.funded", &verified(rig, AMOUNT)?, AMOUNT),
        ),
        agent(
            rig,
            "escrow.failed",
            "escrow-one",
            &report("escrow.failed", &verified(rig, AMOUNT)?, AMOUNT),
        ),
        agent(
            rig,
            "settlement.completed",
            "settle-one",
            &report("settlement.completed", &escrowed(rig, AMOUNT)?, AMOUNT),
        ),
        agent(
            rig,
            "settlement.failed",
            "settle-one",
            &report("settlement.failed", &escrowed(rig, AMOUNT)?, AMOUNT),
        ),
    ];
    all[0].status = 201;
    held(rig, AMOUNT)?;
    told(rig, "facility.risk_updated", &profile(USD_FACILITY.id))?;
    let mut run = human(rig, "risk run", "carol", ROUTE, &quick());
    run.status = 201;
    all.push(run);
    all.extend(
        platform_events()
            .into_iter()
            .map(|(name, data)| agent(rig, name, PLATFORM, &delivery(name, &data))),
    );
    all.extend(of_collateral(rig)?);
    Ok(all)
}

/// One of everything that is done with collateral, in the order in which it is accepted.
fn of_collateral(rig: &Rig) -> Result<Vec<Mutation>> {
    let scene = Scene::good(rig, &[10_000])?;
    let terms = &scene.terms;
    let told = |told: &Told| {
        let from = match told.kind {
            "party.recorded" | "rules.recorded" => PLATFORM,
            _ => COLLATERAL_AGENT,
        };
        agent(rig, told.kind, from, &told.event())
    };
    let asset = scene.pledged[0].asset;
    let found = json!([{ "file_number": "1 A", "filed_at": "2001-01-01T00:00:00Z", "secured_party": "Other Bank" }]);
    let verify = of(&scene.proposed(AMOUNT)?, "verify");
    let mut all = vec![
        human(rig, "verify secured", "bob", &verify, &Value::Null),
        told(&terms.party(&terms.secured_party)),
        told(&terms.rules()),
        told(&terms.filing(scene.today)),
        told(&terms.amendment(scene.filing, "termination", scene.today)),
        told(&terms.agreement(scene.today)),
        told(&scene.new_pledge()),
        told(&terms.valuation(scene.today, &[(asset, 9_000)])),
        told(&terms.receipt(scene.today, &[asset])),
        told(&terms.search(scene.today).with("findings", found)),
    ];

    // Elsewhere: what is approved must be what was requested.
    let scene = Scene::good(rig, &[100, 200])?;
    let requested = scene.requested(&scene.release(&scene.pledged[..1]))?;
    let release = |pledge: usize| scene.release(&scene.pledged[pledge..=pledge]);
    let path = format!("/v1/facilities/{}/releases", scene.terms.facility);
    let mut request = human(rig, "request release", "alice", &path, &release(1));
    request.status = 201;
    all.push(request);
    all.push(human(
        rig,
        "approve release",
        "bob",
        &format!(
            "/v1/releases/{}/approve",
            requested["id"].as_str().unwrap_or_default()
        ),
        &json!({ "content_sha256": requested["content_sha256"] }),
    ));
    Ok(all)
}

/// Mutations of each endpoint that are refused for a business reason.
pub(crate) fn refused(rig: &Rig) -> Result<Vec<Mutation>> {
    let mut in_euros = proposal(AMOUNT);
    in_euros["facility_id"] = json!(EUR_FACILITY.id.to_string());
    let too_much = json!({ "allocator_id": AURORA.id.to_string(), "amount_minor": "999999999999999999", "currency": "USD", "reference": "all" });
    let unknown = Uuid::new_v4().to_string();
    let scene = Scene::good(rig, &[100])?;
    let mut twice = scene.new_pledge();
    twice.data["asset"]["identifier"] = json!(format!("INV {}", scene.pledged[0].asset));
    let releases = format!("/v1/facilities/{}/releases", scene.terms.facility);
    let all = scene.release(&scene.pledged);
    let own = scene.request_by("dave", &all)?.json();
    let approve = format!(
        "/v1/releases/{}/approve",
        own["id"].as_str().unwrap_or_default()
    );
    Ok(vec![
        human(rig, "create", "alice", "/v1/settlements", &in_euros)
            .refused(409, "currency-mismatch"),
        human(rig, "create", "bob", "/v1/settlements", &proposal(AMOUNT))
            .refused(403, "role-missing"),
        human(
            rig,
            "verify",
            "carol",
            &of(&pending(rig, AMOUNT)?, "verify"),
            &Value::Null,
        )
        .refused(403, "role-missing"),
        human(
            rig,
            "verify",
            "dave",
            &of(&proposed_by(rig, "dave", AMOUNT)?, "verify"),
            &Value::Null,
        )
        .refused(409, "four-eyes"),
        human(
            rig,
            "risk run",
            "mallory",
            ROUTE,
            &json!({ "currency": "EUR" }),
        )
        .refused(409, "no-positions"),
        human(
            rig,
            "cancel",
            "alice",
            &of(&unknown, "cancel"),
            &Value::Null,
        )
        .refused(404, "not-found"),
        agent(
            rig,
            "escrow.funded",
            "escrow-one",
            &report("escrow.funded", &verified(rig, AMOUNT)?, AMOUNT + 1),
        )
        .refused(409, "amount-mismatch"),
        agent(
            rig,
            "settlement.completed",
            "settle-one",
            &report("settlement.completed", &verified(rig, AMOUNT)?, AMOUNT),
        )
        .refused(409, "illegal-transition"),
        agent(
            rig,
            "capital.withdrawn",
            PLATFORM,
            &delivery("capital.withdrawn", &too_much),
        )
        .refused(409, "insufficient-capital"),
        human(
            rig,
            "verify secured",
            "bob",
            &of(&scene.proposed(AMOUNT)?, "verify"),
            &Value::Null,
        )
        .refused(409, "collateral-deficient"),
        agent(rig, "asset.pledged", COLLATERAL_AGENT, &twice.event())
            .refused(409, "already-pledged"),
        agent(
            rig,
            "rules.recorded",
            PLATFORM,
            &Secured::new(AURORA).rules().event(),
        )
        .refused(404, "not-found"),
        human(rig, "request release", "bob", &releases, &all).refused(403, "role-missing"),
        human(
            rig,
            "approve release",
            "dave",
            &approve,
            &json!({ "content_sha256": own["content_sha256"] }),
        )
        .refused(409, "four-eyes"),
    ])
}

pub(crate) fn platform_events() -> Vec<(&'static str, Value)> {
    let aurora = AURORA.id.to_string();
    let dave = find_person("dave")
        .map(|person| person.sub.to_string())
        .unwrap_or_default();
    let movement = json!({ "allocator_id": aurora, "amount_minor": "500", "currency": "USD", "reference": "top-up" });
    vec![
        (
            "allocator.onboarded",
            json!({ "allocator_id": Uuid::new_v4().to_string(), "legal_name": "Cirrus Family Office" }),
        ),
        (
            "member.granted",
            json!({ "allocator_id": aurora, "sub": Uuid::new_v4().to_string(), "role": "viewer" }),
        ),
        (
            "member.revoked",
            json!({ "allocator_id": aurora, "sub": dave, "role": "maker" }),
        ),
        (
            "agent.registered",
            json!({ "agent_id": "escrow-two", "kind": "escrow", "name": "Second Escrow Bank" }),
        ),
        (
            "facility.opened",
            facility(&Uuid::new_v4().to_string(), 1_000_000),
        ),
        ("facility.risk_updated", profile(EUR_FACILITY.id)),
        ("ratings.recorded", matrix()),
        ("capital.deposited", movement.clone()),
        ("capital.withdrawn", movement),
    ]
}

/// A request of a person under a new key.
pub(crate) fn human(
    rig: &Rig,
    name: &'static str,
    person: &str,
    path: &str,
    body: &Value,
) -> Mutation {
    let request = rig
        .person(person)
        .request("POST", path)
        .header("idempotency-key", &idempotency_key());
    let mut other = body.clone();
    match path {
        "/v1/settlements" => other["reference"] = json!("another one"),
        ROUTE => other["seed"] = json!(7),
        _ if path.ends_with("/cancel") => other = json!({ "reason": "another one" }),
        _ if path.ends_with("/releases") => other["reason"] = json!("another one"),
        _ if path.ends_with("/approve") => other = json!({ "content_sha256": "0".repeat(64) }),
        _ => other = json!({}),
    }
    Mutation {
        name,
        altered: request.clone().json(&other),
        request: if body.is_null() {
            request
        } else {
            request.json(body)
        },
        status: 200,
        refusal: None,
        by_agent: false,
    }
}

/// A creation of alice's under a new key.
pub(crate) fn creation(rig: &Rig) -> Request {
    human(rig, "", "alice", "/v1/settlements", &proposal(AMOUNT)).request
}

/// A verification of bob's under a new key.
pub(crate) fn verification(rig: &Rig, id: &str) -> Request {
    human(rig, "", "bob", &of(id, "verify"), &Value::Null).request
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
}
