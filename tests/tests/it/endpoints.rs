//! A request for every route, correct but for the caller's credentials, and what all replies have in common.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use generate::Table;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::folders;
use tests::http::{Request, Response};
use tests::sample_data::{AURORA, Kind, SECURED_FACILITY, SecuredTerms, delivery, idempotency_key};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::settlements::{of, proposal, report};

/// functions/endpoints.toml.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    generate::load(&folders::workspace())
        .expect("functions/endpoints.toml is read by every command")
});

/// The functions that people call, by name.
pub(crate) static PEOPLES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let sorted = TABLE.sorted().into_iter();
    sorted
        .filter(|function| function.kind == generate::Kind::People)
        .map(|function| &*function.name)
        .collect()
});

/// The agents' kinds: each has a route.
pub(crate) const KINDS: [Kind; 4] = Kind::ALL;

/// Words of statements and files, table names and error codes, none of which may reach a caller.
const INSIDE: [&str; 23] = [
    "select ",
    "insert ",
    "update ",
    "constraint",
    "violates",
    "relation",
    "sqlstate",
    "postgres",
    "opk0",
    "capital.settlement",
    "capital.account",
    "collateral.pledge",
    "ledger.",
    "audit.",
    "auth.",
    "gateway.",
    "commitment_ledger",
    "panicked",
    ".rs:",
    "stack",
    "serde",
    "tokio",
    "at line",
];

/// A request of each function that people call, without a token.
pub(crate) fn of_people(fixture: &Fixture) -> Vec<(&'static str, Request)> {
    let routed: BTreeSet<String> = fixture
        .routes()
        .iter()
        .map(|route| route.function.clone())
        .collect();
    let known = PEOPLES.iter().map(|name| (*name).to_owned());
    let known: BTreeSet<String> = known.chain(KINDS.map(Kind::function)).collect();
    assert_eq!(routed, known, "each route has its row here");
    let requests: Vec<_> = PEOPLES
        .iter()
        .map(|function| (*function, of_person(function)))
        .collect();
    for (function, request) in &requests {
        let route = fixture.routes().find(&request.method, request.path());
        assert_eq!(route.map(|(route, _)| &*route.function), Some(*function));
    }
    requests
}

/// A request of a function that people call, without a token, under a key of its own.
pub(crate) fn of_person(function: &str) -> Request {
    let settlement = Uuid::new_v4().to_string();
    let facility = format!("/v1/facilities/{}", SECURED_FACILITY.id);
    let post =
        |target: &str| Request::new("POST", target).header("idempotency-key", &idempotency_key());
    match function {
        "create-settlement" => post("/v1/settlements").json(&proposal(100)),
        "create-risk-run" => post("/v1/risk-runs").json(&json!({ "currency": "USD" })),
        "get-risk-chart" => {
            Request::new("GET", &format!("/v1/risk-runs/{settlement}/chart.svg"))
        }
        "get-risk-run" => Request::new("GET", &format!("/v1/risk-runs/{settlement}")),
        "list-risk-runs" => Request::new("GET", "/v1/risk-runs?limit=2"),
        "list-settlements" => Request::new("GET", "/v1/settlements?limit=2"),
        "get-settlement" => Request::new("GET", &format!("/v1/settlements/{settlement}")),
        "verify-settlement" => post(&of(&settlement, "verify")),
        "cancel-settlement" => {
            post(&of(&settlement, "cancel")).json(&json!({ "reason": "mistaken" }))
        }
        "list-positions" => Request::new("GET", "/v1/positions"),
        "get-commitment" => Request::new("GET", &format!("/v1/commitments/{}", "0".repeat(64))),
        "find-commitment" => Request::new(
            "GET",
            "/v1/commitments?operation=create-settlement&idempotency_key=a-key-of-sixteen",
        ),
        "get-commitment-proof" => {
            Request::new("GET", &format!("/v1/commitments/{}/proof", "0".repeat(64)))
        }
        "get-checkpoint" => Request::new("GET", "/v1/checkpoint"),
        "get-me" => Request::new("GET", "/v1/me"),
        "list-audit" => Request::new("GET", "/v1/audit"),
        "list-facilities" => Request::new("GET", "/v1/facilities?limit=2"),
        "get-facility" => Request::new("GET", &facility),
        "get-facility-collateral" => Request::new("GET", &format!("{facility}/collateral")),
        "get-filing" => Request::new("GET", &format!("{facility}/filings/{settlement}")),
        "get-release" => Request::new("GET", &format!("/v1/releases/{settlement}")),
        "list-releases" => Request::new("GET", "/v1/releases?limit=2"),
        "list-warnings" => Request::new("GET", "/v1/warnings?limit=2"),
        "get-verification" => {
            Request::new("GET", &format!("/v1/settlements/{settlement}/verification"))
        }
        "request-release" => post(&format!("{facility}/releases")).json(
            &json!({ "kind": "termination", "filing_id": Uuid::new_v4().to_string(), "reason": "paid" }),
        ),
        "approve-release" => post(&format!("/v1/releases/{settlement}/approve"))
            .json(&json!({ "content_sha256": "0".repeat(64) })),
        other => unreachable!("{other} is no function that people call"),
    }
}

/// An event that an agent of that kind may report: it reaches the ledger.
pub(crate) fn event(kind: Kind) -> Value {
    let nobodys = Uuid::new_v4().to_string();
    match kind {
        Kind::Escrow => report("escrow.funded", &nobodys, 100),
        Kind::Settlement => report("settlement.completed", &nobodys, 100),
        Kind::Collateral => SecuredTerms::new(AURORA)
            .search(OffsetDateTime::now_utc().date())
            .delivery(),
        Kind::Platform => delivery(
            "capital.deposited",
            &json!({
                "allocator_id": AURORA.id.to_string(), "amount_minor": "100", "currency": "USD", "reference": "wire",
            }),
        ),
    }
}

/// The same request with this token.
pub(crate) fn bearing(request: &Request, token: &str) -> Request {
    request
        .clone()
        .header("authorization", &format!("Bearer {token}"))
}

/// A reply without the request's own id: equal for two requests that must look the same.
pub(crate) fn anonymous(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let mut headers = response.headers.clone();
    headers.retain(|(name, _)| name != "x-request-id");
    headers.sort();
    let id = response.header("x-request-id").unwrap_or("none");
    (
        response.status,
        headers,
        response.text().replace(id, "REQUEST"),
    )
}

/// Checks what every reply must fulfil.
pub(crate) fn assert_decent(what: &str, response: &Response) {
    let text = response.text();
    assert!(response.status < 500, "{what}: {} {text}", response.status);
    assert_eq!(response.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(
        response.header("x-content-type-options"),
        Some("nosniff"),
        "{what}"
    );
    let id = response.header("x-request-id").unwrap_or_default();
    assert!(!id.is_empty(), "{what}: no request id");
    if response.status < 400 {
        assert_eq!(
            response.header("content-type"),
            Some("application/json"),
            "{what}"
        );
        return;
    }
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json"),
        "{what}"
    );
    let problem = response.json();
    assert_eq!(problem["request_id"], id, "{what}: {text}");
    assert_eq!(problem["status"], response.status, "{what}: {text}");
    let lower = text.to_lowercase();
    let found: Vec<&str> = INSIDE
        .into_iter()
        .filter(|word| lower.contains(word))
        .collect();
    assert!(
        found.is_empty(),
        "{what}: the reply tells of the inside, {found:?}: {text}"
    );
}
