//! A request is valid by the document's schema if and only if it is not refused as invalid: every body and every
//! query, as it is meant and missed by little, through the gateway.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tests::fixture::Fixture;
use tests::http::{Request, Transport as _};
use tests::sample_data::{Agent, idempotency_key};
use url::form_urlencoded;
use uuid::Uuid;

use super::openapi::OpenApi;
use super::schema::list;
use super::values::{Values, with};

/// For each place of each body: values that are meant, and values that miss.
const GOOD: usize = 1;
const NEAR: usize = 3;

/// What the gateway refuses of a request that the schema allows: how the detail begins, why no schema says it, and a
/// request that meets it, by an example with one place changed.
type Beyond = (&'static str, &'static str, [&'static str; 3]);

const BEYOND_SCHEMAS: [Beyond; 23] = [
    (
        "must not be in the future",
        "a clock",
        [
            "escrow-webhook funded",
            "/occurred_at",
            r#""9999-01-01T00:00:00Z""#,
        ],
    ),
    (
        "must not be in the past",
        "a clock",
        ["create-settlement least", "/value_date", r#""2026-01-01""#],
    ),
    (
        "must be at most 10 years ahead",
        "a clock",
        ["create-settlement least", "/value_date", r#""9999-01-01""#],
    ),
    (
        "must be in the future",
        "a clock",
        [
            "create-settlement full",
            "/expires_at",
            r#""2026-01-01T00:00:00Z""#,
        ],
    ),
    (
        "must be at most one year ahead",
        "a clock",
        [
            "create-settlement full",
            "/expires_at",
            r#""9999-01-01T00:00:00Z""#,
        ],
    ),
    (
        "must be an instant in RFC 3339",
        "the offset may lead out of the years 1 to 9999",
        [
            "list-settlements",
            "/created_after",
            r#""9999-12-31T23:59:59-01:00""#,
        ],
    ),
    (
        "must be a date, YYYY-MM-DD",
        "the calendar has no year 0",
        ["create-settlement least", "/value_date", r#""0000-01-01""#],
    ),
    (
        "must be a whole number from",
        "1.0 is an integer of JSON Schema, and a second spelling of 1",
        ["rules_recorded", "/data/lapse_guard_days", "90.0"],
    ),
    (
        "must be an LEI",
        "check digits",
        [
            "asset_pledged",
            "/data/asset/custodian",
            r#""HWUPKR0MPOU8FGXBT393""#,
        ],
    ),
    (
        "must be 1 to 16384 characters, at least one",
        "patterns have no name for the letters of every script",
        ["collateral_added", "/data/description", r#""- - -""#],
    ),
    (
        "must not be repeated",
        "one member tells the elements apart, not all of them together",
        [
            "valuation_recorded",
            "/data/assets",
            r#"[{"asset_id":"e7b35a90-4c1d-4f28-8a63-0d9f5c2e1b74","value_minor":"1"},
            {"asset_id":"e7b35a90-4c1d-4f28-8a63-0d9f5c2e1b74","value_minor":"2"}]"#,
        ],
    ),
    (
        "must be within a day of filed_at",
        "two members",
        ["filing_recorded", "/data/filed_on", r#""2026-02-05""#],
    ),
    (
        "must be after dated_on",
        "two members",
        ["agreement_recorded", "/data/ends_on", r#""2026-01-04""#],
    ),
    (
        "must be one that a Beta distribution of this mean has",
        "two members",
        ["facility_risk_updated", "/data/lgd/mean_ppb", "0"],
    ),
    (
        "must explain at most 99% of the variance",
        "a sum of squares",
        [
            "facility_risk_updated",
            "/data/loadings_ppb",
            "[1000000000]",
        ],
    ),
    (
        "must add up to 1000000000",
        "a sum",
        [
            "ratings_recorded",
            "/data/ratings/0/probabilities_ppb/0",
            "0",
        ],
    ),
    (
        "must not fall from a better rating to a worse",
        "an order",
        ["ratings_recorded", "/data/ratings/0/losses_ppb", "[1, 0]"],
    ),
    (
        "must each have a loss for each rating",
        "the lengths of several arrays",
        ["ratings_recorded", "/data/ratings/0/losses_ppb", "[0]"],
    ),
    (
        "levels are 1 to 8, rising",
        "an order",
        ["create-risk-run full", "/levels", "[999000, 990000]"],
    ),
    (
        "the highest level has too few scenarios beyond it",
        "two members",
        ["create-risk-run full", "/scenarios", "1000"],
    ),
    (
        "must be a next_cursor of an earlier page",
        "a cursor holds an instant, which a calendar may not have, and is of the order that `updated_after` chooses",
        [
            "list-settlements",
            "/cursor",
            r#""________________________________""#,
        ],
    ),
    (
        "is required",
        "one parameter of a query cannot depend on another",
        ["find-commitment", "/operation", r#""verify-settlement""#],
    ),
    (
        "must be left out",
        "one parameter of a query cannot depend on another",
        [
            "find-commitment",
            "",
            r#"{"operation":"create-settlement","idempotency_key":"0123456789abcdef",
            "resource_id":"e7b35a90-4c1d-4f28-8a63-0d9f5c2e1b74"}"#,
        ],
    ),
];

/// A request of one operation, or of one type of event.
struct Kind<'a> {
    name: String,
    schema: Value,
    base: Value,
    is_query: bool,
    send: Sender<'a>,
}

/// Makes a request of a body or a query.
type Sender<'a> = Box<dyn Fn(&Value) -> Request + 'a>;

struct Tried<'a> {
    fixture: &'a Fixture,
    api: &'a OpenApi,
    sent: usize,
    accepted: BTreeSet<String>,
    beyond: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

#[test]
fn a_request_is_valid_by_the_document_if_and_only_if_it_is_not_invalid() -> Result<()> {
    let fixture = Fixture::new()?;
    let api = OpenApi::load()?;
    let mut values = Values::new(&api, "requests");
    let mut kinds = bodies(&fixture, &api)?;
    kinds.extend(queries(&fixture, &api, &mut values)?);
    let names: BTreeSet<String> = kinds.iter().map(|kind| kind.name.clone()).collect();
    let mut tried = Tried {
        fixture: &fixture,
        api: &api,
        sent: 0,
        accepted: BTreeSet::new(),
        beyond: BTreeSet::new(),
        wrong: Vec::new(),
    };
    for kind in &kinds {
        tried.one(kind, &kind.base)?;
        for (_, _, [of, pointer, text]) in BEYOND_SCHEMAS {
            if kind.name == of || kind.name.ends_with(&format!(" {of}")) {
                let value = serde_json::from_str(text)?;
                tried.one(kind, &with(&kind.base, pointer, Some(value)))?;
            }
        }
        for place in values.places(&kind.schema, &kind.base) {
            let there = kind.base.pointer(&place.pointer).cloned();
            let optional = there.is_none();
            tried.one(kind, &with(&kind.base, &place.pointer, Some(json!(null))))?;
            if !optional && !place.pointer.is_empty() {
                tried.one(kind, &with(&kind.base, &place.pointer, None))?;
            }
            for _ in 0..GOOD {
                let good = values.good(&place.schema);
                tried.one(kind, &with(&kind.base, &place.pointer, Some(good)))?;
            }
            for _ in 0..NEAR {
                let good = there.clone().unwrap_or_else(|| values.good(&place.schema));
                let near = values.near(&place.schema, &good);
                tried.one(kind, &with(&kind.base, &place.pointer, Some(near)))?;
            }
        }
    }
    tried.wrong.sort();
    tried.wrong.dedup();
    assert!(
        tried.wrong.is_empty(),
        "{} of {}: {:#?}",
        tried.wrong.len(),
        tried.sent,
        tried.wrong
    );
    assert_eq!(tried.accepted, names, "each is accepted once at least");
    let unused: Vec<_> = BEYOND_SCHEMAS
        .iter()
        .filter(|(detail, ..)| !tried.beyond.contains(detail))
        .collect();
    assert!(unused.is_empty(), "of {}: {unused:#?}", tried.sent);
    Ok(())
}

impl Tried<'_> {
    fn one(&mut self, kind: &Kind<'_>, value: &Value) -> Result<()> {
        let mut value = value.clone();
        // Each delivery has an id of its own, unless the id is what is tried.
        if value.get("id").is_some() && value["id"] == kind.base["id"] {
            value["id"] = json!(format!("evt_{}", Uuid::new_v4().simple()));
        }
        if kind.is_query {
            value = read_back(&kind.schema, &value);
        }
        let valid = self.api.verdict(&kind.schema, &value, &kind.name);
        let request = (kind.send)(&value);
        let answer = self.fixture.send(&request)?;
        self.sent += 1;
        let reply = answer.json();
        let invalid = answer.status == 400
            || answer.status == 422 && reply["type"] == "urn:optkas:problem:invalid-request";
        assert!(
            answer.status < 500 && ![401, 413, 415].contains(&answer.status),
            "{}: {value}: {}",
            kind.name,
            answer.text()
        );
        let what = format!("{}: {value:.1500}: {:.600}", kind.name, answer.text());
        match (valid, invalid) {
            (Ok(()), false) => drop(self.accepted.insert(kind.name.clone())),
            (Err(_), true) => {}
            (Err(why), false) => self
                .wrong
                .push(format!("accepted, though {why:.400}\n{what}")),
            (Ok(()), true) => {
                for error in list(&reply["errors"]) {
                    let detail = error["detail"].as_str().unwrap_or_default();
                    let known = BEYOND_SCHEMAS
                        .iter()
                        .find(|(beyond, ..)| detail.starts_with(beyond));
                    match known {
                        Some((beyond, ..)) => drop(self.beyond.insert(beyond)),
                        None => self.wrong.push(format!("refused, though valid\n{what}")),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Every body that the document describes: of people's mutations, and of each type of event.
fn bodies<'a>(fixture: &'a Fixture, api: &'a OpenApi) -> Result<Vec<Kind<'a>>> {
    let mut all = Vec::new();
    for (id, method, path) in api.operations() {
        let content = &api.operation(&id)?["requestBody"]["content"]["application/json"];
        if content.is_null() {
            continue;
        }
        let examples = content["examples"].as_object().context(id.clone())?;
        for (name, example) in examples {
            let mut base = api.resolved(example).map_err(anyhow::Error::msg)?["value"].clone();
            ahead(&mut base);
            all.push(Kind {
                name: format!("{id} {name}"),
                schema: content["schema"].clone(),
                base,
                is_query: false,
                send: sender(fixture, api, &method, &path)?,
            });
        }
    }
    Ok(all)
}

/// How a body gets to that path: signed by an agent, or with a person's token and a new key.
fn sender<'a>(
    fixture: &'a Fixture,
    api: &'a OpenApi,
    method: &str,
    path: &str,
) -> Result<Sender<'a>> {
    if let Some(agents) = path.strip_suffix("/{agent}") {
        let mut all = fixture.deployment().agents.iter();
        let agent = all.find(|agent| agents.ends_with(&format!("/{}", agent.kind.name())));
        let agent = agent.context("an agent")?;
        return Ok(Box::new(move |value| signed(agent, api, value)));
    }
    let target = path.replace("{id}", &Uuid::new_v4().to_string());
    let method = method.to_owned();
    Ok(Box::new(move |value| {
        let request = fixture.person("dave").request(&method, &target);
        request
            .header("idempotency-key", &idempotency_key())
            .json(value)
    }))
}

/// An example's value date and expiry, which must lie ahead of the reader's day.
pub(super) fn ahead(body: &mut Value) {
    let now = time::OffsetDateTime::now_utc();
    let date = |days| (now + time::Duration::days(days)).date();
    if body.get("value_date").is_some() {
        body["value_date"] = json!(date(30).to_string());
    }
    if body.get("expires_at").is_some() {
        body["expires_at"] = json!(format!("{}T16:00:00Z", date(29)));
    }
}

/// The header repeats the id, where it is one.
fn signed(agent: &Agent, api: &OpenApi, value: &Value) -> Request {
    let id = &value["id"];
    let schema = json!({ "$ref": "#/components/schemas/DeliveryId" });
    let good = api.verdict(&schema, id, "").is_ok();
    let id = id.as_str().filter(|_| good).unwrap_or("evt_1");
    let now = time::OffsetDateTime::now_utc().unix_timestamp().to_string();
    agent.sign_with(value.to_string().as_bytes(), id, &now)
}

/// Every query: an object of its parameters, each a text.
fn queries<'a>(
    fixture: &'a Fixture,
    api: &'a OpenApi,
    values: &mut Values<'_>,
) -> Result<Vec<Kind<'a>>> {
    let mut all = Vec::new();
    for (id, method, path) in api.operations() {
        if method != "GET" {
            continue;
        }
        let (mut properties, mut required) = (Map::new(), Vec::new());
        let mut target = path.clone();
        for parameter in list(&api.operation(&id)?["parameters"]) {
            let parameter = api.resolved(parameter).map_err(anyhow::Error::msg)?;
            let name = parameter["name"].as_str().context("a name")?;
            if parameter["in"] == "path" {
                let id = as_text(&values.good(&parameter["schema"]));
                target = target.replace(&format!("{{{name}}}"), &id);
            }
            if parameter["in"] == "query" {
                properties.insert(name.to_owned(), parameter["schema"].clone());
                if parameter["required"] == true {
                    required.push(name.to_owned());
                }
            }
        }
        let schema = json!({
            "type": "object", "required": required, "properties": properties, "additionalProperties": false,
        });
        let base: Map<String, Value> = required
            .iter()
            .map(|name| (name.clone(), values.good(&properties[name])))
            .collect();
        all.push(Kind {
            name: id,
            schema,
            base: base.into(),
            is_query: true,
            send: Box::new(move |query| {
                let mut text = form_urlencoded::Serializer::new(String::new());
                for (name, value) in query.as_object().into_iter().flatten() {
                    for value in given(properties.get(name).unwrap_or(&Value::Null), value) {
                        text.append_pair(name, &value);
                    }
                }
                fixture
                    .person("carol")
                    .request("GET", &format!("{target}?{}", text.finish()))
            }),
        });
    }
    Ok(all)
}

/// The texts of a query parameter. One that is a list is given once for each element.
fn given(schema: &Value, value: &Value) -> Vec<String> {
    match value {
        Value::Array(elements) if schema["type"] == "array" => {
            elements.iter().map(as_text).collect()
        }
        one => vec![as_text(one)],
    }
}

/// A query as its reader has it: of texts, of which some are numbers by the document. A list without elements is not
/// there.
fn read_back(schema: &Value, query: &Value) -> Value {
    let members = query.as_object().into_iter().flatten();
    members
        .filter_map(|(name, value)| {
            let schema = &schema["properties"][name];
            let mut texts = given(schema, value);
            if schema["type"] == "array" {
                return (!texts.is_empty()).then(|| (name.clone(), Value::from(texts)));
            }
            let text = texts.pop()?;
            let number = schema["type"] == "integer"
                && !text.is_empty()
                && text.bytes().all(|c| c.is_ascii_digit());
            let value = match text.parse::<u64>() {
                Ok(value) if number => Value::from(value),
                _ => Value::from(text),
            };
            Some((name.clone(), value))
        })
        .collect::<Map<_, _>>()
        .into()
}

fn as_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
