//! The document's schemas of replies are open, for members may be added. The tests' copy of them is closed, so that
//! no reply has a member that is not documented.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::openapi::OpenApi;

/// The keyword that closes an object, with what its `allOf` and its `$ref` know.
const CLOSED: &str = "unevaluatedProperties";

impl OpenApi {
    /// Closes every schema of a reply where the schema is used.
    ///
    /// The named one itself stays open, for it may be a part of an `allOf`.
    pub(super) fn close_replies(mut self) -> Self {
        let used = self.names(|operation| &operation["responses"]);
        let components = &mut self.0["components"];
        for name in used {
            close(&mut components["schemas"][name], true);
        }
        close(&mut components["responses"], false);
        for path in members_mut(&mut self.0["paths"]) {
            for operation in members_mut(path) {
                close(&mut operation["responses"], false);
            }
        }
        self
    }

    /// The names of the schemas that a part of the operations leads to.
    pub(super) fn names(&self, part: impl Fn(&Value) -> &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let paths = self.0["paths"]
            .as_object()
            .into_iter()
            .flat_map(Map::values);
        for operation in paths.filter_map(Value::as_object).flat_map(Map::values) {
            self.follow(part(operation), &mut found);
        }
        let schema =
            |pointer: String| Some(pointer.strip_prefix("#/components/schemas/")?.to_owned());
        found.into_iter().filter_map(schema).collect()
    }

    fn follow(&self, value: &Value, found: &mut BTreeSet<String>) {
        if let Some(Value::String(reference)) = value.get("$ref")
            && found.insert(reference.clone())
            && let Ok(target) = self.target(&value["$ref"])
        {
            self.follow(target, found);
        }
        for inner in parts(value) {
            self.follow(inner, found);
        }
    }
}

fn close(value: &mut Value, is_part: bool) {
    let is_schema = ["$ref", "properties", "allOf"]
        .iter()
        .any(|word| value.get(word).is_some());
    let leads_to_a_schema = value["$ref"]
        .as_str()
        .is_none_or(|target| target.starts_with("#/components/schemas/"));
    if is_schema && leads_to_a_schema && !is_part {
        value[CLOSED] = json!(false);
    }
    for (word, inner) in value.as_object_mut().into_iter().flatten() {
        match word.as_str() {
            "example" | "examples" | "mapping" => {}
            "allOf" => items_mut(inner).for_each(|part| close(part, true)),
            "properties" => members_mut(inner).for_each(|member| close(member, false)),
            _ => close(inner, false),
        }
    }
    items_mut(value).for_each(|item| close(item, false));
}

/// What is inside of a value, without the examples.
pub(super) fn parts(value: &Value) -> impl Iterator<Item = &Value> {
    let members = value.as_object().into_iter().flatten();
    members
        .filter(|(word, _)| !["example", "examples", "mapping"].contains(&word.as_str()))
        .map(|(_, inner)| inner)
        .chain(value.as_array().into_iter().flatten())
}

fn members_mut(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_object_mut().into_iter().flat_map(Map::values_mut)
}

fn items_mut(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_array_mut().into_iter().flatten()
}

/// Objects whose members the document leaves open, by the names under which they stand.
const OPEN: [&str; 4] = ["data", "old", "new", "row_key"];

#[test]
fn a_member_that_is_not_documented_is_a_fault_at_any_depth() -> anyhow::Result<()> {
    let api = OpenApi::load()?;
    let (mut tried, mut passed) = (0, Vec::new());
    for (name, schema, example) in api.examples()? {
        let mut places = Vec::new();
        objects(&example, "", &mut places);
        for place in places {
            let mut altered = example.clone();
            altered.pointer_mut(&place).expect("a place of it")["surprise"] = json!(1);
            tried += 1;
            if api.verdict(&schema, &altered, "").is_ok() {
                passed.push(format!("{name}{place}"));
            }
        }
    }
    passed.retain(|place| !OPEN.iter().any(|open| place.ends_with(&format!("/{open}"))));
    assert!(tried > 100, "{tried}");
    assert_eq!(passed, Vec::<String>::new());
    Ok(())
}

/// The pointers of all objects in a value.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    if value.is_object() {
        found.push(at.to_owned());
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        objects(inner, &format!("{at}/{name}"), found);
    }
    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
        objects(inner, &format!("{at}/{index}"), found);
    }
}
