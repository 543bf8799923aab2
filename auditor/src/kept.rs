//! `verify receipt --request --reply`: a request and a reply that were kept, held to the proven entry.
//!
//! The entry has the hash of the request's bytes, with its operation and the id in its route. It has the hash of an
//! accepted reply's body. Of a refusal it has the name, and the hash of name and members. The words that a caller
//! reads, and the status, follow from the name.

use std::path::Path;

use serde_json::{Map, Value};
use tlog::leaf::{Leaf, Outcome, body_hash, fingerprint, jsonb_text, refusal_hash};

use crate::{
    files::read_long,
    report::{Finding, Report, Undecided},
};

/// What stands before a refusal's name in the type of its problem document.
const URN: &str = "urn:optkas:problem:";

/// What a problem document says besides the refusal's members.
const WORDS: [&str; 4] = ["title", "status", "detail", "request_id"];

pub(crate) fn hold_request(
    path: &Path,
    leaf: &Leaf,
    index: u64,
    report: &mut Report,
) -> Result<(), Undecided> {
    let bytes = read_long(path)?;
    let is_of =
        |body: &[u8]| fingerprint(&leaf.operation, &leaf.resource_id, body) == leaf.fingerprint;
    let held = is_of(&bytes);
    report.fact("request", held);
    if !held {
        // An editor ends a file with a line end.
        let text = match bytes.strip_suffix(b"\n") {
            Some(body) if is_of(body) => {
                "the entry is of this request without the line end that the file has"
            }
            _ => "the entry is of another request than the one that was kept",
        };
        report.find(Finding::new("request-differs", text).at(index));
    }
    Ok(())
}

pub(crate) fn hold_reply(
    path: &Path,
    leaf: &Leaf,
    index: u64,
    report: &mut Report,
) -> Result<(), Undecided> {
    let name = path.display();
    let reply: Map<String, Value> = serde_json::from_slice(&read_long(path)?)
        .map_err(|_| Undecided(format!("{name} is no JSON object")))?;
    let undecided = || {
        Undecided(format!(
            "{name} has a number that is no integer: its digits are not known"
        ))
    };
    let held = match &leaf.outcome {
        Outcome::Accepted(_) => {
            let text = jsonb_text(&reply.into()).ok_or_else(undecided)?;
            body_hash(&text) == leaf.body_hash
        }
        Outcome::Refused(refusal) => match refused(reply) {
            Some((named, members)) if named == refusal.as_str() => {
                let text = jsonb_text(&members.into()).ok_or_else(undecided)?;
                refusal_hash(&named, &text) == leaf.body_hash
            }
            _ => false,
        },
    };
    report.fact("reply", held);
    if !held {
        let text = "the entry is of another reply than the one that was kept";
        report.find(Finding::new("reply-differs", text).at(index));
    }
    Ok(())
}

/// The name and the members of a refusal, from its problem document.
fn refused(mut document: Map<String, Value>) -> Option<(String, Map<String, Value>)> {
    let kind = document.remove("type")?;
    let name = kind.as_str()?.strip_prefix(URN)?.to_owned();
    for word in WORDS {
        document.remove(word);
    }
    // Several reasons at once: each is a refusal of its own.
    if let Some(Value::Array(problems)) = document.get_mut("problems") {
        for problem in problems {
            let (name, mut members) = refused(std::mem::take(problem.as_object_mut()?))?;
            members.insert("refusal".to_owned(), name.into());
            *problem = members.into();
        }
    }
    Some((name, document))
}
