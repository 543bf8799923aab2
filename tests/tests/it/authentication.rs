//! Nobody passes without a good token, whatever is wrong with the bad one, and nobody learns what it was.

mod bad_signatures;
mod bad_tokens;
mod key_sets;

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::json;
use tests::http::{Request, Transport as _};
use tests::issuer::{Algorithm, Key};
use tests::rig::Rig;

use crate::endpoints::{anonymous, bearing, of_people};
use crate::support::count;
use bad_tokens::bad_tokens;

#[test]
fn every_route_refuses_every_bad_token_in_the_same_words() -> Result<()> {
    let rig = Rig::new()?;
    // A second published key, of another algorithm: a token must not choose between them.
    let signing = rig.issuer().key();
    rig.rotate(Key::generate(Algorithm::EdDsa)?)?;
    let other = rig.issuer().key();
    let attempts = bad_tokens(&rig.person("dave"), &signing, &other)?;
    let before = ledger_rows(&rig)?;

    let mut answers = BTreeSet::new();
    for (function, request) in of_people(&rig) {
        let welcome = rig.send(&bearing(&request, &rig.person("dave").token()))?;
        assert!(
            [200, 201, 404, 409].contains(&welcome.status),
            "{function}: a good token gets {}",
            welcome.text()
        );
        for attempt in &attempts {
            let what = format!("{function}: {}", attempt.what);
            let fetches = rig.issuer().fetches();
            let answer = rig.send(&attempt.on(&request))?;
            assert_eq!(answer.status, 401, "{what}: {}", answer.text());
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
            assert_eq!(
                answer.json()["request_id"],
                answer.header("x-request-id").unwrap_or_default(),
                "{what}"
            );
            // What can be refused without a key costs the issuer nothing.
            assert_eq!(
                rig.issuer().fetches() - fetches,
                u64::from(attempt.needs_key),
                "{what}"
            );
            answers.insert(anonymous(&answer));
        }
    }
    assert_eq!(answers.len(), 1, "the refusals differ: {answers:#?}");
    // The good tokens' six mutations are in the ledger, and nothing else.
    assert_eq!(ledger_rows(&rig)? - before, 6);
    Ok(())
}

#[test]
fn no_log_holds_a_token() -> Result<()> {
    let rig = Rig::new()?;
    let signing = rig.issuer().key();
    rig.rotate(Key::generate(Algorithm::EdDsa)?)?;
    let attempts = bad_tokens(&rig.person("dave"), &signing, &rig.issuer().key())?;
    for (function, request) in of_people(&rig) {
        let good = rig.person("dave").token();
        rig.send(&bearing(&request, &good))?;
        for attempt in &attempts {
            rig.send(&attempt.on(&request))?;
        }
        let log = rig.function(function)?.logs();
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
    let rig = Rig::new()?;
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        rig.rotate(Key::generate(algorithm)?)?;
        for (function, request) in of_people(&rig) {
            let answer = rig.send(&bearing(&request, &rig.person("dave").token()))?;
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
fn an_audience_among_several_is_enough() -> Result<()> {
    let rig = Rig::new()?;
    let alice = rig.person("alice");
    let mut claims = alice.claims();
    claims["aud"] = json!(["another", claims["aud"]]);
    let token = rig.issuer().minter().sign(&claims);
    assert_eq!(
        rig.send(&bearing(&Request::new("GET", "/v1/positions"), &token))?
            .status,
        200
    );
    Ok(())
}

#[test]
fn a_good_token_of_a_stranger_is_told_apart_from_a_bad_one() -> Result<()> {
    let rig = Rig::new()?;
    let before = ledger_rows(&rig)?;
    let token = rig
        .issuer()
        .minter()
        .token(uuid::Uuid::new_v4(), "stranger");
    for (function, request) in of_people(&rig) {
        let answer = rig.send(&bearing(&request, &token))?;
        assert_eq!(answer.status, 403, "{function}: {}", answer.text());
        assert_eq!(
            answer.json()["type"],
            "urn:optkas:problem:not-a-member",
            "{function}"
        );
    }
    assert_eq!(ledger_rows(&rig)?, before, "a stranger claims no key");
    Ok(())
}

fn ledger_rows(rig: &Rig) -> Result<i64> {
    count(
        &mut rig.admin()?,
        "select count(*) from ledger.commitment_ledger",
    )
}
