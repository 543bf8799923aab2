//! Every mutating endpoint and event as a prepared request, with its expected outcome.

use std::sync::LazyLock;

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Request;
use tests::sample_data::{
    AURORA, BOREALIS, COLLATERAL_AGENT, EUR_FACILITY, PLATFORM, SECURED_FACILITY, SecuredTerms,
    USD_FACILITY, WebhookEvent, delivery, find_person, idempotency_key,
};
use uuid::Uuid;

use crate::collateral::secured_facility::SecuredFacility;
use crate::endpoints::TABLE;
use crate::risk_runs::fixture::{ROUTE, held, matrix, profile, quick, record};
pub(crate) use crate::settlements::{
    AMOUNT, admission, escrowed, facility, of, pending, proposal, proposed_by, report, verified,
};

/// The functions that change something for a caller.
pub(crate) static MUTATING: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let all = TABLE.functions.iter();
    all.filter(|function| function.writes)
        .map(|function| &*function.name)
        .collect()
});

/// A request, and its expected outcome.
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

/// The name that comes with events of the platform.
pub(crate) const GRANTED: &str = "Dagny Eide";

/// Starts the mutating functions with this number of processes, each taking this number of requests at a time.
pub(crate) fn scale(fixture: &Fixture, processes: usize, concurrency: usize) -> Result<()> {
    for function in MUTATING.iter() {
        fixture.start(fixture.launch(function)?.scaled(processes, concurrency))?;
    }
    Ok(())
}

/// One mutation of every kind: each endpoint, each event, accepted.
pub(crate) fn accepted(fixture: &Fixture) -> Result<Vec<Mutation>> {
    let mut all = vec![
        human(
            fixture,
            "create",
            "alice",
            "/v1/settlements",
            &proposal(AMOUNT),
        ),
        human(
            fixture,
            "verify",
            "bob",
            &of(&pending(fixture, AMOUNT)?, "verify"),
            &Value::Null,
        ),
        human(
            fixture,
            "cancel PENDING",
            "alice",
            &of(&pending(fixture, AMOUNT)?, "cancel"),
            &json!({ "reason": "mistaken" }),
        ),
        human(
            fixture,
            "cancel VERIFIED",
            "bob",
            &of(&verified(fixture, AMOUNT)?, "cancel"),
            &Value::Null,
        ),
        agent(
            fixture,
            "escrow.funded",
            "escrow-one",
            &report("escrow.funded", &verified(fixture, AMOUNT)?, AMOUNT),
        ),
        agent(
            fixture,
            "escrow.failed",
            "escrow-one",
            &report("escrow.failed", &verified(fixture, AMOUNT)?, AMOUNT),
        ),
        agent(
            fixture,
            "settlement.completed",
            "settle-one",
            &report("settlement.completed", &escrowed(fixture, AMOUNT)?, AMOUNT),
        ),
        agent(
            fixture,
            "settlement.failed",
            "settle-one",
            &report("settlement.failed", &escrowed(fixture, AMOUNT)?, AMOUNT),
        ),
    ];
    all[0].status = 201;
    held(fixture, AMOUNT)?;
    record(fixture, "facility.risk_updated", &profile(USD_FACILITY.id))?;
    let mut run = human(fixture, "risk run", "carol", ROUTE, &quick());
    run.status = 201;
    all.push(run);
    all.extend(
        platform_events()
            .into_iter()
            .map(|(name, data)| agent(fixture, name, PLATFORM, &delivery(name, &data))),
    );
    all.extend(of_collateral(fixture)?);
    Ok(all)
}

/// Every mutation of collateral, in an order in which all are accepted.
fn of_collateral(fixture: &Fixture) -> Result<Vec<Mutation>> {
    let facility = SecuredFacility::good(fixture, &[10_000])?;
    let terms = &facility.terms;
    let delivered = |event: &WebhookEvent| {
        let from = match event.kind {
            "party.recorded" | "rules.recorded" | "dispute.decided" => PLATFORM,
            _ => COLLATERAL_AGENT,
        };
        agent(fixture, event.kind, from, &event.delivery())
    };
    let asset = facility.pledged[0].asset;
    let found = json!([{ "file_number": "1 A", "filed_at": "2001-01-01T00:00:00Z", "secured_party": "Other Bank" }]);
    let verify = of(&facility.proposed(AMOUNT)?, "verify");
    let mut all = vec![
        human(fixture, "verify secured", "bob", &verify, &Value::Null),
        delivered(&terms.party(&terms.secured_party)),
        delivered(&terms.rules()),
        delivered(&terms.dispute(facility.filing)),
        delivered(&terms.filing(facility.day(-1))),
        delivered(&terms.amendment(facility.filing, "termination", facility.day(-1))),
        delivered(&terms.agreement(facility.today)),
        delivered(&facility.new_pledge()),
        delivered(&terms.valuation(facility.today, &[(asset, 9_000)])),
        delivered(&terms.receipt(facility.today, &[asset])),
        delivered(&terms.search(facility.day(-1)).with("findings", found)),
    ];

    // In another facility, since an approval fails once its content has changed.
    let facility = SecuredFacility::good(fixture, &[100, 200])?;
    let requested = facility.requested(&facility.release(&facility.pledged[..1]))?;
    let release = |pledge: usize| facility.release(&facility.pledged[pledge..=pledge]);
    let path = format!("/v1/facilities/{}/releases", facility.terms.facility);
    let mut request = human(fixture, "request release", "alice", &path, &release(1));
    request.status = 201;
    all.push(request);
    all.push(human(
        fixture,
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
pub(crate) fn refused(fixture: &Fixture) -> Result<Vec<Mutation>> {
    let mut in_euros = proposal(AMOUNT);
    in_euros["facility_id"] = json!(EUR_FACILITY.id.to_string());
    let too_much = json!({
        "allocator_id": AURORA.id.to_string(), "amount_minor": "999999999999999999",
        "currency": "USD", "reference": "all",
    });
    let unknown = Uuid::new_v4().to_string();
    let mut all = vec![
        human(fixture, "create", "alice", "/v1/settlements", &in_euros)
            .refused(409, "currency-mismatch"),
        human(
            fixture,
            "create",
            "bob",
            "/v1/settlements",
            &proposal(AMOUNT),
        )
        .refused(403, "role-missing"),
        human(
            fixture,
            "verify",
            "carol",
            &of(&pending(fixture, AMOUNT)?, "verify"),
            &Value::Null,
        )
        .refused(403, "role-missing"),
        human(
            fixture,
            "verify",
            "dave",
            &of(&proposed_by(fixture, "dave", AMOUNT)?, "verify"),
            &Value::Null,
        )
        .refused(409, "four-eyes"),
        human(
            fixture,
            "risk run",
            "mallory",
            ROUTE,
            &json!({ "currency": "EUR" }),
        )
        .refused(409, "no-positions"),
        human(
            fixture,
            "cancel",
            "alice",
            &of(&unknown, "cancel"),
            &Value::Null,
        )
        .refused(404, "not-found"),
        agent(
            fixture,
            "escrow.funded",
            "escrow-one",
            &report("escrow.funded", &verified(fixture, AMOUNT)?, AMOUNT + 1),
        )
        .refused(409, "amount-mismatch"),
        agent(
            fixture,
            "settlement.completed",
            "settle-one",
            &report("settlement.completed", &verified(fixture, AMOUNT)?, AMOUNT),
        )
        .refused(409, "illegal-transition"),
        agent(
            fixture,
            "capital.withdrawn",
            PLATFORM,
            &delivery("capital.withdrawn", &too_much),
        )
        .refused(409, "insufficient-capital"),
    ];
    all.extend(refused_of_collateral(fixture)?);
    Ok(all)
}

/// Mutations of collateral that are refused for a business reason.
fn refused_of_collateral(fixture: &Fixture) -> Result<Vec<Mutation>> {
    let facility = SecuredFacility::good(fixture, &[100])?;
    let mut twice = facility.new_pledge();
    twice.data["asset"]["identifier"] = json!(format!("INV {}", facility.pledged[0].asset));
    let releases = format!("/v1/facilities/{}/releases", facility.terms.facility);
    let all = facility.release(&facility.pledged);
    let own = facility.request_by("dave", &all)?.json();
    let approve = format!(
        "/v1/releases/{}/approve",
        own["id"].as_str().unwrap_or_default()
    );
    Ok(vec![
        human(
            fixture,
            "verify secured",
            "bob",
            &of(&facility.proposed(AMOUNT)?, "verify"),
            &Value::Null,
        )
        .refused(409, "collateral-deficient"),
        agent(
            fixture,
            "asset.pledged",
            COLLATERAL_AGENT,
            &twice.delivery(),
        )
        .refused(409, "already-pledged"),
        agent(
            fixture,
            "rules.recorded",
            PLATFORM,
            &SecuredTerms::new(AURORA).rules().delivery(),
        )
        .refused(404, "not-found"),
        human(fixture, "request release", "bob", &releases, &all).refused(403, "role-missing"),
        human(
            fixture,
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
    let [dave, carol] = ["dave", "carol"].map(|name| {
        find_person(name)
            .map(|person| person.sub.to_string())
            .unwrap_or_default()
    });
    let name = json!({ "text": GRANTED, "salt": Uuid::new_v4().simple().to_string() });
    let movement = json!({ "allocator_id": aurora, "amount_minor": "500", "currency": "USD", "reference": "top-up" });
    vec![
        (
            "allocator.onboarded",
            json!({ "allocator_id": Uuid::new_v4().to_string(), "legal_name": "Cirrus Family Office" }),
        ),
        (
            "member.granted",
            json!({
                "allocator_id": aurora, "sub": Uuid::new_v4().to_string(), "role": "viewer", "display_name": name,
            }),
        ),
        (
            "member.named",
            json!({ "allocator_id": aurora, "sub": dave, "display_name": name }),
        ),
        (
            "member.name_erased",
            json!({ "allocator_id": aurora, "sub": carol }),
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
        (
            "facility.admitted",
            admission(&SECURED_FACILITY.id.to_string(), BOREALIS),
        ),
        (
            "facility.excluded",
            admission(&EUR_FACILITY.id.to_string(), BOREALIS),
        ),
        ("facility.risk_updated", profile(EUR_FACILITY.id)),
        ("ratings.recorded", matrix()),
        ("capital.deposited", movement.clone()),
        ("capital.withdrawn", movement),
    ]
}

/// A request of a person under a new key.
pub(crate) fn human(
    fixture: &Fixture,
    name: &'static str,
    person: &str,
    path: &str,
    body: &Value,
) -> Mutation {
    let request = fixture
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

/// A proposal by alice under a new key.
pub(crate) fn creation(fixture: &Fixture) -> Request {
    human(fixture, "", "alice", "/v1/settlements", &proposal(AMOUNT)).request
}

/// A verification by bob under a new key.
pub(crate) fn verification(fixture: &Fixture, id: &str) -> Request {
    human(fixture, "", "bob", &of(id, "verify"), &Value::Null).request
}

/// A signed delivery.
pub(crate) fn agent(fixture: &Fixture, name: &'static str, agent: &str, event: &Value) -> Mutation {
    let agent = fixture.agent(agent).agent;
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
