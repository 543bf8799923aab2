//! Bad tokens of every kind are refused, all with the same reply, which does not say what is wrong.

mod bad_signatures;
mod bad_tokens;
mod key_sets;

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::json;
use tests::fixture::Fixture;
use tests::http::{Request, Transport as _};
use tests::issuer::{Algorithm, Key};

use crate::endpoints::{anonymous, bearing, of_people};
use crate::support::count;
use bad_tokens::bad_tokens;

#[test]
fn every_route_refuses_every_bad_token_in_the_same_words() -> Result<()> {
    let fixture = Fixture::new()?;
    // A second published key, of another algorithm: a token must not choose between them.
    let signing = fixture.issuer().key();
    fixture.rotate(Key::generate(Algorithm::EdDsa)?)?;
    let other = fixture.issuer().key();
    let attempts = bad_tokens(&fixture.person("dave"), &signing, &other)?;
    let before = ledger_rows(&fixture)?;

    let mut answers = BTreeSet::new();
    for (function, request) in of_people(&fixture) {
        let welcome = fixture.send(&bearing(&request, &fixture.person("dave").token()))?;
        assert!(
            [200, 201, 404, 409].contains(&welcome.status),
            "{function}: a good token gets {}",
            welcome.text()
        );
        for attempt in &attempts {
            let what = format!("{function}: {}", attempt.what);
            let fetches = fixture.issuer().fetches();
            let answer = fixture.send(&attempt.on(&request))?;
            assert_eq!(answer.status, 401, "{what}: {}", answer.text());
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
            assert_eq!(
                answer.json()["request_id"],
                answer.header("x-request-id").unwrap_or_default(),
                "{what}"
            );
            // What can be refused without a key costs the issuer nothing.
            assert_eq!(
                fixture.issuer().fetches() - fetches,
                u64::from(attempt.needs_key),
                "{what}"
            );
            answers.insert(anonymous(&answer));
        }
    }
    assert_eq!(answers.len(), 1, "the refusals differ: {answers:#?}");
    // The good tokens' six mutations are in the ledger, and nothing else.
    assert_eq!(ledger_rows(&fixture)? - before, 6);
    Ok(())
}

#[test]
fn no_log_holds_a_token() -> Result<()> {
    let fixture = Fixture::new()?;
    let signing = fixture.issuer().key();
    fixture.rotate(Key::generate(Algorithm::EdDsa)?)?;
    let attempts = bad_tokens(&fixture.person("dave"), &signing, &fixture.issuer().key())?;
    for (function, request) in of_people(&fixture) {
        let good = fixture.person("dave").token();
        fixture.send(&bearing(&request, &good))?;
        for attempt in &attempts {
            fixture.send(&attempt.on(&request))?;
        }
        let log = fixture.function(function)?.logs();
        assert!(
            log.contains("The token is refused."),
            "{function} logs why: {log}"
        );
        let headers = attempts
            .iter()
            .flat_map(|attempt| &attempt.authorization)
            .map(String::as_str);
        // Any part of a token that is long enough to be one of its three.
        for part in headers
            .chain([&*good])
            .flat_map(|header| header.split([' ', '.', ',']))
            .filter(|part| part.len() >= 20)
        {
            assert!(!log.contains(part), "{function} logs a part of a token");
        }
    }
    Ok(())
}

#[test]
fn every_algorithm_that_supabase_signs_with_is_accepted() -> Result<()> {
    let fixture = Fixture::new()?;
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        fixture.rotate(Key::generate(algorithm)?)?;
        for (function, request) in of_people(&fixture) {
            let answer = fixture.send(&bearing(&request, &fixture.person("dave").token()))?;
            assert!(
                [200, 201, 404, 409].contains(&answer.status),
                "{function} {algorithm:?}: {}",
                answer.text()
            );
        }
    }
    Ok(())
}

#[test]
fn one_matching_audience_among_several_is_enough() -> Result<()> {
    let fixture = Fixture::new()?;
    let alice = fixture.person("alice");
    let mut claims = alice.claims();
    claims["aud"] = json!(["another", claims["aud"]]);
    let token = fixture.issuer().minter().sign(&claims);
    assert_eq!(
        fixture
            .send(&bearing(&Request::new("GET", "/v1/positions"), &token))?
            .status,
        200
    );
    Ok(())
}

#[test]
fn a_good_token_of_a_non_member_is_answered_with_403() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let token = fixture
        .issuer()
        .minter()
        .token(uuid::Uuid::new_v4(), "stranger");
    for (function, request) in of_people(&fixture) {
        let answer = fixture.send(&bearing(&request, &token))?;
        assert_eq!(answer.status, 403, "{function}: {}", answer.text());
        assert_eq!(
            answer.json()["type"],
            "urn:optkas:problem:not-a-member",
            "{function}"
        );
    }
    assert_eq!(ledger_rows(&fixture)?, before, "a stranger claims no key");
    Ok(())
}

fn ledger_rows(fixture: &Fixture) -> Result<i64> {
    count(
        &mut fixture.admin()?,
        "select count(*) from ledger.commitment_ledger",
    )
}
