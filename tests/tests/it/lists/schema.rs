//! Whether a JSON value is what a schema of the document says, by a ready-made validator (2020-12, formats included).

use std::{cell::RefCell, collections::BTreeMap};

use anyhow::Result;
use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::Value;

use super::openapi::OpenApi;

const DOCUMENT: &str = "mem:///openapi.yaml";

/// What a schema of the document may consist of. The validator ignores any other word, as the standard says.
const WORDS: [&str; 26] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "const",
    "default",
    "description",
    "discriminator",
    "enum",
    "example",
    "examples",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "unevaluatedProperties",
    "uniqueItems",
];

/// The schemas that were asked for, by their text.
#[derive(Default)]
pub(super) struct Validators(RefCell<Option<Compiled>>);

struct Compiled {
    compiler: Compiler,
    schemas: Schemas,
    known: BTreeMap<String, SchemaIndex>,
}

impl OpenApi {
    /// Whether a value is what the schema says.
    pub(super) fn verdict(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let mut compiled = self.1.0.borrow_mut();
        let compiled = compiled.get_or_insert_with(|| Compiled::new(&self.0));
        let index = compiled
            .index(schema)
            .map_err(|error| format!("{at}: {error}"))?;
        compiled
            .schemas
            .validate(value, index)
            .map_err(|error| format!("{at}: {error:#}"))
    }
}

impl Compiled {
    fn new(document: &Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        compiler
            .add_resource(DOCUMENT, document.clone())
            .expect("a URL");
        Self {
            compiler,
            schemas: Schemas::new(),
            known: BTreeMap::new(),
        }
    }

    fn index(&mut self, schema: &Value) -> Result<SchemaIndex, String> {
        let text = schema.to_string();
        if let Some(index) = self.known.get(&text) {
            return Ok(*index);
        }
        let mut schema = schema.clone();
        absolute(&mut schema);
        let url = format!("mem:///{}", self.known.len());
        self.compiler
            .add_resource(&url, schema)
            .map_err(|error| error.to_string())?;
        let index = self
            .compiler
            .compile(&url, &mut self.schemas)
            .map_err(|error| format!("{error:#}"))?;
        self.known.insert(text, index);
        Ok(index)
    }
}

/// References into the document, from a place outside of it.
fn absolute(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name == "$ref" && text.starts_with('#') => {
                        text.insert_str(0, DOCUMENT);
                    }
                    value => absolute(value),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(absolute),
        _ => {}
    }
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[test]
fn every_word_of_a_schema_is_one_that_counts() -> Result<()> {
    fn visit(value: &Value, at: &str) {
        for (name, value) in value.as_object().into_iter().flatten() {
            let at = format!("{at}/{name}");
            match name.as_str() {
                "schema" => words(value, &at),
                "schemas" => {
                    for (name, schema) in value.as_object().into_iter().flatten() {
                        words(schema, &format!("{at}/{name}"));
                    }
                }
                "examples" => {}
                _ => visit(value, &at),
            }
        }
        list(value).for_each(|value| visit(value, at));
    }
    fn words(schema: &Value, at: &str) {
        for (word, rule) in schema.as_object().into_iter().flatten() {
            let at = format!("{at}/{word}");
            assert!(WORDS.contains(&word.as_str()), "{at}");
            match word.as_str() {
                "properties" => {
                    for (name, schema) in rule.as_object().into_iter().flatten() {
                        words(schema, &format!("{at}/{name}"));
                    }
                }
                "items" => words(rule, &at),
                "allOf" | "oneOf" => list(rule).for_each(|schema| words(schema, &at)),
                _ => {}
            }
        }
    }
    visit(&OpenApi::load()?.0, "");
    Ok(())
}
