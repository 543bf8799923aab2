//! The shapes that the document's schemas have, so that generators of clients lose nothing of them.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::closed::parts;
use super::openapi::OpenApi;
use super::schema::list;

const CLOSING: [&str; 2] = ["additionalProperties", "unevaluatedProperties"];

/// What is wrong with each schema, by the name of the component.
fn faults(api: &OpenApi, fault: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, schema) in api.0["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
    {
        each(schema, &mut |inner| {
            found.extend(fault(inner).map(|reason| format!("{name}: {reason}")));
        });
    }
    found
}

fn each(value: &Value, act: &mut impl FnMut(&Value)) {
    act(value);
    parts(value).for_each(|inner| each(inner, act));
}

/// Several generators take an `allOf` beside members, or of one, for another name of that one.
#[test]
fn an_all_of_has_parts_and_nothing_beside_them() -> Result<()> {
    let beside = |schema: &Value| {
        let count = schema.get("allOf")?.as_array()?.len();
        let other = ["type", "properties", "required", "oneOf"]
            .iter()
            .find(|word| schema.get(word).is_some());
        (count < 2 || other.is_some()).then(|| format!("an allOf of {count}, beside {other:?}"))
    };
    assert_eq!(faults(&OpenApi::published()?, beside), Vec::<String>::new());
    Ok(())
}

/// An object names its members, or says that it has any.
#[test]
fn no_object_is_without_members_by_omission() -> Result<()> {
    let memberless = |schema: &Value| {
        let kinds = schema.get("type")?;
        let is_object = kinds == "object" || list(kinds).any(|kind| kind == "object");
        let says = ["properties", "additionalProperties"]
            .iter()
            .any(|word| schema.get(word).is_some());
        (is_object && !says).then(|| schema.to_string())
    };
    assert_eq!(
        faults(&OpenApi::published()?, memberless),
        Vec::<String>::new()
    );
    Ok(())
}

/// Clients must bear members that come later. What the gateway would refuse in a request is refused by its schema.
#[test]
fn requests_are_closed_and_replies_are_open() -> Result<()> {
    let api = OpenApi::published()?;
    let asked = api.names(|operation| &operation["requestBody"]);
    let answered = api.names(|operation| &operation["responses"]);
    let is_closed = |schema: &Value| {
        CLOSING
            .iter()
            .any(|word| schema.get(word) == Some(&json!(false)))
    };
    let open = |schema: &Value| {
        (schema.get("properties").is_some() && !is_closed(schema)).then(|| schema.to_string())
    };
    let closed = |schema: &Value| is_closed(schema).then(|| schema.to_string());
    let of = |names: &BTreeSet<String>, found: Vec<String>| -> Vec<String> {
        let named = |fault: &String| {
            fault
                .split(':')
                .next()
                .is_some_and(|name| names.contains(name))
        };
        found.into_iter().filter(named).collect()
    };
    assert!(
        asked.len() > 40 && answered.len() > 100,
        "{} and {}",
        asked.len(),
        answered.len()
    );
    assert_eq!(
        of(&asked, faults(&api, open)),
        Vec::<String>::new(),
        "open requests"
    );
    assert_eq!(
        of(&answered, faults(&api, closed)),
        Vec::<String>::new(),
        "closed replies"
    );
    Ok(())
}

/// Each problem is known by its own `type`, and the two that have a common one by `status`.
#[test]
fn every_problem_has_a_type_of_its_own() -> Result<()> {
    let api = OpenApi::published()?;
    let mut schemas = BTreeSet::new();
    let operations = api.operations();
    for (id, ..) in &operations {
        for answer in api.operation(id)?["responses"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values())
        {
            let answer = api.resolved(answer).map_err(anyhow::Error::msg)?;
            alternatives(
                &api,
                &answer["content"]["application/problem+json"]["schema"],
                &mut schemas,
            )?;
        }
    }
    let mut types = BTreeSet::new();
    for name in &schemas {
        let schema = &api.0["components"]["schemas"][name];
        let parts: Vec<&Value> = list(&schema["allOf"])
            .map(|part| api.resolved(part))
            .collect::<Result<_, _>>()
            .map_err(anyhow::Error::msg)?;
        let mut own = parts.into_iter();
        let own = own
            .find(|part| part["properties"].get("type").is_some())
            .unwrap_or(schema);
        let required: BTreeSet<&str> = list(&own["required"]).filter_map(Value::as_str).collect();
        assert!(
            required.contains("type") && required.contains("status"),
            "{name} requires {required:?}"
        );
        let kind = own["properties"]["type"]["const"]
            .as_str()
            .with_context(|| format!("{name}'s type"))?;
        if kind != "about:blank" {
            assert!(
                types.insert(kind.to_owned()),
                "{kind} is the type of {name} and of another"
            );
            assert!(
                own["properties"]["status"]["const"].is_u64(),
                "{name}'s status"
            );
        }
    }
    assert!(types.len() > 40, "{}: {types:?}", types.len());
    Ok(())
}

/// A reason within a problem is told by its type too.
#[test]
fn no_type_of_a_problem_is_one_of_several() -> Result<()> {
    let several = |schema: &Value| {
        let mut types = list(&schema["properties"]["type"]["enum"]).filter_map(Value::as_str);
        let urn = types.find(|kind| kind.starts_with("urn:optkas:problem:"));
        urn.map(|_| schema["properties"]["type"].to_string())
    };
    assert_eq!(
        faults(&OpenApi::published()?, several),
        Vec::<String>::new()
    );
    Ok(())
}

/// The named schemas that a schema chooses from.
fn alternatives(api: &OpenApi, schema: &Value, found: &mut BTreeSet<String>) -> Result<()> {
    for one in list(&schema["oneOf"])
        .chain([schema])
        .filter(|one| one.get("$ref").is_some())
    {
        let target = api.target(&one["$ref"]).map_err(anyhow::Error::msg)?;
        if target.get("oneOf").is_some() {
            alternatives(api, target, found)?;
        } else {
            let name = one["$ref"]
                .as_str()
                .and_then(|text| text.rsplit('/').next());
            found.extend(name.map(str::to_owned));
        }
    }
    Ok(())
}

#[test]
fn every_list_has_data_and_a_cursor() -> Result<()> {
    let api = OpenApi::published()?;
    let mut lists = 0;
    for (id, ..) in api.operations() {
        if !id.starts_with("list-") {
            continue;
        }
        let schema =
            &api.operation(&id)?["responses"]["200"]["content"]["application/json"]["schema"];
        let schema = api.resolved(schema).map_err(anyhow::Error::msg)?;
        assert_eq!(schema["properties"]["data"]["type"], "array", "{id}");
        let required: BTreeSet<&str> = list(&schema["required"])
            .filter_map(Value::as_str)
            .collect();
        assert!(
            required.contains("data") && required.contains("next_cursor"),
            "{id} requires {required:?}"
        );
        lists += 1;
    }
    assert!(lists >= 5, "{lists}");
    Ok(())
}
