//! docs/openapi.yaml.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use anyhow::{Context as _, Result};
use regex::Regex;
use serde_json::{Map, Value};
use tests::http::Response;
use url::form_urlencoded;

use super::schema::{Validators, list};
use super::yaml;

/// A name as the platform gives it.
static NAME: LazyLock<Value> =
    LazyLock::new(|| serde_json::json!({ "text": "A", "salt": "A".repeat(22) }));

pub(super) struct OpenApi(pub(super) Value, pub(super) Validators);

impl OpenApi {
    /// The document with the schemas of replies closed: a member that is not documented is a fault here.
    pub(super) fn load() -> Result<Self> {
        Ok(Self::published()?.close_replies())
    }

    /// The document as it is published.
    pub(super) fn published() -> Result<Self> {
        Ok(Self(yaml("docs/openapi.yaml")?, Validators::default()))
    }

    /// Operation, method and path.
    pub(super) fn operations(&self) -> BTreeSet<(String, String, String)> {
        let mut all = BTreeSet::new();
        for (path, item) in self.0["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let id = operation["operationId"].as_str().unwrap_or_default();
                all.insert((id.to_owned(), method.to_uppercase(), path.clone()));
            }
        }
        all
    }

    /// The operation of that id.
    pub(super) fn operation(&self, id: &str) -> Result<&Value> {
        let paths = self.0["paths"].as_object().context("paths")?;
        let mut operations = paths
            .values()
            .filter_map(Value::as_object)
            .flat_map(Map::values);
        operations
            .find(|operation| operation["operationId"] == id)
            .with_context(|| format!("no operation {id}"))
    }

    /// The statuses that an operation documents.
    pub(super) fn statuses(&self, id: &str) -> Result<BTreeSet<u16>> {
        let responses = self.operation(id)?["responses"]
            .as_object()
            .context("responses")?;
        responses.keys().map(|status| Ok(status.parse()?)).collect()
    }

    /// Whether a reply of the operation is one that is documented, its headers included.
    pub(super) fn check(&self, id: &str, reply: &Response) -> Result<(), String> {
        let operation = self.operation(id).map_err(|error| error.to_string())?;
        let documented = &operation["responses"][reply.status.to_string()];
        if documented.is_null() {
            return Err(format!("{} is not among the statuses", reply.status));
        }
        let documented = self.resolved(documented)?;
        for (name, header) in documented["headers"].as_object().into_iter().flatten() {
            let header = self.resolved(header)?;
            let value = reply
                .header(name)
                .ok_or_else(|| format!("no header {name}"))?;
            self.verdict(&header["schema"], &Value::from(value), name)?;
        }
        let kind = reply.header("content-type").unwrap_or_default();
        let content = documented["content"].get(kind).ok_or_else(|| {
            format!(
                "{} with the content type {kind:?} is not documented",
                reply.status
            )
        })?;
        let body = if kind.starts_with("text/") || kind.starts_with("image/") {
            Value::from(reply.text())
        } else {
            serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?
        };
        // A recorded answer that is shown again has no request_id, so the schemas do not require it everywhere.
        let is_problem = kind == "application/problem+json" && reply.status != 500;
        if is_problem && body["request_id"].as_str() != reply.header("x-request-id") {
            return Err(format!(
                "request_id is {}, not the header's",
                body["request_id"]
            ));
        }
        self.verdict(&content["schema"], &body, "")?;
        self.check_reports(&body)
    }

    /// Whether each report within a reply is one that its type's schema allows. A reply shows what was left out as
    /// null, and a person's name never.
    fn check_reports(&self, value: &Value) -> Result<(), String> {
        let schemas = &self.0["components"]["schemas"];
        let mut events = ["Escrow", "Settlement", "Platform", "Collateral"].into_iter();
        let event = value["type"].as_str().and_then(|kind| {
            events.find_map(|of| {
                let mapping = &schemas[format!("{of}Event")]["discriminator"]["mapping"];
                mapping.get(kind)
            })
        });
        if let (Some(event), Some(data)) = (event, value["data"].as_object()) {
            let mut data = data.clone();
            data.retain(|_, inner| !inner.is_null());
            if value["type"] == "member.named" {
                data.insert("display_name".to_owned(), NAME.clone());
            }
            let schema = &self.target(event)?["properties"]["data"];
            self.verdict(schema, &data.into(), "data")?;
        }
        let members = value.as_object().into_iter().flat_map(Map::values);
        let mut inner = members.chain(value.as_array().into_iter().flatten());
        inner.try_for_each(|inner| self.check_reports(inner))
    }

    /// Whether each parameter of a query is one that is documented, with a value of its schema.
    pub(super) fn check_query(&self, id: &str, query: &str) -> Result<(), String> {
        let operation = self.operation(id).map_err(|error| error.to_string())?;
        let parameters: Vec<&Value> = list(&operation["parameters"])
            .map(|parameter| self.resolved(parameter))
            .collect::<Result<_, _>>()?;
        for (name, text) in form_urlencoded::parse(query.as_bytes()) {
            let parameter = parameters
                .iter()
                .find(|parameter| parameter["in"] == "query" && parameter["name"] == *name)
                .ok_or_else(|| format!("no parameter {name}"))?;
            let schema = &parameter["schema"];
            let value = match schema["type"].as_str() {
                Some("integer") => text
                    .parse::<i64>()
                    .map(Value::from)
                    .map_err(|error| error.to_string())?,
                Some("array") => Value::from(vec![text.into_owned()]),
                _ => Value::from(text.into_owned()),
            };
            self.verdict(schema, &value, &name)?;
        }
        Ok(())
    }

    /// Every example with its name and its schema.
    pub(super) fn examples(&self) -> Result<Vec<(String, Value, Value)>> {
        let mut all = Vec::new();
        visit(&self.0, &mut |content| {
            for (name, example) in content["examples"].as_object().into_iter().flatten() {
                let example = self.resolved(example).map_err(anyhow::Error::msg)?;
                all.push((
                    name.clone(),
                    content["schema"].clone(),
                    example["value"].clone(),
                ));
            }
            Ok(())
        })?;
        Ok(all)
    }

    pub(super) fn resolved<'a>(&'a self, value: &'a Value) -> Result<&'a Value, String> {
        value
            .get("$ref")
            .map_or(Ok(value), |target| self.target(target))
    }

    pub(super) fn target(&self, reference: &Value) -> Result<&Value, String> {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.0.pointer(pointer))
            .ok_or_else(|| format!("{reference} leads nowhere"))
    }
}

#[test]
fn every_example_follows_its_schema() -> Result<()> {
    let api = OpenApi::load()?;
    let examples = api.examples()?;
    let wrong: Vec<_> = examples
        .iter()
        .filter_map(|(name, schema, example)| {
            let verdict = api.verdict(schema, example, "");
            Some((
                name,
                verdict.and_then(|()| api.check_reports(example)).err()?,
            ))
        })
        .collect();
    assert!(examples.len() > 40, "{} examples", examples.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

/// The ceilings that the documents name are the template's.
#[test]
fn the_documented_ceilings_are_the_templates() -> Result<()> {
    let template = yaml("template.yaml")?;
    let default = |name: &str| template["Parameters"][name]["Default"].clone();
    let ceilings = [
        default("MutationsPerSecond"),
        default("ReadsPerSecond"),
        template
            .pointer(
                "/Resources/Api/Properties/RouteSettings/POST ~1v1~1risk-runs/ThrottlingRateLimit",
            )
            .context("a ceiling of its own")?
            .clone(),
    ];
    let guide = super::read("docs/API.md")?.replace('\n', " ");
    let throttled =
        OpenApi::load()?.0["components"]["responses"]["Throttled"]["description"].to_string();
    let numbers = |pattern: &str, text: &str| -> Result<Vec<Value>> {
        let found = Regex::new(pattern)?
            .captures(text)
            .context("the ceilings")?;
        (1..=3)
            .map(|group| Ok(found[group].parse::<u64>()?.into()))
            .collect()
    };
    let of_guide = r"(\d+) requests a second where the route writes, (\d+) where it reads, (\d+) for `POST /v1/risk";
    assert_eq!(numbers(of_guide, &guide)?, ceilings);
    let of_document = r"(\d+) a second of a route that writes, (\d+) of one that reads, (\d+) of `create-risk-run`";
    assert_eq!(numbers(of_document, &throttled)?, ceilings);
    Ok(())
}

#[test]
fn webhooks_are_signed_and_all_other_operations_take_a_token() -> Result<()> {
    let api = OpenApi::load()?;
    let signed = serde_json::json!([
        {
            "webhookId": [],
            "webhookTimestamp": [],
            "webhookSignature": [],
        },
        { "rawBodySignature": [] },
    ]);
    assert_eq!(api.0["security"], serde_json::json!([{ "person": [] }]));
    for (id, method, path) in api.operations() {
        let operation = api.operation(&id)?;
        let expected = if path.starts_with("/v1/webhooks/") {
            signed.clone()
        } else {
            Value::Null
        };
        assert_eq!(operation["security"], expected, "{id}");
        let names_a_key = list(&operation["parameters"])
            .any(|parameter| parameter["$ref"] == "#/components/parameters/IdempotencyKey");
        assert_eq!(
            names_a_key,
            method == "POST" && expected.is_null(),
            "{id}: people's mutations name a key"
        );
    }
    Ok(())
}

/// Every object that has a schema beside examples of it.
fn visit(value: &Value, act: &mut impl FnMut(&Value) -> Result<()>) -> Result<()> {
    if value.get("schema").is_some() && value.get("examples").is_some() {
        act(value)?;
    }
    value
        .as_object()
        .into_iter()
        .flat_map(Map::values)
        .chain(value.as_array().into_iter().flatten())
        .try_for_each(|inner| visit(inner, act))
}
