//! The same request a second time: answered, never executed.

use anyhow::Result;
use tests::sample_data::idempotency_key;
use tests::stack::Stack;

use super::life::proposal;
use super::story::Story;
use super::{Sent, Settled};

pub(super) fn play(stack: &Stack, story: &mut Story, settled: &Settled) -> Result<()> {
    story.act("Twice is once");
    let alice = stack.person("alice")?;
    let Sent { key, body } = &settled.created;

    let answer = alice.post("/v1/settlements", key, body)?;
    story.answer(
        "alice sends her proposal again",
        &answer,
        "409 duplicate-request, original accepted 201",
    );
    let entry = answer.json()["commitment_path"]
        .as_str()
        .unwrap_or("/none")
        .to_owned();
    story.answer(
        "… and reads its entry in the ledger",
        &alice.get(&entry)?,
        "200 accepted",
    );

    let answer = alice.post("/v1/settlements", key, &proposal("99"))?;
    story.answer(
        "… and uses its key for another proposal",
        &answer,
        "422 idempotency-key-reused",
    );

    let verify = format!("/v1/settlements/{}/verify", settled.id);
    let refused = idempotency_key();
    story.answer(
        "alice, no checker, verifies",
        &alice.post_empty(&verify, &refused)?,
        "403 role-missing",
    );
    let again = alice.post_empty(&verify, &refused)?;
    story.answer(
        "… and again with the same key",
        &again,
        "409 duplicate-request, original refused 403",
    );

    let answer = stack
        .agent("settle-one")?
        .deliver_text(&settled.completed)?;
    story.answer(
        "settle-one delivers its webhook again",
        &answer,
        "200 duplicate of accepted",
    );
    Ok(())
}
