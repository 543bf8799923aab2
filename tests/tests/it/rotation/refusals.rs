//! An invalid key set changes nothing. The reply, the log and the metrics report it; if the database refused it, the
//! ledger records it.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::issuer::{Algorithm, Behaviour, Key};
use tests::lambda::{Answer, Invocation};

use super::ask;
use crate::direct::{barrier, quote};
use crate::support::{assert_books, count};

#[test]
fn an_invalid_key_set_changes_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    let retired = fixture.issuer().key();
    fixture.rotate(Key::generate(Algorithm::Es256)?)?;
    fixture.issuer().drop_old_keys();
    fixture.sync_keys()?;
    let good = fixture.person("alice").token();
    let before = keys(&fixture)?;
    for (what, behaviour, refusal) in sets(&fixture, &retired)? {
        fixture.issuer().behave(behaviour);
        let (error, outcome) = run(&fixture, refusal.is_some())?;
        assert_eq!(
            error["errorMessage"],
            refusal.unwrap_or("Internal Server Error"),
            "{what}"
        );
        assert_eq!(
            outcome,
            if refusal.is_some() {
                "refused"
            } else {
                "failed"
            },
            "{what}"
        );
        assert_eq!(keys(&fixture)?, before, "{what}");
        assert_eq!(ask(&fixture, &good)?, "nothing", "{what}");
    }
    fixture.issuer().behave(Behaviour::Publish);
    assert_eq!(fixture.sync_keys()?, json!([]));
    let recorded = "select count(*) from ledger.commitment_outcome
                    where principal_id = 'sync-jwks' and outcome = 'refused'";
    assert_eq!(
        count(&mut fixture.admin()?, recorded)?,
        5,
        "those that the database refused"
    );
    assert_books(&mut fixture.admin()?)
}

/// A published set, and the database's refusal if the set gets that far.
fn sets(
    fixture: &Fixture,
    retired: &Key,
) -> Result<Vec<(&'static str, Behaviour, Option<&'static str>)>> {
    let (key, other) = (fixture.issuer().key(), Key::generate(Algorithm::Es256)?);
    let public = key.public_jwk();
    let set = |keys: &[Value]| Behaviour::Document(json!({ "keys": keys }).to_string());
    let mut off_curve = other.public_jwk();
    off_curve["x"] = public["x"].clone();
    let mut no_point = Key::generate(Algorithm::EdDsa)?.public_jwk();
    // No point of Ed25519 has this y (RFC 8032, 5.1.3).
    no_point["x"] = json!("AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let twin = |kid: &str| anyhow::Ok(Key::generate(Algorithm::Es256)?.with_kid(kid).public_jwk());
    let symmetric = json!({ "kty": "oct", "kid": "s", "k": "c2VjcmV0", "alg": "HS256" });
    let mut private = other.public_jwk();
    private["d"] = json!("AA");
    let mut small = public.clone();
    small["crv"] = json!("P-384");
    Ok(vec![
        (
            "another set",
            set(&[other.public_jwk()]),
            Some("keys-vanished"),
        ),
        (
            "another key under its name",
            set(&[twin(key.kid())?]),
            Some("key-changed"),
        ),
        (
            "another key under a retired name",
            set(&[public.clone(), twin(retired.kid())?]),
            Some("key-changed"),
        ),
        (
            "a point off the curve",
            set(&[public.clone(), off_curve]),
            Some("key-unacceptable"),
        ),
        (
            "no point at all",
            set(&[public.clone(), no_point]),
            Some("key-unacceptable"),
        ),
        (
            "a symmetric key beside it",
            set(&[public.clone(), symmetric]),
            None,
        ),
        (
            "a private key beside it",
            set(&[public.clone(), private]),
            None,
        ),
        (
            "one name twice",
            set(&[public.clone(), public.clone()]),
            None,
        ),
        ("an empty set", set(&[]), None),
        ("no key for us", set(&[small]), None),
        ("no set", Behaviour::Document("{}".to_owned()), None),
        ("an error", Behaviour::Status(500), None),
        (
            "a redirect",
            Behaviour::Redirect("/auth/v1/.well-known/jwks.json".to_owned()),
            None,
        ),
        ("too much", Behaviour::Oversize, None),
        ("nothing, for long", Behaviour::Hang, None),
        ("a closed connection", Behaviour::Close, None),
    ])
}

/// The error that the invocation ended with, and its outcome in the metrics. The reason was logged once.
fn run(fixture: &Fixture, refused: bool) -> Result<(Value, String)> {
    let function = fixture.function("sync-jwks")?;
    let invocation = Invocation::new(&json!({}));
    let id = invocation.request_id.clone();
    let before = function.logs().len();
    let Answer::Error(error) = function.invoke(invocation)? else {
        bail!("it did not fail");
    };
    let error: Value = serde_json::from_str(&error)?;
    let log = function.logs().split_off(before);
    let lines: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    // The runtime repeats every error in a line of its own.
    let reasons: Vec<&Value> = lines
        .iter()
        .filter(|line| line["level"] == "ERROR" && line["refusal.name"] == error["errorMessage"])
        .collect();
    assert_eq!(reasons.len(), usize::from(refused), "{log}");
    let metrics = lines
        .iter()
        .find(|line| line["_aws"].is_object() && line["request_id"] == *id)
        .with_context(|| format!("no metrics in {log}"))?;
    Ok((
        error,
        metrics["outcome"].as_str().unwrap_or_default().to_owned(),
    ))
}

/// Calls of the gateway function as its own login, as an attacker who has taken over `sync-jwks`.
#[test]
fn even_the_registrar_cannot_retire_all_keys_or_change_one() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = keys(&fixture)?;
    let mut login = fixture.login("sync-jwks")?;
    let mine = Arc::new(Key::generate(Algorithm::Es256)?);
    let known = fixture.issuer().key().kid().to_owned();
    let (x, y) = ("6b".repeat(32), "4f".repeat(32));
    for (keys, expected) in [
        (json!([]), "keys-vanished"),
        (
            json!([{ "kid": known, "algorithm": "RS256" }]),
            "key-unacceptable",
        ),
        (
            json!([{ "kid": known, "algorithm": "ES256", "x": x, "y": y }]),
            "key-unacceptable",
        ),
        (json!([{ "kid": known }]), "key-unacceptable"),
        (json!([{}]), "key-unacceptable"),
        (
            json!([{ "kid": "", "algorithm": "ES256" }]),
            "key-unacceptable",
        ),
        (
            json!([{ "kid": "s", "algorithm": "HS256", "n": "00", "e": "03" }]),
            "key-unacceptable",
        ),
        (
            json!([{ "kid": "w", "algorithm": "RS256", "n": "ff".repeat(128), "e": "010001" }]),
            "key-unacceptable",
        ),
        (
            json!([{ "kid": "w", "algorithm": "RS256", "n": "ff".repeat(256), "e": "03" }]),
            "key-unacceptable",
        ),
        (
            json!([{ "kid": "w", "algorithm": "RS256", "n": "ff".repeat(256), "e": "010001" }]),
            "key-unacceptable",
        ),
        (
            json!([{ "kid": "w", "algorithm": "EdDSA", "x": format!("01{}", "00".repeat(31)) }]),
            "key-unacceptable",
        ),
    ] {
        let sql = format!(
            "select refusal from gateway.sync_jwks('{}', {}::jsonb)",
            uuid::Uuid::new_v4(),
            quote(&keys.to_string())
        );
        let name: String = login.query_one(&sql, &[])?.get(0);
        assert_eq!(name, expected, "{keys}");
    }
    for (keys, expected) in [
        ("{}", "22023"),
        ("[1]", "22023"),
        ("[{\"kid\":\"k\",\"x\":\"zz\"}]", "22023"),
    ] {
        let sql = format!("select gateway.sync_jwks('a', {}::jsonb)", quote(keys));
        let stopped = barrier(login.simple_query(&sql));
        assert!(stopped.starts_with(expected), "{keys}: {stopped}");
    }
    assert_eq!(self::keys(&fixture)?, before);
    let forged = mine.sign(&mine.header(), &fixture.person("alice").claims());
    assert_eq!(ask(&fixture, &forged)?, "OPK02 token-refused");
    Ok(())
}

fn keys(fixture: &Fixture) -> Result<Vec<String>> {
    let sql = "select k::text from auth.signing_key as k order by kid";
    let rows = fixture.admin()?.query(sql, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
