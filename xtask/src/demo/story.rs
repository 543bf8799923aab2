//! Prints what was tried and what came back, and checks it against what is expected.

use serde_json::{Value, json};
use tests::http::Response;

const TRIED_WIDTH: usize = 66;

/// Prints and counts answers.
pub(super) struct Story {
    told: usize,
    wrong: usize,
    acts: usize,
}

impl Story {
    pub(super) fn begin() -> Self {
        Self {
            told: 0,
            wrong: 0,
            acts: 0,
        }
    }

    pub(super) fn told(&self) -> usize {
        self.told
    }

    pub(super) fn wrong(&self) -> usize {
        self.wrong
    }

    /// A heading.
    pub(super) fn act(&mut self, title: &str) {
        self.acts += 1;
        println!("\n{}. {title}", self.acts);
    }

    /// A request and its answer, against the summary that is expected of it.
    pub(super) fn answer(&mut self, tried: &str, answer: &Response, expected: &str) {
        self.fact(tried, &summary(answer), expected);
    }

    /// A result other than an HTTP answer, in one line.
    pub(super) fn fact(&mut self, tried: &str, came: &str, expected: &str) {
        self.told += 1;
        if came == expected {
            println!("  {tried:<TRIED_WIDTH$} {came}");
        } else {
            self.wrong += 1;
            println!("  {tried:<TRIED_WIDTH$} {came}   <-- WRONG, expected: {expected}");
        }
    }

    /// An attempt that must be refused; the text of the refusal is not compared.
    pub(super) fn refused(&mut self, tried: &str, came: &str, refused: bool) {
        self.fact(tried, came, if refused { came } else { "a refusal" });
    }
}

/// An answer in a few words: its status, and its problem, state or outcome.
fn summary(answer: &Response) -> String {
    let status = answer.status;
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return format!("{status}");
    };
    let outcome = |value: &Value| value["outcome"].as_str().unwrap_or("nothing").to_owned();
    if body["duplicate"] == json!(true) {
        return format!("{status} duplicate of {}", outcome(&body["original"]));
    }
    if status >= 400 {
        let name = body["type"]
            .as_str()
            .and_then(|kind| kind.strip_prefix("urn:optkas:problem:"));
        let name = name.or(body["title"].as_str()).unwrap_or("?");
        return match &body["original"] {
            Value::Null => format!("{status} {name}"),
            original => format!(
                "{status} {name}, original {} {}",
                outcome(original),
                original["status"]
            ),
        };
    }
    let state = body["status"]
        .as_str()
        .or(body["settlement"]["status"].as_str());
    let ledger = body["outcome"]
        .as_str()
        .or(body["commitment"]["outcome"].as_str());
    match state.or(ledger) {
        Some(word) => format!("{status} {word}"),
        None => format!("{status}"),
    }
}
