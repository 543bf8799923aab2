//! Refused requests: people without the role or the right allocator, false tokens and false signatures.

use anyhow::{Context, Result};
use serde_json::json;
use tests::http::Transport as _;
use tests::issuer::{Algorithm, Key, unsigned};
use tests::sample_data::{Agent, PersonClient, USD_FACILITY, delivery, idempotency_key};
use tests::stack::Stack;

use super::Settled;
use super::life::proposal;
use super::story::Story;

/// Leaves a settlement that is still PENDING.
pub(super) fn play(stack: &Stack, story: &mut Story, settled: &Settled) -> Result<String> {
    story.act("Not everybody may");
    let dave = stack.person("dave")?;
    let answer = dave.post("/v1/settlements", &idempotency_key(), &proposal("100000"))?;
    story.answer(
        "dave, maker and checker, proposes USD 1,000.00",
        &answer,
        "201 PENDING",
    );
    let pending = answer.json()["id"]
        .as_str()
        .context("a settlement has an id")?
        .to_owned();
    let answer = dave.post_empty(
        &format!("/v1/settlements/{pending}/verify"),
        &idempotency_key(),
    )?;
    story.answer("… and verifies it himself", &answer, "409 four-eyes");

    let answer =
        stack
            .person("carol")?
            .post("/v1/settlements", &idempotency_key(), &proposal("100"))?;
    story.answer("carol, viewer, proposes", &answer, "403 role-missing");
    too_much(stack, story)?;
    let answer = stack
        .person("mallory")?
        .get(&format!("/v1/settlements/{}", settled.id))?;
    story.answer(
        "mallory of another allocator looks at alice's settlement",
        &answer,
        "404 not-found",
    );

    story.act("Not everybody is");
    tokens(stack, story)?;
    webhooks(stack, story, &pending)?;
    Ok(pending)
}

fn too_much(stack: &Stack, story: &mut Story) -> Result<()> {
    let answer = stack.person("alice")?.post(
        "/v1/settlements",
        &idempotency_key(),
        &proposal("2000000000"),
    )?;
    story.answer(
        "alice proposes USD 20,000,000.00, more than there is",
        &answer,
        "201 PENDING",
    );
    let id = answer.json()["id"]
        .as_str()
        .context("a settlement has an id")?
        .to_owned();
    let answer = stack
        .person("bob")?
        .post_empty(&format!("/v1/settlements/{id}/verify"), &idempotency_key())?;
    story.answer("… and bob verifies it", &answer, "409 insufficient-capital");
    Ok(())
}

fn tokens(stack: &Stack, story: &mut Story) -> Result<()> {
    let alice = stack.person("alice")?;
    let key = stack.issuer().key();
    let stranger = Key::generate(Algorithm::Es256)?.with_kid(key.kid());
    let mut expired = alice.claims();
    expired["iat"] = json!(1_700_000_000);
    expired["exp"] = json!(1_700_003_600);
    for (tried, token) in [
        (
            "a token signed with another key under alice's key id",
            stranger.sign(&key.header(), &alice.claims()),
        ),
        (
            "a token without a signature, \"alg\": \"none\"",
            unsigned(&json!({ "alg": "none", "kid": key.kid() }), &alice.claims()),
        ),
        (
            "alice's token of long ago",
            key.sign(&key.header(), &expired),
        ),
    ] {
        story.answer(
            tried,
            &with_token(stack, &alice, &token)?,
            "401 Unauthorized",
        );
    }
    let request = alice
        .request("GET", "/v1/positions")
        .without("authorization");
    story.answer(
        "no token at all",
        &stack.gateway().send(&request)?,
        "401 Unauthorized",
    );
    Ok(())
}

fn with_token(
    stack: &Stack,
    person: &PersonClient<'_>,
    token: &str,
) -> Result<tests::http::Response> {
    let request = person
        .request("GET", "/v1/positions")
        .without("authorization");
    stack
        .gateway()
        .send(&request.header("authorization", &format!("Bearer {token}")))
}

fn webhooks(stack: &Stack, story: &mut Story, pending: &str) -> Result<()> {
    let escrow = stack.agent("escrow-one")?.agent;
    let event = delivery(
        "escrow.funded",
        &json!({
            "settlement_id": pending,
            "facility_id": USD_FACILITY.id.to_string(),
            "amount_minor": "100000",
            "currency": USD_FACILITY.currency,
        }),
    );
    let body = event.to_string();
    let forger = Agent {
        secret: escrow.scheme.generate_secret(),
        ..escrow.clone()
    };
    story.answer(
        "a webhook of escrow-one signed with a guessed secret",
        &stack.gateway().send(&forger.sign(&body))?,
        "401 Unauthorized",
    );

    let altered = escrow.sign(&body).body(body.replace("100000", "900000"));
    story.answer(
        "a webhook of escrow-one altered on its way",
        &stack.gateway().send(&altered)?,
        "401 Unauthorized",
    );

    let id = event["id"].as_str().unwrap_or_default();
    let stale = escrow.sign_with(body.as_bytes(), id, "1700000000");
    story.answer(
        "a webhook of escrow-one recorded long ago",
        &stack.gateway().send(&stale)?,
        "401 Unauthorized",
    );

    story.answer(
        "the real one, before bob has verified",
        &stack.gateway().send(&escrow.sign(&body))?,
        "409 illegal-transition",
    );
    Ok(())
}
