//! Bad input of every kind: the answer is never a 500, and reveals nothing of the inside.

mod collateral;
mod deliveries;
mod headers;
mod members;
mod mutated;
mod queries;
mod values;

use anyhow::Result;
use serde_json::Value;
use tests::fixture::Fixture;
use tests::http::{Request, Response, Transport as _};
use tests::sample_data::{COLLATERAL_AGENT, PLATFORM, SECURED_FACILITY, idempotency_key};

use crate::endpoints::assert_decent;
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
fn a_body_that_is_not_json_is_answered_with_400_everywhere() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let deep = [b"[".repeat(60_000), b"{\"a\":".repeat(10_000)];
    for body in MALFORMED.into_iter().chain(deep.iter().map(Vec::as_slice)) {
        for (name, answer) in to_all(&fixture, body)? {
            let what = format!("{name}: {:.40}", String::from_utf8_lossy(body));
            assert_eq!(answer.status, 400, "{what}: {}", answer.text());
            assert_eq!(answer.json()["type"], "about:blank", "{what}");
            assert_decent(&what, &answer);
        }
    }
    for body in ["null", "[]", "\"{}\"", "7", "true"] {
        for (name, answer) in to_all(&fixture, body.as_bytes())? {
            assert_invalid(&format!("{name}: {body}"), &answer, &[""]);
        }
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

#[test]
fn a_body_has_65_536_bytes_at_most() -> Result<()> {
    let fixture = Fixture::new()?;
    let padded = |length: usize| {
        let body = proposal(100).to_string();
        format!("{}{body}", " ".repeat(length - body.len()))
    };
    let fits = post(
        &fixture,
        "/v1/settlements",
        padded(BODY_BYTES_MAX).as_bytes(),
    )?;
    assert_eq!(fits.status, 201, "{}", fits.text());
    for length in [BODY_BYTES_MAX + 1, 1_000_000] {
        for (name, answer) in to_all(&fixture, padded(length).as_bytes())? {
            assert_eq!(answer.status, 413, "{name}: {}", answer.text());
            assert_decent(name, &answer);
        }
        // In base64 as well, and before authentication.
        let unknown = Request::new("POST", "/v1/settlements")
            .header("content-type", "application/octet-stream");
        assert_eq!(fixture.send(&unknown.body(padded(length)))?.status, 413);
    }
    // Exactly the limit is judged like any other body.
    for (name, answer) in to_all(&fixture, padded(BODY_BYTES_MAX).as_bytes())? {
        assert_ne!(answer.status, 413, "{name}");
    }
    Ok(())
}

/// Sends the bytes as the body of each mutation, as an allowed caller; webhooks are correctly signed.
fn to_all(fixture: &Fixture, body: &[u8]) -> Result<Vec<(&'static str, Response)>> {
    let settlement = uuid::Uuid::new_v4().to_string();
    let now = time::OffsetDateTime::now_utc().unix_timestamp().to_string();
    let mut answers = vec![
        ("create", post(fixture, "/v1/settlements", body)?),
        ("verify", post(fixture, &of(&settlement, "verify"), body)?),
        ("cancel", post(fixture, &of(&settlement, "cancel"), body)?),
        ("request release", post(fixture, &releases(), body)?),
        (
            "approve release",
            post(fixture, &approval(&settlement), body)?,
        ),
    ];
    for (name, agent) in [
        ("platform", PLATFORM),
        ("escrow", "escrow-one"),
        ("settlement", "settle-one"),
        ("collateral", COLLATERAL_AGENT),
    ] {
        answers.push((
            name,
            fixture.send(&fixture.agent(agent).agent.sign_with(body, "evt_1", &now))?,
        ));
    }
    Ok(answers)
}

/// Where releases are requested.
fn releases() -> String {
    format!("/v1/facilities/{}/releases", SECURED_FACILITY.id)
}

/// Where a release is approved.
fn approval(release: &str) -> String {
    format!("/v1/releases/{release}/approve")
}

/// Posts as dave, who has every role.
fn post(fixture: &Fixture, target: &str, body: &[u8]) -> Result<Response> {
    let request = fixture
        .person("dave")
        .request("POST", target)
        .header("idempotency-key", &idempotency_key());
    fixture.send(
        &request
            .header("content-type", "application/json")
            .body(body),
    )
}

/// Checks that the reply is 422 and names exactly these places, in the order of the document.
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

fn ledger_rows(fixture: &Fixture) -> Result<i64> {
    count(
        &mut fixture.admin()?,
        "select count(*) from ledger.commitment_ledger",
    )
}

/// An existing settlement, for requests whose path must be right.
fn there(fixture: &Fixture) -> Result<String> {
    pending(fixture, 100)
}
