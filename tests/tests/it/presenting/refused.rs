//! Tokens that are refused, each for a cause of its own.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::issuer::{Algorithm, Key};

use super::verifiers::{Verifiers, changed, readable, swapped, unsigned};

/// A token, and the cause that the database gives as DETAIL.
type Case = (&'static str, String);

#[test]
fn each_bad_token_is_refused_for_its_cause() -> Result<()> {
    let fixture = Fixture::new()?;
    let (key, claims) = (fixture.issuer().key(), fixture.person("alice").claims());
    let cases = forms(&key, &claims)
        .into_iter()
        .chain(claimed(&key, &claims))
        .chain(headed(&key, &claims))
        .chain(signatures(&key, &claims)?);
    let mut verifiers = Verifiers::of(&fixture)?;
    for (cause, token) in cases {
        let reported = verifiers.database(&token)?;
        assert_eq!(reported.as_deref(), Some(cause), "{}", readable(&token));
        assert!(verifiers.function(&token).is_some(), "{}", readable(&token));
    }
    Ok(())
}

fn forms(key: &Key, claims: &Value) -> Vec<Case> {
    let (header, text) = (key.header().to_string(), claims.to_string());
    let good = key.sign_text(&header, &text);
    let long = changed(claims, &json!({ "x": "x".repeat(7_000) }));
    let tokens = [
        String::new(),
        "a.b".to_owned(),
        format!("{good}."),
        format!("{good}="),
        key.sign(&key.header(), &long),
        key.sign_text(&header, &text.replacen('{', "{\"sub\":\"x\",", 1)),
        key.sign_text(&header, &text.replacen('{', "{\"\":\"\\u0000\",", 1)),
        key.sign_text(&header, "[]"),
    ];
    tokens.map(|token| ("form", token)).into()
}

fn claimed(key: &Key, claims: &Value) -> Vec<Case> {
    let now = claims["iat"].as_i64().unwrap_or_default();
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let (sub, issuer) = (text("sub"), text("iss"));
    let changes = [
        ("iss", json!({ "iss": format!("{issuer}/") })),
        ("iss", json!({ "iss": null })),
        ("aud", json!({ "aud": "else" })),
        ("aud", json!({ "aud": [] })),
        ("aud", json!({ "aud": ["authenticated", 1] })),
        ("aud", json!({ "aud": { "authenticated": 1 } })),
        ("aud", json!({ "aud": null })),
        ("role", json!({ "role": "anon" })),
        ("role", json!({ "role": ["authenticated"] })),
        ("is_anonymous", json!({ "is_anonymous": true })),
        ("is_anonymous", json!({ "is_anonymous": null })),
        ("is_anonymous", json!({ "is_anonymous": "false" })),
        ("session_id", json!({ "session_id": "" })),
        ("session_id", json!({ "session_id": 1 })),
        ("client_id", json!({ "client_id": "9a1a1b7e" })),
        ("client_id", json!({ "client_id": null })),
        ("sub", json!({ "sub": sub.to_uppercase() })),
        ("sub", json!({ "sub": format!("{{{sub}}}") })),
        ("sub", json!({ "sub": format!("{sub}\n") })),
        ("sub", json!({ "sub": null })),
        ("lifetime", json!({ "exp": now + 3601 })),
        ("lifetime", json!({ "exp": (now + 60).to_string() })),
        ("lifetime", json!({ "exp": 1_900_000_000.5 })),
        ("lifetime", json!({ "exp": null })),
        ("lifetime", json!({ "iat": now + 60, "exp": now + 60 })),
        ("lifetime", json!({ "iat": i64::MIN })),
        ("nbf", json!({ "nbf": null })),
        ("nbf", json!({ "nbf": 1.0 })),
        ("exp", json!({ "iat": now - 60, "exp": now - 10 })),
        ("iat", json!({ "iat": now + 60, "exp": now + 90 })),
        ("iat", json!({ "nbf": now + 60 })),
    ];
    let sign = |(cause, changes)| (cause, key.sign(&key.header(), &changed(claims, &changes)));
    changes.map(sign).into()
}

fn headed(key: &Key, claims: &Value) -> Vec<Case> {
    let kid = key.kid();
    let headers = [
        ("header", json!({ "alg": "ES256", "kid": kid, "crit": [] })),
        ("header", json!({ "alg": "ES256", "kid": kid, "jwk": {} })),
        ("header", json!({ "alg": "ES256", "kid": kid, "b64": true })),
        (
            "typ",
            json!({ "alg": "ES256", "kid": kid, "typ": "at+jwt" }),
        ),
        ("typ", json!({ "alg": "ES256", "kid": kid, "typ": null })),
        ("kid", json!({ "alg": "ES256" })),
        ("kid", json!({ "alg": "ES256", "kid": "unknown" })),
        ("kid", json!({ "alg": "ES256", "kid": [kid] })),
        ("alg", json!({ "alg": "RS256", "kid": kid })),
        ("alg", json!({ "alg": "none", "kid": kid })),
        ("alg", json!({ "alg": "es256", "kid": kid })),
        ("alg", json!({ "kid": kid })),
    ];
    let sign = |(cause, header)| (cause, key.sign(&header, claims));
    headers.map(sign).into()
}

fn signatures(key: &Key, claims: &Value) -> Result<Vec<Case>> {
    let sign = |changes| key.sign(&key.header(), &changed(claims, &changes));
    let stranger = Key::generate(Algorithm::Es256)?;
    let tokens = [
        swapped(&sign(json!({})), &sign(json!({ "x": 1 }))),
        unsigned(&key.header().to_string(), &claims.to_string()),
        stranger.sign(&key.header(), claims),
    ];
    Ok(tokens.map(|token| ("signature", token)).into())
}
