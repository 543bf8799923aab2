//! Tokens of a real Supabase Auth server, recorded: each has the right verdict on both sides, at the time at which it
//! was minted. Folder `supabase` has them with the server's version and its key set.

use anyhow::{Context, Result};
use postgres::Client;
use serde_json::{Value, json};
use shared::auth::{jwks::KeySet, jwt::Policy};
use tests::fixture::Fixture;
use tests::issuer::Behaviour;
use tests::sample_data::PLATFORM;
use time::OffsetDateTime;

const TOKENS: &str = include_str!("supabase/tokens.json");
const KEY_SET: &str = include_str!("supabase/jwks.json");

/// The cause for which the database refuses a recorded token; none of an accepted one.
const VERDICTS: [(&str, Option<&str>); 8] = [
    ("es256_password", None),
    ("rs256_password", None),
    ("eddsa_password", None),
    ("es256_aal2", None),
    ("es256_anonymous", Some("is_anonymous")),
    ("es256_oauth_client", Some("client_id")),
    ("es256_oidc_id_token", Some("aud")),
    ("es256_exp_week", Some("lifetime")),
];

#[test]
fn tokens_of_a_real_server_have_the_right_verdict() -> Result<()> {
    let recorded: Value = serde_json::from_str(TOKENS)?;
    let text = |name: &str| recorded[name].as_str().context("a text").map(str::to_owned);
    let (issuer, audience) = (text("issuer")?, text("audience")?);
    let fixture = Fixture::new()?;
    publish(&fixture)?;
    let tokens = recorded["tokens"].as_object().context("tokens")?;
    assert_eq!(tokens.len(), VERDICTS.len());
    let client_id = &tokens["es256_oauth_client"]["claims"]["client_id"];
    let client_id = client_id.as_str().context("a client id")?;
    for client_ids in [vec![], vec![client_id.to_owned()]] {
        expect(&fixture, &issuer, &audience, &client_ids)?;
        let policy =
            Policy::new(issuer.clone(), audience.clone()).with_client_ids(client_ids.clone());
        for (name, cause) in VERDICTS {
            let cause = cause.filter(|cause| *cause != "client_id" || client_ids.is_empty());
            let token = tokens[name]["token"].as_str().context("a token")?;
            let minted_at = tokens[name]["minted_at"].as_i64().context("a time")?;
            let keys = KeySet::parse(KEY_SET.as_bytes())?;
            let function = policy
                .screen(token, OffsetDateTime::from_unix_timestamp(minted_at)?)
                .and_then(|unverified| unverified.verify(&keys));
            assert_eq!(function.is_ok(), cause.is_none(), "{name}: {function:?}");
            let database = verify_at(&mut fixture.owner()?, token, minted_at)?;
            assert_eq!(database.as_deref(), cause, "{name}");
        }
    }
    Ok(())
}

/// The recorded keys, beside the fixture's own.
fn publish(fixture: &Fixture) -> Result<()> {
    let mut set: Value = serde_json::from_str(KEY_SET)?;
    let keys = set["keys"].as_array_mut().context("keys")?;
    keys.push(fixture.issuer().key().public_jwk());
    fixture
        .issuer()
        .behave(Behaviour::Document(set.to_string()));
    let changes = fixture.sync_keys()?;
    assert_eq!(changes.as_array().map(Vec::len), Some(3), "{changes}");
    Ok(())
}

fn expect(fixture: &Fixture, issuer: &str, audience: &str, client_ids: &[String]) -> Result<()> {
    let settings = json!({
        "issuer": issuer, "audience": audience, "client_ids": client_ids, "platform_agent_id": PLATFORM,
    });
    let sql = "select outcome from gateway.migrate($1, $2::text::jsonb)";
    let attempt = uuid::Uuid::new_v4().to_string();
    let outcome: String = fixture
        .login("migrate")?
        .query_one(sql, &[&attempt, &settings.to_string()])?
        .get(0);
    assert_eq!(outcome, "accepted");
    Ok(())
}

/// The DETAIL of the refusal, or nothing. The verifier is the deployed one, but for its clock.
fn verify_at(owner: &mut Client, token: &str, seconds: i64) -> Result<Option<String>> {
    let source: String = owner
        .query_one(
            "select pg_get_functiondef('auth.verify_token'::regproc)",
            &[],
        )?
        .get(0);
    let mut transaction = owner.transaction()?;
    let clock = "clock_timestamp()";
    assert_eq!(source.matches(clock).count(), 1, "one clock");
    transaction.batch_execute(&source.replace(clock, &format!("to_timestamp({seconds})")))?;
    let Err(refused) = transaction.query_one("select auth.verify_token($1)", &[&token]) else {
        return Ok(None);
    };
    let refused = refused.as_db_error().context("the database has gone")?;
    assert_eq!(refused.code().code(), "OPK02", "{refused}");
    Ok(refused.detail().map(str::to_owned))
}
