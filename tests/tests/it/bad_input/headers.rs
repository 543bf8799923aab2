//! Content types, idempotency keys and the request's own id.

use anyhow::Result;
use tests::fixture::Fixture;
use tests::http::{Request, Transport as _};
use tests::sample_data::idempotency_key;

use super::ledger_rows;
use crate::endpoints::{KINDS, assert_decent, bearing, event, of_people};
use crate::mutations::{Mutation, accepted};
use crate::settlements::proposal;

#[test]
fn only_json_in_utf_8_is_accepted_as_content_type() -> Result<()> {
    let fixture = Fixture::new()?;
    let proposal = proposal(100).to_string();
    let request = |kind: &str| {
        let post = fixture
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
        assert_eq!(fixture.send(&request(good))?.status, 201, "{good}");
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
            let answer = fixture.send(&request)?;
            assert_eq!(answer.status, 415, "{bad}: {}", answer.text());
            assert_decent(bad, &answer);
        }
    }
    assert_eq!(
        fixture.send(&request("x").without("content-type"))?.status,
        415,
        "none at all"
    );
    for kind in KINDS {
        let agent = fixture
            .deployment()
            .agents
            .iter()
            .find(|agent| agent.kind == kind)
            .cloned();
        let signed = agent
            .map(|agent| agent.sign(&event(kind).to_string()))
            .unwrap_or_default();
        assert_eq!(
            fixture
                .send(
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
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
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
    for (function, request) in of_people(&fixture)
        .into_iter()
        .filter(|(_, request)| request.method == "POST")
    {
        let request = bearing(&request, &fixture.person("dave").token()).without("idempotency-key");
        let missing = fixture.send(&request)?;
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
            let answer = fixture.send(&keys.iter().fold(request.clone(), add))?;
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
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

/// Spellings in which somebody could take the key for the same one, given its text.
fn other_spellings(key: &str) -> Vec<String> {
    vec![
        format!("\"{key}"),
        format!("{key}\""),
        format!("\"\"{key}\"\""),
        format!("'{key}'"),
        format!("\"{key}\";v=1"),
        format!("{key};v=1"),
        format!("\"\\\"{key}\""),
        format!("\"{key}\\\"\""),
        format!("%22{key}%22"),
        format!(":{key}:"),
        format!("<{key}>"),
        format!("(\"{key}\")"),
        format!("W/\"{key}\""),
        format!("\"{key}\", \"{key}\""),
        format!("\"{key} \""),
    ]
}

#[test]
fn a_key_is_the_same_in_quotes_and_without_and_no_other_spelling_is_one() -> Result<()> {
    let fixture = Fixture::new()?;
    let mutations: Vec<Mutation> = accepted(&fixture)?
        .into_iter()
        .filter(|mutation| !mutation.by_agent)
        .collect();
    let routed = of_people(&fixture).into_iter();
    let writing = routed.filter(|(_, request)| request.method == "POST");
    let function = |request: &Request| {
        let route = fixture.routes().find(&request.method, request.path());
        route.map(|(route, _)| route.function.clone())
    };
    let tried: Vec<_> = mutations
        .iter()
        .filter_map(|mutation| function(&mutation.request))
        .collect();
    for (name, _) in writing {
        assert!(tried.iter().any(|tried| tried == name), "{name}");
    }
    for (number, mutation) in mutations.iter().enumerate() {
        let what = mutation.name;
        let key = header(&mutation.request, "idempotency-key").to_owned();
        let under = |spelling: &str| {
            let request = mutation.request.clone().without("idempotency-key");
            fixture.send(&request.header("idempotency-key", spelling))
        };
        let before = ledger_rows(&fixture)?;
        for spelling in other_spellings(&key) {
            let answer = under(&spelling)?;
            assert_eq!(answer.status, 400, "{what} {spelling}: {}", answer.text());
            assert_eq!(
                answer.json()["type"],
                "urn:optkas:problem:idempotency-key-malformed",
                "{what} {spelling}"
            );
            assert_decent(what, &answer);
        }
        assert_eq!(ledger_rows(&fixture)?, before, "{what}: nothing is spent");
        let quoted = format!("\"{key}\"");
        let (first, then) = if number % 2 == 0 {
            (&quoted, &key)
        } else {
            (&key, &quoted)
        };
        let done = under(first)?;
        mutation.assert_first(&done);
        mutation.assert_duplicate(&under(then)?, &done);
        // Blanks around a header's value are no part of it (RFC 9110, section 5.5); capitals are.
        assert_eq!(ledger_rows(&fixture)?, before + 1, "{what}: one key");
    }
    Ok(())
}

#[test]
fn an_encoded_body_is_refused_before_anything_is_spent() -> Result<()> {
    let fixture = Fixture::new()?;
    for mutation in accepted(&fixture)? {
        let what = mutation.name;
        let encoded = |encoding: &str| {
            let request = mutation.request.clone();
            fixture.send(&request.header("content-encoding", encoding))
        };
        let before = ledger_rows(&fixture)?;
        for encoding in ["gzip", "br", "identity, gzip", ""] {
            let answer = encoded(encoding)?;
            assert_eq!(answer.status, 415, "{what} {encoding}: {}", answer.text());
            assert_eq!(answer.header("accept-encoding"), Some("identity"), "{what}");
            assert_decent(what, &answer);
        }
        assert_eq!(ledger_rows(&fixture)?, before, "{what}: nothing is spent");
        mutation.assert_first(&encoded("identity")?);
    }
    Ok(())
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

#[test]
fn every_reply_bears_the_invocations_id() -> Result<()> {
    let fixture = Fixture::new()?;
    let good = fixture.person("alice").request("GET", "/v1/positions");
    let id = "5f1b0c62-9a1d-4f0e-b6a3-5d2e7c4f9a10";
    for request in [
        good.clone(),
        good.without("authorization"),
        fixture.person("alice").request("GET", "/v1/positions?x=1"),
    ] {
        let answer = fixture.invoke(&request, |invocation| invocation.with_request_id(id))?;
        let answer = tests::lambda::response(&answer.json())?;
        assert_eq!(answer.header("x-request-id"), Some(id), "{}", answer.text());
        assert_decent("with an id", &answer);
    }
    Ok(())
}
