//! Every documented status of every operation is brought about, and each reply is what the document says.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Request, Transport as _};
use tests::issuer::Behaviour;
use tests::sample_data::{Agent, delivery, idempotency_key};
use uuid::Uuid;

use super::openapi::OpenApi;
use crate::endpoints::{KINDS, bearing, event, of_people};
use crate::mutations::{MUTATING, accepted, refused};
use crate::settlements::{AMOUNT, escrowed, proposal};

/// 429 is API Gateway's own; 500 and, without keys to fetch, 503 are brought about elsewhere.
const ELSEWHERE: [u16; 2] = [429, 500];

/// Replies as they are seen, and held against the document.
struct Seen<'a> {
    fixture: &'a Fixture,
    api: OpenApi,
    statuses: BTreeSet<(String, u16)>,
}

#[test]
fn every_reply_is_as_documented_and_every_documented_status_occurs() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut seen = Seen {
        fixture: &fixture,
        api: OpenApi::load()?,
        statuses: BTreeSet::new(),
    };
    for mutation in accepted(&fixture)?.into_iter().chain(refused(&fixture)?) {
        seen.send(&mutation.request)?;
        seen.send(&mutation.request)?;
        seen.send(&mutation.altered)?;
    }
    let unknown_facility = json!({ "facility_id": Uuid::new_v4().to_string() });
    let mut body = proposal(AMOUNT);
    body["facility_id"] = unknown_facility["facility_id"].clone();
    seen.send(
        &fixture
            .person("alice")
            .request("POST", "/v1/settlements")
            .header("idempotency-key", &idempotency_key())
            .json(&body),
    )?;
    reads(&mut seen)?;
    for (_, request) in of_people(&fixture) {
        of_a_person(&mut seen, &request)?;
    }
    for kind in KINDS {
        let agent = fixture
            .deployment()
            .agents
            .iter()
            .find(|agent| agent.kind == kind)
            .context("an agent")?;
        of_an_agent(&mut seen, agent)?;
    }

    let mut expected = BTreeSet::new();
    for (id, _, path) in seen.api.operations() {
        let mut statuses = seen.api.statuses(&id)?;
        statuses.retain(|status| {
            !(ELSEWHERE.contains(status) || *status == 503 && path.starts_with("/v1/webhooks/"))
        });
        expected.extend(statuses.into_iter().map(|status| (id.clone(), status)));
    }
    let not_given: Vec<_> = expected.difference(&seen.statuses).collect();
    assert!(
        not_given.is_empty(),
        "documented and not given: {not_given:?}"
    );
    Ok(())
}

impl Seen<'_> {
    fn send(&mut self, request: &Request) -> Result<Value> {
        let (route, _) = self
            .fixture
            .routes()
            .find(&request.method, request.path())
            .context("a route")?;
        let reply = self.fixture.send(request)?;
        let verdict = self.api.check(&route.function, &reply);
        assert!(
            verdict.is_ok(),
            "{} {}: not as documented, {verdict:?}: {}",
            request.method,
            request.target,
            reply.text()
        );
        self.statuses.insert((route.function.clone(), reply.status));
        Ok(serde_json::from_slice(&reply.body).unwrap_or_default())
    }
}

/// Of a world in which everything has happened.
fn reads(seen: &mut Seen<'_>) -> Result<()> {
    let carol = seen.fixture.person("carol");
    let settlement = escrowed(seen.fixture, AMOUNT)?;
    let one = seen.send(&carol.request("GET", &format!("/v1/settlements/{settlement}")))?;
    let key = one["transitions"][0]["commitment_id"]
        .as_str()
        .context("a commitment")?
        .to_owned();
    let sent = idempotency_key();
    let alice = seen.fixture.person("alice");
    alice.post("/v1/settlements", &sent, &proposal(100))?;
    let found = format!("/v1/commitments?operation=create-settlement&idempotency_key={sent}");
    seen.send(&alice.request("GET", &found))?;
    let run = seen.send(&carol.request("GET", "/v1/risk-runs?limit=100"))?;
    let run = run["data"][0]["id"].as_str().context("a run")?;
    let run = format!("/v1/risk-runs/{run}");
    seen.send(&carol.request("GET", &run))?;
    seen.send(&carol.request("GET", &format!("{run}/chart.svg")))?;
    for target in [
        "/v1/settlements?limit=100".to_owned(),
        "/v1/settlements?limit=1&status=PENDING".to_owned(),
        "/v1/audit?limit=100".to_owned(),
        "/v1/audit?limit=1".to_owned(),
        "/v1/me".to_owned(),
        "/v1/positions".to_owned(),
        "/v1/positions?as_of=2020-01-01T00:00:00Z".to_owned(),
        "/v1/settlements?cursor=x&limit=0".to_owned(),
        format!("/v1/settlements/{settlement}/verification"),
        "/v1/releases?status=REQUESTED&status=APPROVED&status=EXPIRED".to_owned(),
        "/v1/warnings?status=open&status=closed&limit=100".to_owned(),
    ] {
        seen.send(&carol.request("GET", &target))?;
    }
    let receipts = [
        format!("/v1/commitments/{key}"),
        format!("/v1/commitments/{key}/proof"),
        "/v1/checkpoint".to_owned(),
    ];
    for target in &receipts {
        seen.send(&carol.request("GET", target))?;
    }
    seen.fixture.seal()?;
    for target in &receipts {
        seen.send(&carol.request("GET", target))?;
    }
    for path in ["/v1/settlements", "/v1/audit", "/v1/facilities"] {
        let page = seen.send(&carol.request("GET", &format!("{path}?limit=2")))?;
        let cursor = page["next_cursor"]
            .as_str()
            .with_context(|| format!("{path} has a second page"))?;
        let next = seen.send(&carol.request("GET", &format!("{path}?limit=2&cursor={cursor}")))?;
        assert_ne!(page["data"], next["data"], "{path}");
    }
    let all = seen.send(&carol.request("GET", "/v1/facilities?limit=100"))?;
    facilities(seen, &all["data"])?;
    commitments(seen)?;
    facilities(seen, &json!([{ "id": Uuid::new_v4().to_string() }]))
}

/// Every commitment that the allocators' audit trails name. Of each operation that changes something there is one.
fn commitments(seen: &mut Seen<'_>) -> Result<()> {
    let mut operations = BTreeSet::new();
    for person in ["carol", "mallory"] {
        let person = seen.fixture.person(person);
        let (mut ids, mut cursor) = (BTreeSet::new(), String::new());
        loop {
            let target = format!("/v1/audit?limit=100{cursor}");
            let page = seen.send(&person.request("GET", &target))?;
            for entry in page["data"].as_array().context("a page")? {
                ids.extend(entry["commitment_id"].as_str().map(str::to_owned));
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        for id in ids {
            let entry = seen.send(&person.request("GET", &format!("/v1/commitments/{id}")))?;
            operations.extend(entry["operation"].as_str().map(str::to_owned));
        }
    }
    let expected = MUTATING
        .iter()
        .filter(|function| **function != "collateral-webhook");
    for operation in expected {
        assert!(
            operations.contains(*operation),
            "no commitment of {operation}: {operations:?}"
        );
    }
    Ok(())
}

/// Facilities with what secures them; nothing of one that is nobody's.
fn facilities(seen: &mut Seen<'_>, facilities: &Value) -> Result<()> {
    let alice = seen.fixture.person("alice");
    for facility in facilities.as_array().into_iter().flatten() {
        let id = facility["id"].as_str().context("a facility's id")?;
        for target in ["", "/collateral", "/collateral?limit=1"] {
            let target = format!("/v1/facilities/{id}{target}");
            let shown = seen.send(&alice.request("GET", &target))?;
            for (list, above) in [
                ("filings", format!("/v1/facilities/{id}")),
                ("releases", "/v1".to_owned()),
            ] {
                for one in shown[list].as_array().into_iter().flatten() {
                    let one = one["id"].as_str().context("an id")?;
                    let target = format!("{above}/{list}/{one}");
                    seen.send(&alice.request("GET", &target))?;
                }
            }
        }
        seen.send(
            &alice
                .request("POST", &format!("/v1/facilities/{id}/releases"))
                .header("idempotency-key", &idempotency_key())
                .json(&json!({ "kind": "termination", "filing_id": id, "reason": "Paid off" })),
        )?;
    }
    Ok(())
}

fn of_a_person(seen: &mut Seen<'_>, request: &Request) -> Result<()> {
    let fixture = seen.fixture;
    let as_person = |request: &Request, name: &str| bearing(request, &fixture.person(name).token());
    seen.send(request)?;
    seen.send(&bearing(
        request,
        &fixture.issuer().minter().token(Uuid::new_v4(), "stranger"),
    ))?;
    fixture.issuer().behave(Behaviour::Status(500));
    seen.send(&as_person(request, "dave"))?;
    fixture.issuer().behave(Behaviour::Publish);
    if request.method == "GET" {
        let unknown = Request::new("GET", &format!("{}?unknown=1", request.path()));
        seen.send(&as_person(request, "dave"))?;
        seen.send(&as_person(&unknown, "dave"))?;
        return Ok(());
    }
    seen.send(&as_person(request, "carol"))?;
    let mutation = as_person(request, "dave");
    seen.send(&mutation)?;
    seen.send(&mutation.clone().without("idempotency-key"))?;
    seen.send(
        &mutation
            .clone()
            .without("idempotency-key")
            .header("idempotency-key", "short"),
    )?;
    bad_bodies(seen, |body| {
        mutation
            .clone()
            .without("content-type")
            .header("content-type", "application/json")
            .body(body)
    })
}

fn of_an_agent(seen: &mut Seen<'_>, agent: &Agent) -> Result<()> {
    let now = time::OffsetDateTime::now_utc().unix_timestamp().to_string();
    let good = event(agent.kind);
    seen.send(
        &agent
            .sign(&good.to_string())
            .without("webhook-signature")
            .without("x-signature-256"),
    )?;
    seen.send(&agent.sign(&good.to_string()))?;
    let nobodys = json!({
        "allocator_id": Uuid::new_v4().to_string(),
        "amount_minor": "1",
        "currency": "USD",
        "reference": "wire",
    });
    if agent.kind.name() == "platform" {
        seen.send(&agent.sign(&delivery("capital.deposited", &nobodys).to_string()))?;
    }
    bad_bodies(seen, |body| agent.sign_with(&body, "evt_1", &now))
}

fn bad_bodies(seen: &mut Seen<'_>, request: impl Fn(Vec<u8>) -> Request) -> Result<()> {
    seen.send(&request(b"{".to_vec()))?;
    seen.send(&request(br#"{"unknown":1}"#.to_vec()))?;
    seen.send(&request(vec![b' '; 65_537]))?;
    seen.send(
        &request(b"{}".to_vec())
            .without("content-type")
            .header("content-type", "text/plain"),
    )?;
    Ok(())
}
