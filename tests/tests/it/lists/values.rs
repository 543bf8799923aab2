//! Values for the schemas of the document: such as a sender means, and such as miss narrowly.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::openapi::OpenApi;
use super::schema::list;
use crate::random::Random;

/// What a text is not expected to have: a control character, U+0000, marks without a width, digits of another script.
const ODD: [&str; 12] = [
    "\0",
    "\n",
    "\r",
    "\t",
    " ",
    "\u{85}",
    "\u{ad}",
    "\u{200b}",
    "\u{202e}",
    "\u{e0041}",
    "１",
    "é",
];

pub(super) struct Values<'a> {
    api: &'a OpenApi,
    pub(super) random: Random,
    texts: TestRunner,
}

/// A place in a value, and what the document says of it.
pub(super) struct Place {
    pub(super) pointer: String,
    pub(super) schema: Value,
}

impl<'a> Values<'a> {
    pub(super) fn new(api: &'a OpenApi, what: &str) -> Self {
        let mut random = Random::seeded(what);
        let seed: Vec<u8> = (0..32).map(|_| random.next().to_be_bytes()[0]).collect();
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        Self {
            api,
            random,
            texts: TestRunner::new_with_rng(Config::default(), rng),
        }
    }

    /// A value that the schema is meant for.
    pub(super) fn good(&mut self, schema: &Value) -> Value {
        let schema = self.resolved(schema);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        for several in ["enum", "oneOf"] {
            if let Some(several) = schema[several].as_array() {
                let one = self.random.pick(several).clone();
                return if schema.get("enum").is_some() {
                    one
                } else {
                    self.good(&one)
                };
            }
        }
        match schema["type"].as_str() {
            Some("string") => Value::from(self.text(&schema)),
            Some("integer") => self.integer(&schema),
            Some("boolean") => Value::from(self.random.chance(2)),
            Some("array") => self.array(&schema),
            Some("object") => self.object(&schema),
            other => unreachable!("no value of the type {other:?}: {schema}"),
        }
    }

    fn text(&mut self, schema: &Value) -> String {
        let now = OffsetDateTime::now_utc();
        match schema["format"].as_str() {
            Some("date") => {
                let days = i64::try_from(self.random.below(800)).unwrap_or_default() - 400;
                return (now + time::Duration::days(days)).date().to_string();
            }
            Some("date-time") => {
                let day = (now - time::Duration::days(3)).date();
                let spelling = *self.random.pick(&[
                    "T00:00:00Z",
                    "T23:59:59.999999Z",
                    "T08:00:40+01:00",
                    "T12:30:00.5-09:30",
                ]);
                return format!("{day}{spelling}");
            }
            _ => {}
        }
        let (min, max) = lengths(schema, 1_000);
        if self.random.chance(6) && max < 400 {
            let longest = "é".repeat(max);
            if self.api.verdict(schema, &json!(longest), "").is_ok() {
                return longest;
            }
        }
        let pattern = schema["pattern"].as_str().unwrap_or("^[ -~]*$");
        let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
        let texts = string_regex(pattern).expect("a pattern");
        let fits = |text: &String| text.chars().count() >= min && !text.contains('\0');
        std::iter::repeat_with(|| texts.new_tree(&mut self.texts).expect("a text").current())
            .map(|text| text.chars().take(max).collect::<String>())
            .take(100)
            .find(fits)
            .expect("a pattern that texts of that length have")
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let min = schema["minimum"].as_i64().unwrap_or(-1_000);
        let max = schema["maximum"].as_i64().unwrap_or(1_000);
        let width = usize::try_from(max - min).expect("a range");
        let between = min + i64::try_from(self.random.below(width)).expect("less");
        Value::from(*self.random.pick(&[min, max, between]))
    }

    fn array(&mut self, schema: &Value) -> Value {
        let min = usize::try_from(schema["minItems"].as_u64().unwrap_or(0)).expect("small");
        let length = min + self.random.below(3);
        let mut elements = Vec::new();
        let mut seen = BTreeSet::new();
        // There may be fewer different ones: two states have no third.
        for _ in 0..20 * length {
            let element = self.good(&schema["items"]);
            let is_new = seen.insert(element.to_string());
            if elements.len() < length && (is_new || schema["uniqueItems"] != true) {
                elements.push(element);
            }
        }
        assert!(elements.len() >= min, "{min} different ones: {schema}");
        Value::from(elements)
    }

    fn object(&mut self, schema: &Value) -> Value {
        let required: Vec<&str> = list(&schema["required"])
            .filter_map(Value::as_str)
            .collect();
        let mut members = Map::new();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            if required.contains(&&**name) || self.random.chance(2) {
                members.insert(name.clone(), self.good(schema));
            }
        }
        Value::from(members)
    }

    /// A value that is not quite this one: of another type, out of bounds, spelled otherwise.
    pub(super) fn near(&mut self, schema: &Value, value: &Value) -> Value {
        let schema = self.resolved(schema);
        let others = [
            json!(null),
            json!(true),
            json!(7),
            json!(-1),
            json!(0.5),
            json!(""),
            json!([]),
            json!({}),
            json!([value]),
            json!({ "value": value }),
            json!(value.to_string()),
        ];
        if self.random.chance(4) {
            return self.random.pick(&others).clone();
        }
        let several = match value {
            Value::String(text) => self.near_text(&schema, text),
            Value::Number(_) => near_number(&schema, value),
            Value::Array(elements) => self.near_array(&schema, elements),
            Value::Object(members) => self.near_object(&schema, members),
            _ => others.to_vec(),
        };
        self.random.pick(&several).clone()
    }

    fn near_text(&mut self, schema: &Value, text: &str) -> Vec<Value> {
        let (min, max) = lengths(schema, 260);
        let odd = *self.random.pick(&ODD);
        let letters: Vec<char> = text.chars().collect();
        let at = self.random.below(letters.len() + 1);
        let (before, after): (String, String) = (
            letters[..at].iter().collect(),
            letters[at..].iter().collect(),
        );
        let less: String = after.chars().skip(1).collect();
        let other = *self.random.pick(&['0', '9', 'A', 'Z', 'a', 'z', '-', '_']);
        let mut all = vec![
            text.to_uppercase(),
            text.to_lowercase(),
            format!("{text} "),
            format!(" {text}"),
            format!("{text}\n"),
            format!("{before}{odd}{after}"),
            format!("{before}{odd}{after}"),
            format!("{before}{less}"),
            format!("{before}{other}{less}"),
            format!("{before}{other}{less}"),
            format!("{before}{other}{after}"),
            format!("{text}{text}"),
            format!("+{text}"),
            format!("0{text}"),
            "x".repeat(max.min(20_000)),
            "x".repeat(max.min(20_000) + 1),
            "1".repeat(min.saturating_sub(1)),
        ];
        if schema["format"] == "date-time" || schema["format"] == "date" {
            all.extend(
                [
                    "2026-02-29",
                    "0001-01-01",
                    "2026-1-05",
                    "20260105",
                    "+002026-01-05",
                    "2026-01-05T00:00:00Z",
                    "2026-01-05T24:00:00Z",
                    "2026-01-05T00:00:00",
                    "2026-01-05 00:00:00Z",
                    "2026-01-05t00:00:00z",
                    "2026-01-05T00:00Z",
                    "2026-01-05T00:00:00+0100",
                    "2026-01-05T00:00:00-00:00",
                    "2026-01-05T00:00:00.123456789123Z",
                    "2026-06-30T23:59:60Z",
                    "2016-12-31T23:59:60Z",
                    "1767571200",
                ]
                .map(str::to_owned),
            );
        }
        let mut all: Vec<Value> = all.into_iter().map(Value::from).collect();
        all.extend(serde_json::from_str::<Value>(text).ok());
        all
    }

    fn near_array(&mut self, schema: &Value, elements: &[Value]) -> Vec<Value> {
        let with = |more: &[Value]| Value::from([elements, more].concat());
        let mut all = vec![
            json!([]),
            with(elements),
            with(&[json!(null)]),
            with(&[json!({})]),
            with(elements.get(..1).unwrap_or_default()),
            Value::from(elements.iter().skip(1).cloned().collect::<Vec<_>>()),
            Value::from(elements.iter().rev().cloned().collect::<Vec<_>>()),
        ];
        // As many as there may be, and one more.
        if let Some(max) = schema["maxItems"].as_u64().filter(|max| *max <= 64) {
            for length in [max, max + 1] {
                let many: Vec<Value> = (0..length).map(|_| self.good(&schema["items"])).collect();
                all.push(Value::from(many));
            }
        }
        all
    }

    fn near_object(&mut self, schema: &Value, members: &Map<String, Value>) -> Vec<Value> {
        let with = |name: &str, value: Value| {
            let mut members = members.clone();
            members.insert(name.to_owned(), value);
            Value::from(members)
        };
        let mut all = vec![with("more", json!(null)), with("more", json!("x"))];
        for (name, value) in members {
            let mut less = members.clone();
            less.remove(name);
            let mut renamed = less.clone();
            renamed.insert(name.to_uppercase(), value.clone());
            all.extend([Value::from(less), Value::from(renamed)]);
        }
        // What other branches have.
        for branch in list(&schema["oneOf"]) {
            let branch = self.resolved(branch);
            for (name, schema) in branch["properties"].as_object().into_iter().flatten() {
                all.push(with(name, self.good(schema)));
            }
        }
        all
    }

    /// Every place of a value, and the places of members that it leaves out.
    pub(super) fn places(&self, schema: &Value, value: &Value) -> Vec<Place> {
        let mut all = Vec::new();
        self.collect(schema, value, String::new(), &mut all);
        all
    }

    fn collect(&self, schema: &Value, value: &Value, pointer: String, all: &mut Vec<Place>) {
        let schema = self.resolved(schema);
        let branch = list(&schema["oneOf"])
            .find(|branch| self.api.verdict(branch, value, "").is_ok())
            .map(|branch| self.resolved(branch));
        let shape = branch.as_ref().unwrap_or(&schema);
        for (name, inner) in shape["properties"].as_object().into_iter().flatten() {
            let pointer = format!("{pointer}/{name}");
            match value.get(name) {
                Some(value) => self.collect(inner, value, pointer, all),
                None => all.push(Place {
                    pointer,
                    schema: inner.clone(),
                }),
            }
        }
        for (index, element) in list(value).enumerate() {
            self.collect(&shape["items"], element, format!("{pointer}/{index}"), all);
        }
        all.push(Place { pointer, schema });
    }

    fn resolved(&self, schema: &Value) -> Value {
        let mut schema = schema;
        while schema.get("$ref").is_some() {
            schema = self.api.resolved(schema).expect("a reference leads there");
        }
        schema.clone()
    }
}

/// The value with another one at a place; with none there, if none is given.
pub(super) fn with(value: &Value, pointer: &str, new: Option<Value>) -> Value {
    let mut value = value.clone();
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return new.unwrap_or(Value::Null);
    };
    let parent = value
        .pointer_mut(parent)
        .expect("the place was found there");
    match (parent, new) {
        (Value::Object(members), Some(new)) => drop(members.insert(name.to_owned(), new)),
        (Value::Object(members), None) => drop(members.remove(name)),
        (Value::Array(elements), new) => {
            let index: usize = name.parse().expect("an index");
            match new {
                Some(new) => elements[index] = new,
                None => drop(elements.remove(index)),
            }
        }
        (other, _) => unreachable!("{pointer} is in {other}"),
    }
    value
}

fn lengths(schema: &Value, otherwise: u64) -> (usize, usize) {
    let length = |word: &str, otherwise| {
        usize::try_from(schema[word].as_u64().unwrap_or(otherwise)).expect("small")
    };
    (length("minLength", 0), length("maxLength", otherwise))
}

fn near_number(schema: &Value, value: &Value) -> Vec<Value> {
    let number = value.as_i64().unwrap_or_default();
    let mut all = vec![
        json!(number.saturating_add(1)),
        json!(number.saturating_sub(1)),
        json!(number.saturating_neg()),
        json!(number.saturating_mul(10)),
        json!(0),
        json!(1_u64 << 53),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.5),
        json!(1e300),
    ];
    for bound in ["minimum", "maximum"] {
        if let Some(bound) = schema[bound].as_i64() {
            all.extend([bound - 1, bound, bound + 1].map(Value::from));
        }
    }
    all
}
