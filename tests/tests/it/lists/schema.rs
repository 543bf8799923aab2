//! Whether a JSON value is what a schema of the document says.
//!
//! Of JSON Schema (2020-12) this knows the words that the document uses, and fails at any other: nothing is
//! let pass for not being understood.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;

use super::openapi::OpenApi;

/// Members that some schema has spoken for, or why the value is wrong.
pub(super) type Verdict = Result<BTreeSet<String>, String>;

impl OpenApi {
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
            ("additionalProperties", Self::own(words)),
            ("unevaluatedProperties", spoken_for.clone()),
        ] {
            if let Some(rule) = words.get(word)
                && *rule != true
            {
                assert_eq!(*rule, false, "{at}: {word} is true or false");
                let extra = members(value).find(|name| !known.contains(*name));
                extra.map_or(Ok(()), |name| Err(format!("{at}/{name} is not documented")))?;
            }
        }
        Ok(spoken_for)
    }

    fn own(words: &Map<String, Value>) -> BTreeSet<String> {
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
            "additionalProperties" if *rule == true => {
                Ok(members(value).map(str::to_owned).collect())
            }
            "additionalProperties" | "unevaluatedProperties" => Ok(none),
            "maxProperties" => holds(members(value).count() as u64 <= number(rule)),
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
            "uniqueItems" => holds(
                *rule == true
                    && value.as_array().is_none_or(|items| {
                        (1..items.len()).all(|at| !items[..at].contains(&items[at]))
                    }),
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
            other => unreachable!("{at}: this check does not know the word {other}"),
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
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
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
        other => unreachable!("this check does not know the type {other}"),
    }
}

fn is_formatted(format: &Value, text: &str) -> bool {
    match format.as_str().unwrap_or_default() {
        "uuid" => uuid::Uuid::try_parse(text).is_ok(),
        "date-time" => time::OffsetDateTime::parse(text, &Rfc3339).is_ok(),
        "date" => time::OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339).is_ok(),
        other => unreachable!("this check does not know the format {other}"),
    }
}
