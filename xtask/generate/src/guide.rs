//! The tables of docs/API.md: routes from the table of endpoints, events from docs/openapi.yaml, and refusals by
//! their words.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde_norway::Value;

use crate::table::{Kind, Table};

/// The API document, from the workspace's root.
pub(crate) const DOCUMENT: &str = "docs/openapi.yaml";
/// The words of refusals: `name status Title: Detail.`
pub(crate) const WORDS: &str = "tests/tests/it/lists/refusals.txt";

/// The routes of people and agents, in the order of endpoints.toml.
pub(crate) fn routes(table: &Table) -> String {
    let mut text = String::from("| route | who | what |\n|---|---|---|\n");
    for function in table
        .functions
        .iter()
        .filter(|function| function.kind != Kind::Job)
    {
        let route = function.route.as_deref().unwrap_or_default();
        let who = function.who.as_deref().unwrap_or_default();
        let _ = writeln!(text, "| `{route}` | {who} | {} |", function.what);
    }
    text
}

/// The events of each agent, with the members of their `data`.
pub(crate) fn events(document: &str) -> Result<String> {
    let document: Value = serde_norway::from_str(document)?;
    let schemas = &document["components"]["schemas"];
    let mut text = String::from(
        "| event | agent | members of `data`; those in brackets may be absent |\n|---|---|---|\n",
    );
    for agent in ["Platform", "Escrow", "Settlement", "Collateral"] {
        let mapping = &schemas[format!("{agent}Event")]["discriminator"]["mapping"];
        for (event, schema) in mapping.as_mapping().context(agent)? {
            let event = event.as_str().context("an event")?;
            let name = schema.as_str().and_then(|target| target.rsplit('/').next());
            let data = &schemas[name.context("a schema")?]["properties"]["data"];
            let members = members(schemas, data);
            ensure!(!members.is_empty(), "{event} has no data");
            let members: Vec<String> = members
                .into_iter()
                .map(|(member, is_required)| {
                    if is_required {
                        member.to_owned()
                    } else {
                        format!("[{member}]")
                    }
                })
                .collect();
            let _ = writeln!(
                text,
                "| `{event}` | {} | {} |",
                agent.to_lowercase(),
                members.join(", ")
            );
        }
    }
    Ok(text)
}

/// The members of an object in the order of the document, and whether all its kinds have them.
fn members<'a>(schemas: &'a Value, schema: &'a Value) -> Vec<(&'a str, bool)> {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap_or_default();
        return members(schemas, &schemas[name]);
    }
    if let Some(kinds) = schema["oneOf"].as_sequence() {
        let kinds: Vec<_> = kinds.iter().map(|kind| members(schemas, kind)).collect();
        let mut all: Vec<(&str, bool)> = Vec::new();
        for (member, _) in kinds.iter().flatten() {
            if !all.iter().any(|(known, _)| known == member) {
                all.push((
                    member,
                    kinds.iter().all(|kind| kind.contains(&(member, true))),
                ));
            }
        }
        return all;
    }
    let required: BTreeSet<&str> = texts(&schema["required"]).collect();
    let own = schema["properties"].as_mapping().into_iter().flatten();
    own.filter_map(|(member, _)| member.as_str())
        .map(|member| (member, required.contains(member)))
        .collect()
}

/// The refusals that a caller can meet: each is the `type` of a problem, or of a reason within one.
pub(crate) fn refusals(document: &str, words: &str) -> Result<String> {
    let document: Value = serde_norway::from_str(document)?;
    let schemas = &document["components"]["schemas"];
    let mut reasons = BTreeSet::new();
    for schema in schemas["Deficiency"]["oneOf"]
        .as_sequence()
        .into_iter()
        .flatten()
    {
        let name = schema["$ref"]
            .as_str()
            .and_then(|target| target.rsplit('/').next());
        types_of(&schemas[name.context("a schema")?], &mut reasons);
    }
    let mut types = BTreeSet::new();
    types_of(schemas, &mut types);
    let mut rows = Vec::new();
    for line in words.lines() {
        let (head, detail) = line.split_once(": ").with_context(|| line.to_owned())?;
        let mut head = head.splitn(3, ' ');
        let (name, status) = (
            head.next().context("a name")?,
            head.next().context("a status")?,
        );
        let kind = format!("urn:optkas:problem:{name}");
        let status = if reasons.contains(kind.as_str()) {
            "a reason"
        } else if types.contains(kind.as_str()) {
            status
        } else {
            continue;
        };
        rows.push(format!("| {status} | `{name}` | {detail} |\n"));
    }
    // By status, then by name; reasons come last.
    rows.sort_unstable();
    Ok(format!(
        "| status | name | detail |\n|---|---|---|\n{}",
        rows.concat()
    ))
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_sequence()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// Every text that a `type` may have in a schema.
fn types_of<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    if let Some(mapping) = value.as_mapping() {
        let kind = &value["properties"]["type"];
        found.extend(
            kind["const"]
                .as_str()
                .into_iter()
                .chain(texts(&kind["enum"])),
        );
        mapping.values().for_each(|inner| types_of(inner, found));
    }
    value
        .as_sequence()
        .into_iter()
        .flatten()
        .for_each(|inner| types_of(inner, found));
}
