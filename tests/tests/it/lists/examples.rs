//! The document's examples tell one story, and it happens: each request and each delivery is accepted, and each
//! documented success is a reply as it came.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use regex::Regex;
use serde_json::{Map, Value, json};
use tests::fixture::Fixture;
use tests::http::{Request, Response, Transport as _};
use tests::sample_data::{COLLATERAL_AGENT, PLATFORM, idempotency_key};
use uuid::{Uuid, uuid};

use super::openapi::OpenApi;
use super::requests::ahead;
use crate::collateral::secured_facility::monitor;

const MAKER: Uuid = uuid!("7c1f0a4e-2d0b-4c7e-9a51-3d6b8f2e9c10");
const CHECKER: Uuid = uuid!("e3a9d5f2-6b84-4f0d-8c3e-51a7b2c4d6e8");
const SECURED: &str = "b84d3f10-5c2e-4e9a-8f67-1a0d9c3b7e52";
const UNSECURED: &str = "5e0b9d27-8c14-4a6f-b3d2-91f7e6a05c48";
const FILING: &str = "9a7d2c14-0e5b-4f6a-8c31-d2b7e9f04a58";

/// What would undo the story before it is told.
const LATER: [&str; 4] = [
    "member.revoked",
    "member.name_erased",
    "facility.excluded",
    "capital.withdrawn",
];

/// Its rows are those of any table.
const OF_THE_TRAIL: &str = "list-audit";

struct Story<'a> {
    fixture: &'a Fixture,
    api: OpenApi,
    /// The requests that were sent: operation and example.
    told: BTreeSet<(String, String)>,
    /// What came: operation and example.
    answers: BTreeMap<(String, String), Value>,
}

#[test]
fn each_documented_request_is_accepted_and_answered_as_documented() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut story = Story {
        fixture: &fixture,
        api: OpenApi::load()?,
        told: BTreeSet::new(),
        answers: BTreeMap::new(),
    };
    let is_early = |event: &Value| {
        !LATER.contains(&event["type"].as_str().unwrap_or_default())
            && event["type"] != "amendment.recorded"
    };
    story.events(|_, event| is_early(event))?;
    story.settlements()?;
    story.risk()?;
    story.collateral()?;
    story.events(|_, event| event["type"] == "amendment.recorded")?;
    fixture.seal()?;
    story.reads()?;
    story.problems()?;
    let told_before: BTreeSet<String> = story.told.iter().map(|(_, name)| name.clone()).collect();
    story.events(|name, _| !told_before.contains(name))?;

    let mut documented = BTreeSet::new();
    for (id, ..) in story.api.operations() {
        let requests = story.requests(&id)?;
        documented.extend(requests.keys().map(|name| (id.clone(), name.clone())));
    }
    assert_eq!(story.told, documented);
    story.compare()
}

impl Story<'_> {
    /// Delivers these of the platform's and the collateral agent's events, in the order in which they happened.
    fn events(&mut self, chosen: impl Fn(&str, &Value) -> bool) -> Result<()> {
        let mut events = Vec::new();
        for (operation, agent) in [
            ("platform-webhook", PLATFORM),
            ("collateral-webhook", COLLATERAL_AGENT),
        ] {
            for (name, example) in self.requests(operation)? {
                let event = example["value"].clone();
                if chosen(&name, &event) {
                    events.push((
                        event["occurred_at"].to_string(),
                        operation,
                        agent,
                        name,
                        event,
                    ));
                }
            }
        }
        events.sort_by(|one, other| one.0.cmp(&other.0));
        for (_, operation, agent, name, event) in events {
            let answer = self.deliver(agent, operation, &name, &event)?;
            let example = match &*name {
                "allocator_onboarded" => "accepted",
                "custody_confirmed" => "recorded",
                "continuation" => "amended",
                _ => continue,
            };
            self.keep(operation, example, &answer)?;
        }
        Ok(())
    }

    /// Each to its end, by each way out of it.
    fn settlements(&mut self) -> Result<()> {
        let (create, target) = ("create-settlement", "/v1/settlements");
        let full = self.example(create, "full")?;
        let key = idempotency_key();
        let request = self
            .request(MAKER, "POST", target)
            .header("idempotency-key", &key)
            .json(&full);
        let created = self.fixture.send(&request)?;
        self.keep(create, "created", &created)?;
        self.told.insert((create.to_owned(), "full".to_owned()));
        self.person(MAKER, create, "least", target, 201)?;
        let found = format!("/v1/commitments?operation={create}&idempotency_key={key}");
        self.read("find-commitment", "created", &found)?;

        let id = id_of(&created)?;
        let verify = format!("{target}/{id}/verify");
        let refused = self.send(MAKER, "verify-settlement", &verify, &json!({}), 403)?;
        let refused = refused.json()["commitment"]["id"]
            .as_str()
            .map(str::to_owned);
        let refused = format!("/v1/commitments/{}", refused.context("a commitment")?);
        let verified = self.person(CHECKER, "verify-settlement", "empty", &verify, 200)?;
        self.keep("verify-settlement", "verified", &verified)?;
        self.read("get-settlement", "verified", &format!("{target}/{id}"))?;
        let mut more = self.example(create, "least")?;
        more["amount_minor"] = json!("1500000000");
        let more = self.send(MAKER, create, target, &more, 201)?;
        let more = format!("{target}/{}/verification", id_of(&more)?);
        self.read("get-verification", "refused", &more)?;

        for (agent, operation, name) in [
            ("escrow-one", "escrow-webhook", "funded"),
            ("settle-one", "settlement-webhook", "completed"),
        ] {
            let report = self.report(operation, name, &id)?;
            let answer = self.deliver(agent, operation, name, &report)?;
            self.keep(operation, "accepted", &answer)?;
            let again = self.fixture.agent(agent).deliver(&report)?;
            self.keep(operation, "duplicate", &again)?;
        }
        let failing = self.verified(&full)?;
        let report = self.report("escrow-webhook", "failed", &failing)?;
        self.deliver("escrow-one", "escrow-webhook", "failed", &report)?;
        let failing = self.verified(&full)?;
        let mut funded = self.report("escrow-webhook", "funded", &failing)?;
        funded["id"] = json!("evt_01jd7q9a1b");
        self.deliver("escrow-one", "escrow-webhook", "funded", &funded)?;
        let report = self.report("settlement-webhook", "failed", &failing)?;
        self.deliver("settle-one", "settlement-webhook", "failed", &report)?;
        for name in ["empty", "reason"] {
            let id = self.verified(&full)?;
            let target = format!("{target}/{id}/cancel");
            let cancelled = self.person(MAKER, "cancel-settlement", name, &target, 200)?;
            self.keep("cancel-settlement", "cancelled", &cancelled)?;
        }
        self.fixture.seal()?;
        self.read("get-commitment", "refused", &refused)?;
        self.read(
            "list-settlements",
            "settled",
            &format!("{target}?status=SETTLED"),
        )
    }

    fn risk(&mut self) -> Result<()> {
        let (create, target) = ("create-risk-run", "/v1/risk-runs");
        self.person(MAKER, create, "defaults", target, 201)?;
        let run = self.person(MAKER, create, "full", target, 201)?;
        self.keep(create, "computed", &run)?;
        let run = format!("{target}/{}", id_of(&run)?);
        self.read("get-risk-run", "run", &run)?;
        self.read("list-risk-runs", "newest", &format!("{target}?limit=1"))
    }

    fn collateral(&mut self) -> Result<()> {
        let facility = format!("/v1/facilities/{SECURED}");
        let target = format!("{facility}/releases");
        monitor(self.fixture)?;
        self.read("get-facility", "secured", &facility)?;
        let request = "request-release";
        self.person(MAKER, request, "termination", &target, 201)?;
        self.read(
            "get-facility-collateral",
            "secured",
            &format!("{facility}/collateral"),
        )?;
        for name in ["amendment_of_parties", "amendment_of_collateral"] {
            self.person(MAKER, request, name, &target, 201)?;
        }
        let release = self.person(MAKER, request, "assets", &target, 201)?;
        self.keep(request, "requested", &release)?;
        let mut approval = self.example("approve-release", "approval")?;
        approval["content_sha256"] = release.json()["content_sha256"].clone();
        let release = format!("/v1/releases/{}", id_of(&release)?);
        let approve = format!("{release}/approve");
        let approved = self.send(CHECKER, "approve-release", &approve, &approval, 200)?;
        self.keep("approve-release", "approved", &approved)?;
        self.told
            .insert(("approve-release".to_owned(), "approval".to_owned()));
        self.read("get-release", "approved", &release)
    }

    /// What else can be read.
    fn reads(&mut self) -> Result<()> {
        for (operation, example, target) in [
            ("get-me", "maker", "/v1/me".to_owned()),
            (
                "list-positions",
                "after_a_settlement",
                "/v1/positions".to_owned(),
            ),
            ("list-facilities", "all", "/v1/facilities".to_owned()),
            ("get-checkpoint", "latest", "/v1/checkpoint".to_owned()),
            (
                "get-facility-collateral",
                "unsecured",
                format!("/v1/facilities/{UNSECURED}/collateral"),
            ),
            (
                "get-filing",
                "amended",
                format!("/v1/facilities/{SECURED}/filings/{FILING}"),
            ),
            ("list-releases", "newest", "/v1/releases?limit=1".to_owned()),
            // There are more kinds, the later this is run.
            (
                "list-warnings",
                "open",
                "/v1/warnings?kind=custody-stale".to_owned(),
            ),
        ] {
            self.read(operation, example, &target)?;
        }
        Ok(())
    }

    /// Problems that one request gives, to the word.
    fn problems(&self) -> Result<()> {
        let settlements = "/v1/settlements";
        let body = self.example("create-settlement", "least")?;
        let mut leading_zero = body.clone();
        leading_zero["amount_minor"] = json!("0250");
        let key = idempotency_key();
        let with_key = self
            .request(MAKER, "POST", settlements)
            .header("idempotency-key", &key);
        let unknown = format!("{settlements}/{}", Uuid::new_v4());
        let text = with_key.clone().json(&body).without("content-type");
        for (response, example, request) in [
            (
                "InvalidRead",
                "limit",
                self.request(MAKER, "GET", "/v1/settlements?limit=0"),
            ),
            (
                "InvalidMutation",
                "amount",
                with_key.clone().json(&leading_zero),
            ),
            (
                "BadMutation",
                "malformed_json",
                with_key.clone().json(&body).body("{".to_owned()),
            ),
            (
                "BadMutation",
                "key_missing",
                self.request(MAKER, "POST", settlements).json(&body),
            ),
            (
                "TokenRefused",
                "unauthorized",
                Request::new("GET", settlements),
            ),
            (
                "NotFound",
                "not_found",
                self.request(MAKER, "GET", &unknown),
            ),
            (
                "NotAMember",
                "not_a_member",
                self.request(Uuid::new_v4(), "GET", settlements),
            ),
            (
                "WrongMediaType",
                "wrong_media_type",
                text.header("content-type", "text/plain"),
            ),
            (
                "TooLarge",
                "too_large",
                with_key.clone().json(&body).body(" ".repeat(65_537)),
            ),
        ] {
            let shown = &self.api.0["components"]["responses"][response]["content"];
            let shown = &shown["application/problem+json"]["examples"][example];
            let shown = self.api.resolved(shown).map_err(anyhow::Error::msg)?;
            let mut shown = shown["value"].clone();
            let came = self.fixture.send(&request)?.json();
            shown["request_id"] = came["request_id"].clone();
            assert_eq!(shown, came, "{response} {example}");
        }
        Ok(())
    }

    /// Each documented success is one that came, but for what is new in each run.
    fn compare(&self) -> Result<()> {
        let mut wrong = Vec::new();
        let mut seen = BTreeSet::new();
        for (id, ..) in self.api.operations() {
            let responses = self.api.operation(&id)?["responses"].as_object();
            for (_, response) in responses
                .context("responses")?
                .iter()
                .filter(|(status, _)| status.starts_with('2'))
            {
                let Some(content) = response["content"].get("application/json") else {
                    continue;
                };
                let examples = content["examples"].as_object();
                if examples.is_none_or(Map::is_empty) {
                    wrong.push(format!("{id} has no example of a success"));
                }
                for (name, example) in examples.into_iter().flatten() {
                    let place = (id.clone(), name.clone());
                    let example = self.api.resolved(example).map_err(anyhow::Error::msg)?;
                    let came = self.answers.get(&place).unwrap_or(&Value::Null);
                    let (shown, came_so) = (outline("", &example["value"]), outline("", came));
                    if id != OF_THE_TRAIL && shown != came_so {
                        wrong.push(format!("{id} {name}: {shown}\ncame as {came_so}\n{came}"));
                    }
                    seen.insert(place);
                }
            }
        }
        for place in self.answers.keys().filter(|place| !seen.contains(place)) {
            wrong.push(format!("{place:?} is not documented"));
        }
        assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n\n"));
        Ok(())
    }

    /// The examples of an operation's requests.
    fn requests(&self, operation: &str) -> Result<Map<String, Value>> {
        let body = &self.api.operation(operation)?["requestBody"]["content"]["application/json"];
        Ok(body["examples"].as_object().cloned().unwrap_or_default())
    }

    fn example(&self, operation: &str, name: &str) -> Result<Value> {
        let requests = self.requests(operation)?;
        let mut example = requests.get(name).context(name.to_owned())?["value"].clone();
        ahead(&mut example);
        Ok(example)
    }

    /// A report on that settlement.
    fn report(&self, operation: &str, name: &str, settlement: &str) -> Result<Value> {
        let mut report = self.example(operation, name)?;
        report["data"]["settlement_id"] = json!(settlement);
        Ok(report)
    }

    /// Another settlement of this kind, VERIFIED.
    fn verified(&mut self, body: &Value) -> Result<String> {
        let mut body = body.clone();
        body["uetr"] = json!(Uuid::new_v4().to_string());
        let created = self.send(MAKER, "create-settlement", "/v1/settlements", &body, 201)?;
        let id = id_of(&created)?;
        let target = format!("/v1/settlements/{id}/verify");
        self.send(CHECKER, "verify-settlement", &target, &json!({}), 200)?;
        Ok(id)
    }

    fn deliver(
        &mut self,
        agent: &str,
        operation: &str,
        name: &str,
        event: &Value,
    ) -> Result<Response> {
        let answer = self.fixture.agent(agent).deliver(event)?;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        self.check(operation, &answer)?;
        self.told.insert((operation.to_owned(), name.to_owned()));
        Ok(answer)
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
        let request = self
            .request(sub, "POST", target)
            .header("idempotency-key", &idempotency_key())
            .json(body);
        let answer = self.fixture.send(&request)?;
        let said = answer.text();
        assert_eq!(answer.status, status, "{operation} {body}: {said}");
        self.check(operation, &answer)?;
        Ok(answer)
    }

    fn read(&mut self, operation: &str, example: &str, target: &str) -> Result<()> {
        let answer = self.fixture.send(&self.request(MAKER, "GET", target))?;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        self.keep(operation, example, &answer)
    }

    fn request(&self, sub: Uuid, method: &str, target: &str) -> Request {
        let token = self.fixture.issuer().minter().token(sub, "member");
        Request::new(method, target).header("authorization", &format!("Bearer {token}"))
    }

    fn keep(&mut self, operation: &str, example: &str, answer: &Response) -> Result<()> {
        self.check(operation, answer)?;
        let place = (operation.to_owned(), example.to_owned());
        self.answers.insert(place, answer.json());
        Ok(())
    }

    fn check(&self, operation: &str, answer: &Response) -> Result<()> {
        let verdict = self.api.check(operation, answer);
        verdict.map_err(anyhow::Error::msg)
    }
}

/// What a reply calls what it made.
fn id_of(answer: &Response) -> Result<String> {
    let id = answer.json()["id"].as_str().map(str::to_owned);
    id.with_context(|| format!("no id: {}", answer.text()))
}

/// A value without what is new in each run: ids, hashes, times, numbers of the log, and what follows from a run's id.
fn outline(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("result", value) => shape(value),
        ("index" | "checkpoint_size" | "size" | "log_size" | "mutations", Value::Number(_))
        | ("note" | "proof" | "snapshot" | "next_cursor", Value::String(_)) => shape(value),
        ("leaf", Value::String(text)) => {
            outline("", &serde_json::from_str(text).unwrap_or_default())
        }
        (_, Value::String(text)) => json!(kind_of(text).unwrap_or(text)),
        (_, Value::Array(elements)) => elements.iter().map(|inner| outline("", inner)).collect(),
        (_, Value::Object(members)) => {
            let inner = members.iter();
            let inner = inner.map(|(name, inner)| (name.clone(), outline(name, inner)));
            Value::Object(inner.collect())
        }
        (_, other) => other.clone(),
    }
}

/// The names of the members, and what the values are.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => json!("a text"),
        Value::Number(_) => json!("a number"),
        Value::Array(elements) => elements.first().into_iter().map(shape).collect(),
        Value::Object(members) => {
            let inner = members.iter();
            Value::Object(
                inner
                    .map(|(name, inner)| (name.clone(), shape(inner)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

fn kind_of(text: &str) -> Option<&'static str> {
    let kinds = [
        ("an id", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
        ("a hash", "^[0-9a-f]{64}$"),
        ("an instant", r"^\d{4}-\d\d-\d\dT[0-9:.]+Z$"),
        ("a date", r"^\d{4}-\d\d-\d\d$"),
    ];
    let mut kinds = kinds.into_iter();
    kinds
        .find(|(_, pattern)| Regex::new(pattern).is_ok_and(|it| it.is_match(text)))
        .map(|(kind, _)| kind)
}
