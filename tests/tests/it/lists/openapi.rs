//! docs/openapi.yaml, and whether a JSON value is what it says.
//!
//! Of JSON Schema (2020-12) this knows the words that the document uses, and fails at any other: nothing is
//! let pass for not being understood.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use regex::Regex;
use serde_json::{Map, Value};
use tests::http::Response;
use time::format_description::well_known::Rfc3339;

use super::yaml;

pub(super) struct OpenApi(Value);

/// Members that some schema has spoken for, or why the value is wrong.
type Verdict = Result<BTreeSet<String>, String>;

impl OpenApi {
    pub(super) fn load() -> Result<Self> {
        Ok(Self(yaml("docs/openapi.yaml")?))
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
        let body = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
        self.verdict(&content["schema"], &body, "").map(drop)
    }

    /// Whether a value is what the schema says.
    pub(super) fn verdict(&self, schema: &Value, value: &Value, at: &str) -> Verdict {
        let words = schema
            .as_object()
            .ok_or_else(|| format!("{at}: no schema"))?;
        let mut spoken_for = BTreeSet::new();
        for (word, rule) in words {
            spoken_for.extend(self.word(word, rule, value, at)?);
        }
        for (word, known) in [
            ("additionalProperties", self.own(words)),
            ("unevaluatedProperties", spoken_for.clone()),
        ] {
            if let Some(rule) = words.get(word) {
                assert_eq!(*rule, false, "{at}: {word} is only ever false");
                let extra = members(value).find(|name| !known.contains(*name));
                extra.map_or(Ok(()), |name| Err(format!("{at}/{name} is not documented")))?;
            }
        }
        Ok(spoken_for)
    }

    fn own(&self, words: &Map<String, Value>) -> BTreeSet<String> {
        words
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys)
            .cloned()
            .collect()
    }

    fn word(&self, word: &str, rule: &Value, value: &Value, at: &str) -> Verdict {
        let none = BTreeSet::new();
        let holds = |holds: bool| {
            if holds {
                Ok(none.clone())
            } else {
                Err(format!("{at} breaks {word} {rule}: {value}"))
            }
        };
        let length = value.as_str().map(|text| text.chars().count() as u64);
        match word {
            "description" | "examples" | "example" | "default" | "discriminator" | "title" => {
                Ok(none)
            }
            "additionalProperties" | "unevaluatedProperties" => Ok(none),
            "$ref" => self.verdict(self.target(rule)?, value, at),
            "const" => holds(rule == value),
            "enum" => holds(rule.as_array().is_some_and(|values| values.contains(value))),
            "type" => holds(
                rule.as_array()
                    .unwrap_or(&vec![rule.clone()])
                    .iter()
                    .any(|kind| is_a(kind, value)),
            ),
            "required" => holds(
                !value.is_object()
                    || list(rule)
                        .all(|name| value.get(name.as_str().unwrap_or_default()).is_some()),
            ),
            "properties" => self.properties(rule, value, at),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.verdict(rule, item, &format!("{at}/{index}"))?;
                }
                Ok(none)
            }
            "allOf" => list(rule).try_fold(none, |mut all, schema| {
                all.extend(self.verdict(schema, value, at)?);
                Ok(all)
            }),
            "oneOf" => {
                let verdicts: Vec<Verdict> = list(rule)
                    .map(|schema| self.verdict(schema, value, at))
                    .collect();
                let matching = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
                let reasons: Vec<_> = verdicts
                    .iter()
                    .filter_map(|verdict| verdict.as_ref().err())
                    .collect();
                let failed = format!("{at} matches {matching} of the schemas: {reasons:?}");
                if matching == 1 {
                    verdicts.into_iter().find_map(Result::ok).ok_or(failed)
                } else {
                    Err(failed)
                }
            }
            "minItems" => holds(
                value
                    .as_array()
                    .is_none_or(|items| items.len() as u64 >= number(rule)),
            ),
            "maxItems" => holds(
                value
                    .as_array()
                    .is_none_or(|items| items.len() as u64 <= number(rule)),
            ),
            "minLength" => holds(length.is_none_or(|length| length >= number(rule))),
            "maxLength" => holds(length.is_none_or(|length| length <= number(rule))),
            "minimum" => holds(
                value
                    .as_i64()
                    .is_none_or(|value| Some(value) >= rule.as_i64()),
            ),
            "maximum" => holds(
                value
                    .as_i64()
                    .is_none_or(|value| Some(value) <= rule.as_i64()),
            ),
            "pattern" => {
                let pattern = Regex::new(rule.as_str().unwrap_or_default())
                    .map_err(|error| format!("{at}: {error}"))?;
                holds(value.as_str().is_none_or(|text| pattern.is_match(text)))
            }
            "format" => holds(value.as_str().is_none_or(|text| is_formatted(rule, text))),
            other => panic!("{at}: this check does not know the word {other}"),
        }
    }

    fn properties(&self, rule: &Value, value: &Value, at: &str) -> Verdict {
        let mut known = BTreeSet::new();
        for (name, schema) in rule.as_object().into_iter().flatten() {
            if let Some(value) = value.get(name) {
                self.verdict(schema, value, &format!("{at}/{name}"))?;
                known.insert(name.clone());
            }
        }
        Ok(known)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> Result<&'a Value, String> {
        value
            .get("$ref")
            .map_or(Ok(value), |target| self.target(target))
    }

    fn target(&self, reference: &Value) -> Result<&Value, String> {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.0.pointer(pointer))
            .ok_or_else(|| format!("{reference} leads nowhere"))
    }
}

#[test]
fn every_example_is_what_its_schema_says() -> Result<()> {
    let api = OpenApi::load()?;
    let mut checked = 0;
    let mut wrong = Vec::new();
    visit(&api.0, &mut |content| {
        for (name, example) in content["examples"].as_object().into_iter().flatten() {
            let example = api.resolved(example).map_err(anyhow::Error::msg)?;
            checked += 1;
            wrong.extend(
                api.verdict(&content["schema"], &example["value"], "")
                    .err()
                    .map(|reason| format!("{name}: {reason}")),
            );
        }
        Ok(())
    })?;
    assert!(checked > 40, "{checked} examples");
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn webhooks_are_signed_and_all_else_bears_a_token() -> Result<()> {
    let api = OpenApi::load()?;
    let signed = serde_json::json!([{ "webhookId": [], "webhookTimestamp": [], "webhookSignature": [] }, { "rawBodySignature": [] }]);
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

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
}

fn number(rule: &Value) -> u64 {
    rule.as_u64().unwrap_or(u64::MAX)
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        other => panic!("this check does not know the type {other}"),
    }
}

fn is_formatted(format: &Value, text: &str) -> bool {
    match format.as_str().unwrap_or_default() {
        "uuid" => uuid::Uuid::try_parse(text).is_ok(),
        "date-time" => time::OffsetDateTime::parse(text, &Rfc3339).is_ok(),
        "date" => time::OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339).is_ok(),
        other => panic!("this check does not know the format {other}"),
    }
}
