//! Within one session: second tokens, savepoints, errors, names that shadow, and the next transaction.

use anyhow::Result;
use tests::deployment::login;
use tests::issuer::{Algorithm, Key};
use tests::sample_data::{AURORA, BOREALIS};

use super::fixture::{AttackFixture, shown};
use crate::direct::{barrier, call, quote};

const FUNCTION: &str = "list-positions";

#[test]
fn an_error_keeps_the_identity_that_was_set_before_it() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let mut client = fixture.base.login(FUNCTION)?;
    let own = positions(&fixture.own());
    for (what, bad) in &fixture.useless {
        client.batch_execute(&format!("begin; {own}; savepoint s"))?;
        assert_eq!(
            barrier(client.batch_execute(&positions(bad))),
            "OPK02 token-refused",
            "{what}"
        );
        client.batch_execute("rollback to s")?;
        assert!(is_mallorys(&shown(&mut client)?), "{what}");
        // An exception handler is a savepoint too.
        client.batch_execute(&format!(
            "do $do$ begin perform gateway.list_positions({bad}, null); exception when others then null; end $do$"
        ))?;
        assert!(is_mallorys(&shown(&mut client)?), "{what}, caught");
        client.batch_execute("commit")?;
        assert_eq!(
            shown(&mut client)?,
            [""; 0],
            "the next transaction has no identity"
        );
    }
    Ok(())
}

#[test]
fn the_last_token_of_a_transaction_counts() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let mut client = fixture.base.login(FUNCTION)?;
    // Both tokens are in force and pass through this endpoint: each may be used, one at a time.
    let hers = positions(&quote(&fixture.base.person("alice").token()));
    let own = positions(&fixture.own());
    client.batch_execute(&format!("begin; {hers}; {own}"))?;
    assert!(is_mallorys(&shown(&mut client)?));
    client.batch_execute("commit")?;
    assert_eq!(shown(&mut client)?, [""; 0]);
    // Settings made by the session are replaced when a token is presented.
    let planted = quote(&fixture.base.person("alice").token());
    client.batch_execute(&format!(
        "select set_config('optkas.token', {planted}, false)"
    ))?;
    client.batch_execute(&format!("begin; {own}"))?;
    assert!(is_mallorys(&shown(&mut client)?));
    client.batch_execute("rollback")?;
    Ok(())
}

#[test]
fn objects_that_a_session_creates_shadow_nothing() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let mut admin = fixture.base.admin()?;
    let database = fixture.base.database().name();
    // No login may have temporary objects; here it may, and they do not help.
    admin.batch_execute(&format!(
        "grant temporary on database {database} to {}",
        login(FUNCTION)
    ))?;
    let forged = Key::generate(Algorithm::Es256)?.with_kid(fixture.base.issuer().key().kid());
    for shadow in [
        "create temp table verified_token (token_sha256 bytea, sub uuid); create temp table signing_key (kid text);
         create temp table settlement (allocator_id uuid)",
        "create type pg_temp.uuid as enum ('x'); create type pg_temp.text as enum ('x');
         create type pg_temp.bytea as enum ('x')",
        "create type pg_temp.json as enum ('x'); create type pg_temp.timestamptz as enum ('x')",
        "create function pg_temp.sha256(pg_catalog.bytea) returns pg_catalog.bytea
         language sql return pg_catalog.decode('00', 'hex')",
        "create function pg_temp.eq(pg_catalog.bytea, pg_catalog.bytea) returns boolean language sql return true;
         create operator pg_temp.= (leftarg = pg_catalog.bytea, rightarg = pg_catalog.bytea, function = pg_temp.eq)",
        "set search_path = pg_temp, pg_catalog",
        "set datestyle = 'German'; set extra_float_digits = -15; set bytea_output = 'escape'",
        "set timezone = 'Pacific/Kiritimati'; set plan_cache_mode = force_generic_plan",
    ] {
        let mut client = fixture.base.login(FUNCTION)?;
        client.batch_execute(shadow)?;
        assert_eq!(shown(&mut client)?, [""; 0], "{shadow}");
        // A fresh token: verified under these names, not only looked up.
        client.batch_execute(&format!("begin; {}", positions(&fixture.own())))?;
        assert!(is_mallorys(&shown(&mut client)?), "{shadow}");
        client.batch_execute("rollback")?;
        let token = forged.sign(&forged.header(), &fixture.base.person("alice").claims());
        let stopped = barrier(client.batch_execute(&positions(&quote(&token))));
        assert_eq!(stopped, "OPK02 token-refused", "{shadow}");
    }
    let mut client = fixture.base.login(FUNCTION)?;
    client.batch_execute("set row_security = off")?;
    let stopped = barrier(client.batch_execute(&positions(&fixture.own())));
    assert!(
        stopped.starts_with("42501 query would be affected by row-level security"),
        "{stopped}"
    );
    Ok(())
}

#[test]
fn an_identity_ends_with_its_token_and_key_even_within_a_transaction() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let set_age = |age: &str| {
        fixture.base.owner()?.batch_execute(&format!(
            "create or replace function auth.transaction_age_max() returns interval
             language sql immutable parallel safe return interval '{age}'"
        ))?;
        anyhow::Ok(())
    };
    // The rotation between may take as long as it likes.
    set_age("1 hour")?;
    let mut old = fixture.base.login(FUNCTION)?;
    // The token is remembered beforehand: a transaction that writes nothing is not aborted with 40001.
    let own = positions(&fixture.own());
    old.batch_execute(&own)?;
    // A snapshot from before the retirement does not see it; the transaction's age ends the identity.
    old.batch_execute(&format!("begin; {own}"))?;
    assert!(is_mallorys(&shown(&mut old)?));
    fixture.base.rotate(Key::generate(Algorithm::Es256)?)?;
    fixture.base.issuer().drop_old_keys();
    fixture.base.sync_keys()?;
    let mut new = fixture.base.login(FUNCTION)?;
    assert_eq!(barrier(new.batch_execute(&own)), "OPK02 token-refused");
    assert!(is_mallorys(&shown(&mut old)?), "the old snapshot, for now");
    set_age("1 ms")?;
    old.batch_execute("select pg_sleep(0.01)")?;
    assert_eq!(shown(&mut old)?, [""; 0]);
    assert_eq!(
        barrier(old.batch_execute(&positions(&fixture.own()))),
        "OPK04 transaction-too-old"
    );
    Ok(())
}

fn positions(token: &str) -> String {
    call(FUNCTION, &format!("{token}, null"))
}

fn is_mallorys(seen: &[String]) -> bool {
    let has = |id: &str| seen.iter().any(|seen| seen == id);
    has(&BOREALIS.id.to_string()) && !has(&AURORA.id.to_string())
}
