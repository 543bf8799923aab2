//! A compromised endpoint: mallory runs SQL as its login, with her own token and without alice's.

use anyhow::Result;
use serde_json::Value;
use tests::issuer::{Algorithm, Key};
use tests::sample_data::{AURORA, PersonClient};
use tests::stack::Stack;

use super::keys;
use super::story::Story;

pub(super) fn play(stack: &Stack, story: &mut Story) -> Result<()> {
    story.act("A compromised endpoint, list-positions, with any SQL it likes");
    let (alice, mallory) = (stack.person("alice")?, stack.person("mallory")?);
    let own = mallory.token();
    let sub = alice.person.sub;

    let stranger = Key::generate(Algorithm::Es256)?.with_kid(stack.issuer().key().kid());
    let forged = stranger.sign(&stranger.header(), &alice.claims());
    story.fact(
        "a token for alice, of a key of one's own",
        &keys::ask(stack, &forged)?,
        "OPK02",
    );

    let mut login = stack.login("list-positions")?.connect()?;
    for (tried, sql) in [
        (
            "reading the accounts",
            "select from capital.account".to_owned(),
        ),
        ("becoming their owner", "set role optkas_owner".to_owned()),
        (
            "remembering a token for alice as verified",
            format!(
                "insert into auth.verified_token
                 values (sha256('x'), '{sub}', 'k', 1, now(), now() + interval '1 hour')"
            ),
        ),
        (
            "registering a key of one's own",
            "insert into auth.signing_key (kid, algorithm) values ('mine', 'ES256')".to_owned(),
        ),
        (
            "another endpoint's function, with a good token",
            format!("select gateway.list_audit('{own}', 10, null)"),
        ),
    ] {
        let result = login.batch_execute(&sql);
        let refusal = result.as_ref().err().and_then(tests::SqlError::as_db_error);
        let came = refusal.map_or("it worked", |error| error.message());
        story.refused(tried, came, refusal.is_some());
    }

    // Every setting of the session says alice; then the login's one function is called with mallory's token.
    login.batch_execute(&format!(
        "begin;
         select set_config('optkas.token', '{sub}', true), set_config('search_path', 'pg_temp', true),
             set_config('optkas.identity', repeat('0', 64) || '(human,{sub},{sub},{},{{maker}})', true)",
        AURORA.id
    ))?;
    let sql = "select body::text from gateway.list_positions($1, null)";
    let seen: String = login.query_one(sql, &[&own])?.get(0);
    login.batch_execute("commit")?;
    let seen: Value = serde_json::from_str(&seen)?;
    let whose = |client: &PersonClient<'_>| -> Result<bool> {
        Ok(client.get("/v1/positions")?.json()["currencies"] == seen["currencies"])
    };
    let whose = match (whose(&alice)?, whose(&mallory)?) {
        (false, true) => "mallory's",
        _ => "somebody else's",
    };
    story.fact(
        "every setting forged, and mallory's own token: positions of",
        whose,
        "mallory's",
    );
    Ok(())
}
