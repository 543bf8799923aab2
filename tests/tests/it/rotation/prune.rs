//! Pruning removes expired tokens only, in bounded batches.

use anyhow::Result;
use serde_json::json;
use tests::fixture::Fixture;

use super::ask;
use crate::support::count;

const REMEMBERED: &str = "select count(*) from auth.verified_token";

#[test]
fn only_expired_tokens_are_pruned() -> Result<()> {
    let fixture = Fixture::new()?;
    let token = fixture.person("alice").token();
    assert_eq!(ask(&fixture, &token)?, "nothing");
    let mut admin = fixture.admin()?;
    // More than two batches have expired; some are within the leeway, and so still in force.
    for (name, rows, ago) in [("expired", 2_500, "1 minute"), ("ending", 10, "-1 minute")] {
        admin.batch_execute(&format!(
            "insert into auth.verified_token (token_sha256, sub, kid, claims_revision, not_before, expires_at)
             select sha256(convert_to('{name} ' || i, 'UTF8')), gen_random_uuid(), k.kid, 1,
                 now() - interval '2 hours', now() - interval '{ago}'
             from generate_series(1, {rows}) as i, auth.signing_key as k where k.retired_at is null"
        ))?;
    }
    let before = count(&mut admin, REMEMBERED)?;
    let pruned = fixture.function("prune-tokens")?.call(&json!({}))?;
    assert_eq!(pruned, json!({ "pruned": 2_500, "more": false }));
    assert_eq!(count(&mut admin, REMEMBERED)?, before - 2_500);
    assert_eq!(
        ask(&fixture, &token)?,
        "nothing",
        "a token in force is remembered"
    );
    let again = fixture.function("prune-tokens")?.call(&json!({}))?;
    assert_eq!(again, json!({ "pruned": 0, "more": false }));
    // The memo is not a record: pruning makes no commitment.
    let commitments =
        "select count(*) from ledger.commitment_ledger where principal_id = 'prune-tokens'";
    assert_eq!(count(&mut admin, commitments)?, 0);
    Ok(())
}

#[test]
fn a_batch_of_pruning_is_bounded() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.admin()?.batch_execute(
        "insert into auth.verified_token (token_sha256, sub, kid, claims_revision, not_before, expires_at)
         select sha256(convert_to(i::text, 'UTF8')), gen_random_uuid(), k.kid, 1,
             now() - interval '2 hours', now() - interval '1 hour'
         from generate_series(1, 5) as i, auth.signing_key as k where k.retired_at is null",
    )?;
    let mut login = fixture.login("prune-tokens")?;
    for (pruned, more) in [(3, true), (2, false), (0, false)] {
        let sql = "select body::text from gateway.prune_tokens(3)";
        let body: String = login.query_one(sql, &[])?.get(0);
        let body: serde_json::Value = serde_json::from_str(&body)?;
        assert_eq!(body, json!({ "pruned": pruned, "more": more }));
    }
    Ok(())
}
