//! The document's examples tell one story, and it happens: each request of a person is answered as it is documented.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Request, Response, Transport as _};
use tests::sample_data::{COLLATERAL_AGENT, PLATFORM, delivery, idempotency_key};
use uuid::{Uuid, uuid};

use super::openapi::OpenApi;
use super::requests::ahead;

const MAKER: Uuid = uuid!("7c1f0a4e-2d0b-4c7e-9a51-3d6b8f2e9c10");
const CHECKER: Uuid = uuid!("e3a9d5f2-6b84-4f0d-8c3e-51a7b2c4d6e8");
const ALLOCATOR: &str = "4e2a7b91-3c5d-4f68-9e0a-b7d1c2f3a485";
const UNSECURED: &str = "5e0b9d27-8c14-4a6f-b3d2-91f7e6a05c48";

/// What would undo the story before it is told.
const LATER: [&str; 3] = ["member_revoked", "facility_excluded", "capital_withdrawn"];

struct Story<'a> {
    fixture: &'a Fixture,
    api: OpenApi,
    told: BTreeSet<(String, String)>,
}

#[test]
fn each_documented_request_of_a_person_is_answered_as_documented() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut story = Story {
        fixture: &fixture,
        api: OpenApi::load()?,
        told: BTreeSet::new(),
    };
    story.begins()?;

    for name in ["full", "least"] {
        story.person(MAKER, "create-settlement", name, "/v1/settlements", 201)?;
    }
    for name in ["reason", "empty"] {
        let id = story.proposed()?;
        let target = format!("/v1/settlements/{id}/cancel");
        story.person(MAKER, "cancel-settlement", name, &target, 200)?;
    }
    let id = story.proposed()?;
    let target = format!("/v1/settlements/{id}/verify");
    story.person(CHECKER, "verify-settlement", "empty", &target, 200)?;
    for (agent, operation, name) in [
        ("escrow-one", "escrow-webhook", "funded"),
        ("settle-one", "settlement-webhook", "completed"),
    ] {
        let mut report = story.example(operation, name)?;
        report["data"]["settlement_id"] = json!(id);
        report["data"]["facility_id"] = json!(UNSECURED);
        let answer = fixture.agent(agent).deliver(&report)?;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    for name in ["defaults", "full"] {
        story.person(MAKER, "create-risk-run", name, "/v1/risk-runs", 201)?;
    }

    let facility =
        story.example("platform-webhook", "facility_opened")?["data"]["facility_id"].clone();
    let target = format!(
        "/v1/facilities/{}/releases",
        facility.as_str().context("an id")?
    );
    let mut release = Value::Null;
    for name in [
        "amendment_of_parties",
        "amendment_of_collateral",
        "termination",
        "assets",
    ] {
        let answer = story.person(MAKER, "request-release", name, &target, 201)?;
        release = answer.json();
    }
    let mut approval = story.example("approve-release", "approval")?;
    approval["content_sha256"] = release["content_sha256"].clone();
    let target = format!(
        "/v1/releases/{}/approve",
        release["id"].as_str().context("an id")?
    );
    story.send(CHECKER, "approve-release", &target, &approval, 200)?;
    story
        .told
        .insert(("approve-release".to_owned(), "approval".to_owned()));

    let mut documented = BTreeSet::new();
    for (id, _, path) in story.api.operations() {
        let body = &story.api.operation(&id)?["requestBody"]["content"]["application/json"];
        for (name, _) in body["examples"].as_object().into_iter().flatten() {
            if !path.starts_with("/v1/webhooks/") {
                documented.insert((id.clone(), name.clone()));
            }
        }
    }
    assert_eq!(story.told, documented);
    Ok(())
}

impl Story<'_> {
    /// The registry, the collateral and the capital.
    fn begins(&self) -> Result<()> {
        // In the order in which they happened.
        let examples = |operation: &str| -> Result<Vec<Value>> {
            let body =
                &self.api.operation(operation)?["requestBody"]["content"]["application/json"];
            let examples = body["examples"].as_object().context("examples")?;
            let mut events: Vec<Value> = examples
                .iter()
                .filter(|(name, _)| !LATER.contains(&name.as_str()))
                .map(|(_, example)| example["value"].clone())
                .collect();
            events.sort_by_key(|event| event["occurred_at"].to_string());
            Ok(events)
        };
        let platform = self.fixture.agent(PLATFORM);
        for event in examples("platform-webhook")? {
            platform.deliver(&event)?;
        }
        for role in ["viewer", "checker"] {
            let member =
                json!({ "allocator_id": ALLOCATOR, "sub": CHECKER.to_string(), "role": role });
            platform.deliver(&delivery("member.granted", &member))?;
        }
        let admission = json!({ "facility_id": UNSECURED, "allocator_id": ALLOCATOR });
        platform.deliver(&delivery("facility.admitted", &admission))?;
        let mut profile = self.example("platform-webhook", "facility_risk_updated_by_rating")?;
        profile["data"]["facility_id"] = json!(UNSECURED);
        platform.deliver(&delivery("facility.risk_updated", &profile["data"]))?;
        for event in examples("collateral-webhook")? {
            if event["type"] != "amendment.recorded" {
                let answer = self.fixture.agent(COLLATERAL_AGENT).deliver(&event)?;
                assert_eq!(answer.status, 200, "{event}: {}", answer.text());
            }
        }
        Ok(())
    }

    fn example(&self, operation: &str, name: &str) -> Result<Value> {
        let body = &self.api.operation(operation)?["requestBody"]["content"]["application/json"];
        let mut example = body["examples"][name]["value"].clone();
        assert!(example.is_object(), "{operation} has no example {name}");
        ahead(&mut example);
        Ok(example)
    }

    /// A settlement of the unsecured facility.
    fn proposed(&mut self) -> Result<String> {
        let mut body = self.example("create-settlement", "least")?;
        body["facility_id"] = json!(UNSECURED);
        body["amount_minor"] =
            self.example("escrow-webhook", "funded")?["data"]["amount_minor"].clone();
        let answer = self.send(MAKER, "create-settlement", "/v1/settlements", &body, 201)?;
        let id = answer.json()["id"].as_str().map(str::to_owned);
        id.context("an id")
    }

    fn person(
        &mut self,
        sub: Uuid,
        operation: &str,
        name: &str,
        target: &str,
        status: u16,
    ) -> Result<Response> {
        let body = self.example(operation, name)?;
        self.told.insert((operation.to_owned(), name.to_owned()));
        self.send(sub, operation, target, &body, status)
    }

    fn send(
        &mut self,
        sub: Uuid,
        operation: &str,
        target: &str,
        body: &Value,
        status: u16,
    ) -> Result<Response> {
        let token = self.fixture.issuer().minter().token(sub, "member");
        let request = Request::new("POST", target)
            .header("authorization", &format!("Bearer {token}"))
            .header("idempotency-key", &idempotency_key())
            .json(body);
        let answer = self.fixture.send(&request)?;
        assert_eq!(
            answer.status,
            status,
            "{operation} {body}: {}",
            answer.text()
        );
        self.api
            .check(operation, &answer)
            .map_err(anyhow::Error::msg)?;
        Ok(answer)
    }
}
