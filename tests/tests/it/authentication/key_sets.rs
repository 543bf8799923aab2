//! The issuer's keys: fetched when they must be, believed only when they are in order.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Reply, Request, Response, Server, Transport as _};
use tests::issuer::{Algorithm, Behaviour, Key};

use crate::endpoints::{PEOPLES, anonymous, bearing, of_people, of_person};
use crate::support::together;

#[test]
fn without_a_valid_key_set_a_token_is_answered_with_503() -> Result<()> {
    let fixture = Fixture::new()?;
    let elsewhere = publish_elsewhere(&fixture)?;
    let mut answers = BTreeSet::new();
    for behaviour in troubles(&fixture, &elsewhere)? {
        fixture.issuer().behave(behaviour.clone());
        // All at once: some of the troubles are waited for.
        let replies = together(PEOPLES.len(), |number| {
            fixture.send(&bearing(
                &of_person(PEOPLES[number]),
                &fixture.person("dave").token(),
            ))
        })?;
        for (function, reply) in PEOPLES.iter().zip(replies) {
            let what = format!("{function}: {behaviour:.60?}");
            assert_eq!(reply.status, 503, "{what}: {}", reply.text());
            assert!(reply.header("retry-after").is_some(), "{what}");
            answers.insert(anonymous(&reply));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");

    fixture.issuer().behave(Behaviour::Hang);
    for (function, request) in of_people(&fixture) {
        assert_eq!(
            fixture.send(&bearing(&request, "a.b.c"))?.status,
            401,
            "{function} needs no key for that"
        );
    }
    fixture.issuer().behave(Behaviour::Publish);
    for (function, request) in of_people(&fixture) {
        let reply = fixture.send(&bearing(&request, &fixture.person("dave").token()))?;
        assert!(
            [200, 201, 404, 409].contains(&reply.status),
            "{function} recovers: {}",
            reply.text()
        );
    }
    Ok(())
}

fn troubles(fixture: &Fixture, elsewhere: &Server) -> Result<Vec<Behaviour>> {
    let key = fixture.issuer().key();
    let twin = Key::generate(Algorithm::Es256)?.with_kid(key.kid());
    let with = |other: Value| {
        Behaviour::Document(json!({ "keys": [key.public_jwk(), other] }).to_string())
    };
    let document = |text: &str| Behaviour::Document(text.to_owned());
    Ok(vec![
        Behaviour::Status(500),
        Behaviour::Status(404),
        Behaviour::Status(204),
        Behaviour::Close,
        Behaviour::Hang,
        Behaviour::Redirect(format!("http://{}/jwks.json", elsewhere.address())),
        Behaviour::Oversize,
        document(""),
        document("<html>maintenance</html>"),
        document("null"),
        document(r#"{"keys": {}}"#),
        document(
            &fixture
                .issuer()
                .jwks()
                .to_string()
                .replacen('{', r#"{"keys":[],"#, 1),
        ),
        with(json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256" })),
        with(twin.public_jwk()),
        with(Key::generate(Algorithm::Es256)?.private_jwk()?),
    ])
}

/// The right keys behind a redirect, which must not be followed.
fn publish_elsewhere(fixture: &Fixture) -> Result<Server> {
    let body = fixture.issuer().jwks().to_string().into_bytes();
    Server::start(0, move |_| {
        Reply::Response(Response {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.clone(),
        })
    })
}

#[test]
fn the_keys_are_fetched_for_each_request() -> Result<()> {
    let fixture = Fixture::new()?;
    for (function, request) in of_people(&fixture) {
        for turn in 1..=3 {
            let fetches = fixture.issuer().fetches();
            fixture.send(&bearing(&request, &fixture.person("dave").token()))?;
            assert_eq!(
                fixture.issuer().fetches() - fetches,
                1,
                "{function}, turn {turn}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_new_key_is_accepted_and_a_withdrawn_one_is_not() -> Result<()> {
    let fixture = Fixture::new()?;
    let request = Request::new("GET", "/v1/positions");
    let old = fixture.person("alice").token();
    assert_eq!(fixture.send(&bearing(&request, &old))?.status, 200);
    fixture.rotate(Key::generate(Algorithm::Es256)?)?;
    let new = fixture.person("alice").token();
    assert_eq!(
        fixture.send(&bearing(&request, &new))?.status,
        200,
        "the new key"
    );
    assert_eq!(
        fixture.send(&bearing(&request, &old))?.status,
        200,
        "the old one is still published"
    );
    fixture.issuer().drop_old_keys();
    assert_eq!(
        fixture.send(&bearing(&request, &old))?.status,
        401,
        "the old one is withdrawn"
    );
    assert_eq!(fixture.send(&bearing(&request, &new))?.status, 200);
    Ok(())
}

#[test]
fn with_a_max_age_one_fetch_serves_many_and_an_invented_kid_costs_at_most_one_more() -> Result<()> {
    let fixture = Fixture::new()?;
    let request = Request::new("GET", "/v1/positions");
    fixture.start(
        fixture
            .launch("list-positions")?
            .with("JWKS_MAX_AGE_SECONDS", "600")
            .scaled(1, 8),
    )?;
    let replies = together(8, |_| {
        fixture.send(&bearing(&request, &fixture.person("alice").token()))
    })?;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(
        fixture.issuer().fetches(),
        1,
        "requests that wait share what they wait for"
    );
    for _ in 0..10 {
        assert_eq!(
            fixture
                .send(&bearing(&request, &fixture.person("alice").token()))?
                .status,
            200
        );
    }
    assert_eq!(fixture.issuer().fetches(), 1);

    let claims = fixture.person("alice").claims();
    for _ in 0..10 {
        let stranger = Key::generate(Algorithm::Es256)?;
        assert_eq!(
            fixture
                .send(&bearing(
                    &request,
                    &stranger.sign(&stranger.header(), &claims)
                ))?
                .status,
            401
        );
    }
    assert!(
        fixture.issuer().fetches() <= 2,
        "{} fetches",
        fixture.issuer().fetches()
    );
    Ok(())
}
