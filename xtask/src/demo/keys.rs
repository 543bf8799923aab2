//! The issuer's signing keys rotate: tokens go on working, and tokens of a retired or unknown key are refused.

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::http::{Response, Transport as _};
use tests::issuer::{Algorithm, Behaviour, Key};
use tests::sample_data::PersonClient;
use tests::stack::Stack;

use super::story::Story;

pub(super) fn play(stack: &Stack, story: &mut Story) -> Result<()> {
    story.act("The issuer rotates its signing key");
    let before = stack.person("alice")?;
    let old_token = before.token();
    stack.issuer().announce(Key::generate(Algorithm::Es256)?);
    story.fact(
        "a standby key is published, and sync-jwks runs",
        &synced(stack),
        "in-force",
    );
    stack.issuer().promote();
    let alice = stack.person("alice")?;
    let new_token = alice.token();
    let answer = present(stack, &alice, &new_token)?;
    story.answer("alice, with a token of the new key", &answer, "200");
    let answer = present(stack, &alice, &old_token)?;
    story.answer("… and with her token of the old one", &answer, "200");

    stack.issuer().drop_old_keys();
    story.fact(
        "the old key is withdrawn, and sync-jwks runs",
        &synced(stack),
        "retired",
    );
    let answer = present(stack, &alice, &old_token)?;
    story.answer("alice, with her old token", &answer, "401 Unauthorized");
    story.fact(
        "… by SQL, as the login of list-positions",
        &ask(stack, &old_token)?,
        "OPK02",
    );
    story.fact(
        "her new token, the same way",
        &ask(stack, &new_token)?,
        "ok",
    );

    let stranger = Key::generate(Algorithm::Es256)?;
    let document = serde_json::json!({ "keys": [stranger.public_jwk()] });
    stack
        .issuer()
        .behave(Behaviour::Document(document.to_string()));
    story.fact(
        "somebody publishes a key set of his own, and sync-jwks runs",
        &synced(stack),
        "keys-vanished",
    );
    let forged = stranger.sign(&stranger.header(), &alice.claims());
    story.fact(
        "a token of his own making, by SQL",
        &ask(stack, &forged)?,
        "OPK02",
    );
    stack.issuer().behave(Behaviour::Publish);
    Ok(())
}

/// The kinds of changes that a run of sync-jwks made, or the name of its refusal.
fn synced(stack: &Stack) -> String {
    match stack.gateway().invoker().sync_keys() {
        Ok(changes) => {
            let kinds = changes
                .iter()
                .filter_map(|change| change["change"].as_str());
            kinds.collect::<Vec<_>>().join(", ")
        }
        Err(error) => {
            let error = format!("{error:#}");
            let answer = error.find('{').map_or("", |start| &error[start..]);
            let answer: Value = serde_json::from_str(answer).unwrap_or_default();
            answer["errorMessage"].as_str().map_or(error, str::to_owned)
        }
    }
}

fn present(stack: &Stack, person: &PersonClient<'_>, token: &str) -> Result<Response> {
    let request = person
        .request("GET", "/v1/positions")
        .without("authorization");
    stack
        .gateway()
        .send(&request.header("authorization", &format!("Bearer {token}")))
}

/// What the database itself says of a token: the outcome, or the SQLSTATE.
pub(super) fn ask(stack: &Stack, token: &str) -> Result<String> {
    let mut login = stack.login("list-positions")?.connect()?;
    let asked = login.query_one(
        "select outcome from gateway.list_positions($1, null)",
        &[&token],
    );
    match asked {
        Ok(row) => Ok(row.get(0)),
        Err(error) => {
            let refusal = error.as_db_error().context("the database has gone")?;
            Ok(refusal.code().code().to_owned())
        }
    }
}
