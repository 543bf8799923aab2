//! Whatever a caller sends, the answer is the caller's to understand: never a 500, never a word of the inside.

mod members;
mod mutated;
mod queries;

use anyhow::Result;
use serde_json::{Value, json};
use tests::http::{Request, Response, Transport as _};
use tests::rig::Rig;
use tests::world::{PLATFORM, idempotency_key};

use crate::endpoints::{KINDS, assert_decent, bearing, event, of_people};
use crate::settlements::{of, pending, proposal};
use crate::support::count;

const BODY_BYTES_MAX: usize = 65_536;

/// Texts that are no JSON in UTF-8.
const MALFORMED: [&[u8]; 14] = [
    b" ",
    b"{",
    b"{}{}",
    b"{\"a\":1,}",
    b"{'a':1}",
    b"\xef\xbb\xbf{}",
    b"{\"a\":\"\xff\"}",
    b"{\"a\":\"\xc0\x80\"}",
    b"{\"a\":\"\\ud800\"}",
    b"{\"a\":\"\n\"}",
    b"NaN",
    b"{\"a\":01}",
    b"// a\n{}",
    b"\0",
];

#[test]
fn what_is_no_json_is_400_wherever_a_body_is_read() -> Result<()> {
    let rig = Rig::new()?;
    let before = ledger_rows(&rig)?;
    let deep = [b"[".repeat(60_000), b"{\"a\":".repeat(10_000)];
    for body in MALFORMED.into_iter().chain(deep.iter().map(Vec::as_slice)) {
        for (name, answer) in to_all(&rig, body)? {
            let what = format!("{name}: {:.40}", String::from_utf8_lossy(body));
            assert_eq!(answer.status, 400, "{what}: {}", answer.text());
            assert_eq!(answer.json()["type"], "about:blank", "{what}");
            assert_decent(&what, &answer);
        }
    }
    for body in ["null", "[]", "\"{}\"", "7", "true"] {
        for (name, answer) in to_all(&rig, body.as_bytes())? {
            assert_invalid(&format!("{name}: {body}"), &answer, &[""]);
        }
    }
    assert_eq!(
        ledger_rows(&rig)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

#[test]
fn a_body_has_65_536_bytes_at_most() -> Result<()> {
    let rig = Rig::new()?;
    let padded = |length: usize| {
        let body = proposal(100).to_string();
        format!("{}{body}", " ".repeat(length - body.len()))
    };
    let fits = post(&rig, "/v1/settlements", padded(BODY_BYTES_MAX).as_bytes())?;
    assert_eq!(fits.status, 201, "{}", fits.text());
    for length in [BODY_BYTES_MAX + 1, 1_000_000] {
        for (name, answer) in to_all(&rig, padded(length).as_bytes())? {
            assert_eq!(answer.status, 413, "{name}: {}", answer.text());
            assert_decent(name, &answer);
        }
        // In base64 as well, and before anybody asks who it is from.
        let unknown = Request::new("POST", "/v1/settlements")
            .header("content-type", "application/octet-stream");
        assert_eq!(rig.send(&unknown.body(padded(length)))?.status, 413);
    }
    // Exactly the limit is judged like any other body.
    for (name, answer) in to_all(&rig, padded(BODY_BYTES_MAX).as_bytes())? {
        assert_ne!(answer.status, 413, "{name}");
    }
    Ok(())
}

#[test]
fn only_json_in_utf_8_is_a_content_type() -> Result<()> {
    let rig = Rig::new()?;
    let proposal = proposal(100).to_string();
    let request = |kind: &str| {
        let post = rig
            .person("alice")
            .request("POST", "/v1/settlements")
            .header("idempotency-key", &idempotency_key());
        post.header("content-type", kind).body(&*proposal)
    };
    for good in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
    ] {
        assert_eq!(rig.send(&request(good))?.status, 201, "{good}");
    }
    for bad in [
        "",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin1",
        "application/json; version=1",
        "application/json, application/json",
        "application/json,text/plain",
        "*/*",
    ] {
        for request in [request(bad), request(bad).without("authorization")] {
            let answer = rig.send(&request)?;
            assert_eq!(answer.status, 415, "{bad}: {}", answer.text());
            assert_decent(bad, &answer);
        }
    }
    assert_eq!(
        rig.send(&request("x").without("content-type"))?.status,
        415,
        "none at all"
    );
    for kind in KINDS {
        let agent = rig
            .deployment()
            .agents
            .iter()
            .find(|agent| agent.kind == kind)
            .cloned();
        let signed = agent
            .map(|agent| agent.sign(&event(kind).to_string()))
            .unwrap_or_default();
        assert_eq!(
            rig.send(
                &signed
                    .without("content-type")
                    .header("content-type", "text/plain")
            )?
            .status,
            415,
            "{kind:?}"
        );
    }
    Ok(())
}

#[test]
fn a_mutation_names_one_idempotency_key() -> Result<()> {
    let rig = Rig::new()?;
    let before = ledger_rows(&rig)?;
    let long = "k".repeat(256);
    let key = idempotency_key();
    let named: [(&str, Vec<&str>); 8] = [
        ("short", vec!["0123456789abcde"]),
        ("long", vec![&long]),
        ("empty", vec![""]),
        ("a space", vec!["0123456789 abcdef"]),
        ("a tab", vec!["0123456789\tabcdef"]),
        ("not ASCII", vec!["éééééééééééééééé"]),
        ("twice the same", vec![&key, &key]),
        ("two", vec![&key, "0123456789abcdef"]),
    ];
    for (function, request) in of_people(&rig)
        .into_iter()
        .filter(|(_, request)| request.method == "POST")
    {
        let request = bearing(&request, &rig.person("dave").token()).without("idempotency-key");
        let missing = rig.send(&request)?;
        assert_eq!(
            missing.json()["type"],
            "urn:optkas:problem:idempotency-key-missing",
            "{function}"
        );
        assert_eq!(missing.status, 400, "{function}");
        assert_decent(function, &missing);
        for (name, keys) in &named {
            let what = format!("{function}, {name}");
            let add = |request: Request, key: &&str| request.header("idempotency-key", key);
            let answer = rig.send(&keys.iter().fold(request.clone(), add))?;
            assert_eq!(answer.status, 400, "{what}: {}", answer.text());
            assert_eq!(
                answer.json()["type"],
                "urn:optkas:problem:idempotency-key-malformed",
                "{what}"
            );
            assert_decent(&what, &answer);
        }
    }
    assert_eq!(
        ledger_rows(&rig)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

#[test]
fn every_reply_bears_the_invocations_id() -> Result<()> {
    let rig = Rig::new()?;
    let good = rig.person("alice").request("GET", "/v1/positions");
    let id = "5f1b0c62-9a1d-4f0e-b6a3-5d2e7c4f9a10";
    for request in [
        good.clone(),
        good.without("authorization"),
        rig.person("alice").request("GET", "/v1/positions?x=1"),
    ] {
        let answer = rig.invoke(&request, |invocation| invocation.with_request_id(id))?;
        let answer = tests::lambda::response(&answer.json())?;
        assert_eq!(answer.header("x-request-id"), Some(id), "{}", answer.text());
        assert_decent("with an id", &answer);
    }
    Ok(())
}

/// The bytes as the body of each mutation, by somebody who may; the signature of a webhook is right.
fn to_all(rig: &Rig, body: &[u8]) -> Result<Vec<(&'static str, Response)>> {
    let settlement = uuid::Uuid::new_v4().to_string();
    let now = time::OffsetDateTime::now_utc().unix_timestamp().to_string();
    let mut answers = vec![
        ("create", post(rig, "/v1/settlements", body)?),
        ("verify", post(rig, &of(&settlement, "verify"), body)?),
        ("cancel", post(rig, &of(&settlement, "cancel"), body)?),
    ];
    for (name, agent) in [
        ("platform", PLATFORM),
        ("escrow", "escrow-one"),
        ("settlement", "settle-one"),
    ] {
        answers.push((
            name,
            rig.send(&rig.agent(agent).agent.sign_with(body, "evt_1", &now))?,
        ));
    }
    Ok(answers)
}

/// As dave, who may do everything that a member can.
fn post(rig: &Rig, target: &str, body: &[u8]) -> Result<Response> {
    let request = rig
        .person("dave")
        .request("POST", target)
        .header("idempotency-key", &idempotency_key());
    rig.send(
        &request
            .header("content-type", "application/json")
            .body(body),
    )
}

/// 422 with exactly these places, in the order of the document.
fn assert_invalid(what: &str, answer: &Response, places: &[&str]) {
    assert_eq!(answer.status, 422, "{what}: {}", answer.text());
    let problem = answer.json();
    assert_eq!(
        problem["type"], "urn:optkas:problem:invalid-request",
        "{what}"
    );
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let place = |error: &Value| {
        error
            .get("pointer")
            .or_else(|| error.get("parameter"))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let mut found: Vec<String> = errors.iter().filter_map(place).collect();
    let mut places = places.to_vec();
    found.sort();
    places.sort_unstable();
    assert_eq!(found, places, "{what}: {problem}");
    assert!(
        errors.iter().all(|error| error["detail"].is_string()),
        "{what}: {problem}"
    );
    assert_decent(what, answer);
}

fn ledger_rows(rig: &Rig) -> Result<i64> {
    count(
        &mut rig.admin()?,
        "select count(*) from ledger.commitment_ledger",
    )
}

/// A settlement that is there, for requests whose path must be right.
fn there(rig: &Rig) -> Result<String> {
    pending(rig, 100)
}

/// A body with one member of another value; a member of the value `null` is left out.
fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    if let Some(parent) = body.pointer_mut(parent).and_then(Value::as_object_mut) {
        parent.insert(name.to_owned(), value);
    }
    body
}

/// The same without it.
fn without(body: &Value, pointer: &str) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    if let Some(parent) = body.pointer_mut(parent).and_then(Value::as_object_mut) {
        parent.remove(name);
    }
    body
}

/// What no money is.
fn no_money() -> Vec<Value> {
    let texts = [
        "",
        "0",
        "00",
        "01",
        "-1",
        "+1",
        "1.0",
        "1e3",
        " 1",
        "1 ",
        "1_000",
        "1,000",
        "0x1",
        "١",
        "1000000000000000000",
        "9223372036854775808",
    ];
    let others = [
        json!(100),
        json!(1.5),
        json!(-1),
        json!(1e30),
        json!(0),
        json!(true),
        json!(null),
        json!(["1"]),
        json!({ "minor": "1" }),
    ];
    texts.into_iter().map(Value::from).chain(others).collect()
}
