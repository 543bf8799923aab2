//! A token gets one verdict: the function's verifier and the database's, which share no code, accept and
//! refuse the same ones. No difference is known.

mod decoding;
mod limits;
mod random;
mod recorded;
mod refused;
mod verifiers;

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::issuer::{Algorithm, Key};

use crate::random::Random;
use verifiers::{Verifiers, changed};

#[test]
fn each_good_token_is_accepted() -> Result<()> {
    let fixture = Fixture::new()?;
    let key = fixture.issuer().key();
    let claims = fixture.person("alice").claims();
    let now = claims["iat"].as_i64().unwrap_or_default();
    let mut verifiers = Verifiers::of(&fixture)?;
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
fn one_flipped_bit_anywhere_is_refused() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut verifiers = Verifiers::of(&fixture)?;
    let token = fixture.person("alice").token();
    assert!(verifiers.agree(&token)?);
    for at in 0..token.len() {
        let flipped = random::flipped(&token, at, at % 7);
        assert!(!verifiers.agree(&flipped)?, "{flipped}");
    }
    Ok(())
}

#[test]
fn function_and_database_give_any_token_the_same_verdict() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut keys: Vec<Arc<Key>> = vec![fixture.issuer().key()];
    for algorithm in [Algorithm::Rs256, Algorithm::EdDsa] {
        fixture.rotate(Key::generate(algorithm)?)?;
        keys.push(fixture.issuer().key());
    }
    // An unpublished key under the id of a published one.
    keys.push(Arc::new(
        Key::generate(Algorithm::Es256)?.with_kid(keys[0].kid()),
    ));
    let mut verifiers = Verifiers::of(&fixture)?;
    let mut random = Random::seeded("tokens");
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..600 {
        let good = fixture.person("alice").claims();
        let token = random::token(&mut random, &keys, &good);
        if verifiers.agree(&token)? {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    // Many tokens of both kinds were tried.
    assert!(
        accepted > 60 && refused > 60,
        "{accepted} accepted, {refused} refused"
    );
    Ok(())
}
