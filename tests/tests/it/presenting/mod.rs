//! A token gets one verdict: the function's verifier and the database's, which share no code, accept and
//! refuse the same ones.
//!
//! Two differences are known and harmless, since the function in front comes first: it also refuses claims
//! nested deeper than 127 levels and numbers that no double holds (1e400) in members that nobody reads.

mod random;
mod verifiers;

use std::sync::Arc;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::issuer::{Algorithm, Key};
use tests::rig::Rig;

use crate::random::Random;
use verifiers::{Verifiers, changed, swapped, unsigned};

#[test]
fn what_is_accepted() -> Result<()> {
    let rig = Rig::new()?;
    let key = rig.issuer().key();
    let claims = rig.person("alice").claims();
    let now = claims["iat"].as_i64().unwrap_or_default();
    let mut verifiers = Verifiers::of(&rig)?;
    let sign = |changes: &Value| key.sign(&key.header(), &changed(&claims, changes));
    let headed = |header: &Value| key.sign(header, &claims);
    for token in [
        sign(&json!({})),
        sign(&json!({ "aud": ["else", "authenticated"] })),
        sign(&json!({ "nbf": now - 10 })),
        sign(&json!({ "exp": now - 3, "iat": now - 600 })),
        sign(&json!({ "iat": now + 3, "exp": now + 600 })),
        sign(&json!({ "user_metadata": { "nested": [{ "x": 1 }, { "x": 2 }] } })),
        headed(&json!({ "alg": "ES256", "kid": key.kid() })),
        headed(&json!({ "alg": "ES256", "kid": key.kid(), "typ": "jwt" })),
    ] {
        assert_eq!(verifiers.function(&token), None, "{token}");
        assert_eq!(verifiers.database(&token)?, None, "{token}");
    }
    Ok(())
}

#[test]
fn what_is_refused_and_for_which_cause() -> Result<()> {
    let rig = Rig::new()?;
    let key = rig.issuer().key();
    let claims = rig.person("alice").claims();
    let now = claims["iat"].as_i64().unwrap_or_default();
    let sub = claims["sub"].as_str().unwrap_or_default();
    let issuer = claims["iss"].as_str().unwrap_or_default();
    let sign = |changes: &Value| key.sign(&key.header(), &changed(&claims, changes));
    let mut cases: Vec<(&str, String)> = vec![
        ("form", String::new()),
        ("form", "a.b".to_owned()),
        ("form", sign(&json!({})) + "."),
        ("form", sign(&json!({})) + "="),
        ("form", sign(&json!({ "x": "x".repeat(7_000) }))),
        (
            "signature",
            swapped(&sign(&json!({})), &sign(&json!({ "x": 1 }))),
        ),
        (
            "signature",
            unsigned(&key.header().to_string(), &claims.to_string()),
        ),
        (
            "signature",
            Key::generate(Algorithm::Es256)?.sign(&key.header(), &claims),
        ),
    ];
    for (cause, changes) in [
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
    ] {
        cases.push((cause, sign(&changes)));
    }
    for (cause, header) in [
        (
            "header",
            json!({ "alg": "ES256", "kid": key.kid(), "crit": [] }),
        ),
        (
            "header",
            json!({ "alg": "ES256", "kid": key.kid(), "jwk": {} }),
        ),
        (
            "header",
            json!({ "alg": "ES256", "kid": key.kid(), "b64": true }),
        ),
        (
            "typ",
            json!({ "alg": "ES256", "kid": key.kid(), "typ": "at+jwt" }),
        ),
        (
            "typ",
            json!({ "alg": "ES256", "kid": key.kid(), "typ": null }),
        ),
        ("kid", json!({ "alg": "ES256" })),
        ("kid", json!({ "alg": "ES256", "kid": "unknown" })),
        ("kid", json!({ "alg": "ES256", "kid": [key.kid()] })),
        ("alg", json!({ "alg": "RS256", "kid": key.kid() })),
        ("alg", json!({ "alg": "none", "kid": key.kid() })),
        ("alg", json!({ "alg": "es256", "kid": key.kid() })),
        ("alg", json!({ "kid": key.kid() })),
    ] {
        cases.push((cause, key.sign(&header, &claims)));
    }
    let text = claims.to_string();
    for claims in [
        text.replacen('{', "{\"sub\":\"x\",", 1),
        "[]".to_owned(),
        text.replacen('{', "{\"\":\"\\u0000\",", 1),
    ] {
        cases.push(("form", key.sign_text(&key.header().to_string(), &claims)));
    }

    let mut verifiers = Verifiers::of(&rig)?;
    for (cause, token) in cases {
        assert_eq!(
            verifiers.database(&token)?.as_deref(),
            Some(cause),
            "{}",
            verifiers::readable(&token)
        );
        assert!(
            verifiers.function(&token).is_some(),
            "{}",
            verifiers::readable(&token)
        );
    }
    Ok(())
}

#[test]
fn one_flipped_bit_is_refused_wherever_it_is() -> Result<()> {
    let rig = Rig::new()?;
    let mut verifiers = Verifiers::of(&rig)?;
    let token = rig.person("alice").token();
    assert!(verifiers.agree(&token)?);
    for at in 0..token.len() {
        let flipped = random::flipped(&token, at, at % 7);
        assert!(!verifiers.agree(&flipped)?, "{flipped}");
    }
    Ok(())
}

#[test]
fn function_and_database_give_any_token_the_same_verdict() -> Result<()> {
    let rig = Rig::new()?;
    let mut keys: Vec<Arc<Key>> = vec![rig.issuer().key()];
    for algorithm in [Algorithm::Rs256, Algorithm::EdDsa] {
        rig.rotate(Key::generate(algorithm)?)?;
        keys.push(rig.issuer().key());
    }
    // A key that nobody published, under a name that somebody has.
    keys.push(Arc::new(
        Key::generate(Algorithm::Es256)?.with_kid(keys[0].kid()),
    ));
    let mut verifiers = Verifiers::of(&rig)?;
    let mut random = Random::seeded("tokens");
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..600 {
        let good = rig.person("alice").claims();
        let token = random::token(&mut random, &keys, &good);
        if verifiers.agree(&token)? {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    // Both kinds were tried, and often.
    assert!(
        accepted > 60 && refused > 60,
        "{accepted} accepted, {refused} refused"
    );
    Ok(())
}

#[test]
fn base64url_has_one_spelling() -> Result<()> {
    let rig = Rig::empty()?;
    let mut owner = rig.owner()?;
    let long = URL_SAFE_NO_PAD.encode([0xfb; 300]);
    for text in [
        "",
        "Zg",
        "Zm8",
        "Zm9v",
        "-_-_",
        "AAAA",
        &long,
        "Z",
        "Zh",
        "Zm9",
        "Zg==",
        "Zm8=",
        "+/+/",
        "Zm9v\n",
        "Zm 9v",
        " ",
        "Zm9vZ",
        "Zmé",
        "=",
        "Zm9v.",
        "\u{ff21}g",
    ] {
        let row = owner.query_one("select auth.base64url_decode($1)", &[&text])?;
        let octets: Option<Vec<u8>> = row.get(0);
        assert_eq!(octets, URL_SAFE_NO_PAD.decode(text).ok(), "{text:?}");
    }
    Ok(())
}

#[test]
fn json_has_one_meaning() -> Result<()> {
    let rig = Rig::empty()?;
    let mut owner = rig.owner()?;
    let nested = format!(r#"{{"x":{}{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    let deep = format!(r#"{{"x":{}"#, "[".repeat(6_000));
    let good = [
        "{}",
        r#"{"a":1,"b":[{"c":1},{"c":2}],"d":{"a":1}}"#,
        r#" {"x":"\ud83d\ude00"} "#,
        r#"{"":{"":1}}"#,
        r#"{"x":[[],{},null,1.5e3]}"#,
        &nested,
    ];
    let bad = [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":1}"#,
        r#"{"x":[{"a":1,"b":2,"a":1}]}"#,
        r#"{"x":{"":1,"":2}}"#,
        r#"{"x":[[[{"y":{"a":1,"a":2}}]]]}"#,
        r#"{"x":"\u0000"}"#,
        r#"{"\u0000":1}"#,
        r#"{"x":"\ud800"}"#,
        r#"{"x":1e999999}"#,
        "{} {}",
        "{}x",
        "",
        "[]",
        "null",
        "1",
        "\"x\"",
        "\u{feff}{}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":NaN}",
        &deep,
    ];
    let raw: [&[u8]; 5] = [
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\xc0\xaf\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"{}\0",
        b"{\"a\":\"\0\"}",
    ];
    let good = good.iter().map(|text| (text.as_bytes(), true));
    let bad = bad.iter().map(|text| (text.as_bytes(), false));
    for (octets, expected) in good
        .chain(bad)
        .chain(raw.into_iter().map(|octets| (octets, false)))
    {
        let sql = "select auth.json_object_strict($1) is not null";
        let accepted: bool = owner.query_one(sql, &[&octets])?.get(0);
        assert_eq!(accepted, expected, "{}", octets.escape_ascii());
    }
    Ok(())
}
