//! A key that is retired for ever verifies no token again: neither a published set nor another kid undoes it.

use std::sync::Arc;

use anyhow::Result;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::issuer::{Algorithm, Behaviour, Key};
use tests::lambda::{Answer, Invocation};
use tests::sample_data::PLATFORM;

use super::ask;
use crate::direct::barrier;
use crate::support::{assert_books, count};

#[test]
fn an_operator_retires_a_key_for_ever() -> Result<()> {
    let fixture = Fixture::new()?;
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        fixture.rotate(Key::generate(algorithm)?)?;
        let leaked = fixture.issuer().key();
        let token = fixture.person("alice").token();
        assert_eq!(ask(&fixture, &token)?, "nothing", "{algorithm:?}");

        let retired = retire(&fixture, &leaked)?;
        assert_eq!(retired["kids"], json!([leaked.kid()]), "{retired}");
        assert_eq!(retired["reason"], "operator");
        assert_eq!(
            ask(&fixture, &token)?,
            "OPK02 token-refused",
            "{algorithm:?}"
        );
        // The edge still serves it, and so the function in front accepts it.
        assert_eq!(fixture.person("alice").get("/v1/positions")?.status, 401);
        assert_eq!(
            fixture.sync_keys()?,
            json!([]),
            "a set does not bring it back"
        );

        // Another kid is a new name of the same key, which the issuer never gave: the set is used without it.
        let mut renamed = leaked.public_jwk();
        renamed["kid"] = json!("renamed");
        let mut set = fixture.issuer().jwks();
        set["keys"].as_array_mut().expect("keys").push(renamed);
        fixture
            .issuer()
            .behave(Behaviour::Document(set.to_string()));
        assert_eq!(
            fixture.sync_keys()?,
            json!([]),
            "another kid does not either"
        );
        fixture.issuer().behave(Behaviour::Publish);

        let again = retire(&fixture, &leaked)?;
        assert_eq!(
            again,
            json!({ "thumbprint": thumbprint(&leaked), "changed": false })
        );
    }
    // The next key signs, as if nothing had been.
    fixture.rotate(Key::generate(Algorithm::Es256)?)?;
    assert_eq!(fixture.person("alice").get("/v1/positions")?.status, 200);

    let committed = "select count(*) from (select c.* from audit.trail as t cross join audit.changes(t) as c) as a
        join ledger.commitment_outcome as o on o.key = a.commitment_key and o.outcome = 'accepted'
        where a.table_name = 'auth.retired_key' and a.command = 'INSERT'";
    let mut admin = fixture.admin()?;
    assert_eq!(count(&mut admin, committed)?, 3);
    assert_books(&mut admin)
}

/// Nobody has to wait for the issuer's edge: the key is retired before it is ever registered.
#[test]
fn a_key_that_was_never_registered_can_be_retired() -> Result<()> {
    let fixture = Fixture::new()?;
    let standby = Arc::new(Key::generate(Algorithm::Es256)?);
    assert_eq!(retire(&fixture, &standby)?["kids"], json!([]));
    fixture.issuer().announce(Arc::clone(&standby));
    assert_eq!(fixture.sync_keys()?, json!([]));
    Ok(())
}

#[test]
fn a_key_once_published_with_a_private_member_is_retired_for_ever() -> Result<()> {
    let fixture = Fixture::new()?;
    let exposed = fixture.issuer().key();
    fixture.rotate(Key::generate(Algorithm::Es256)?)?;
    let mut set = fixture.issuer().jwks();
    set["keys"][0]["d"] = json!("AA");
    fixture
        .issuer()
        .behave(Behaviour::Document(set.to_string()));
    let function = fixture.function("sync-jwks")?;
    let Answer::Error(_) = function.invoke(Invocation::new(&json!({})))? else {
        anyhow::bail!("the set is refused whole")
    };
    fixture.issuer().behave(Behaviour::Publish);
    assert_eq!(
        fixture.sync_keys()?,
        json!([]),
        "the set without the member does not help"
    );
    let sql = "select reason from auth.retired_key";
    assert_eq!(
        fixture.admin()?.query_one(sql, &[])?.get::<_, &str>(0),
        "private-members"
    );
    let old = exposed.sign(&exposed.header(), &fixture.person("alice").claims());
    assert_eq!(ask(&fixture, &old)?, "OPK02 token-refused");
    assert_eq!(
        fixture.person("alice").get("/v1/positions")?.status,
        200,
        "the other key"
    );
    Ok(())
}

#[test]
fn a_slip_of_the_pen_retires_nothing_and_says_so() -> Result<()> {
    let fixture = Fixture::new()?;
    let good = thumbprint(&fixture.issuer().key());
    for event in [
        json!({ "retire_key": good[1..] }),
        json!({ "retire_key": fixture.issuer().key().kid() }),
        json!({ "retire-key": good }),
        json!({ "retire_key": [good] }),
    ] {
        let answer = fixture
            .function("sync-jwks")?
            .invoke(Invocation::new(&event))?;
        assert!(matches!(answer, Answer::Error(_)), "{event}");
    }
    assert_eq!(
        count(
            &mut fixture.admin()?,
            "select count(*) from auth.retired_key"
        )?,
        0
    );
    Ok(())
}

/// As the superuser, as the owner, and as other logins.
#[test]
fn nothing_undoes_a_retirement() -> Result<()> {
    let fixture = Fixture::new()?;
    let leaked = fixture.issuer().key();
    fixture.rotate(Key::generate(Algorithm::Es256)?)?;
    retire(&fixture, &leaked)?;
    let mut admin = fixture.admin()?;
    for sql in [
        "update auth.signing_key set retired_at = null",
        "insert into auth.signing_key (kid, algorithm, x, y)
         select 'k2', algorithm, x, y from auth.signing_key where retired_at is not null",
        "delete from auth.retired_key",
        "update auth.retired_key set thumbprint = sha256('x')",
        "truncate auth.retired_key",
    ] {
        let stopped = barrier(admin.batch_execute(sql));
        assert!(stopped.starts_with("OPK04"), "{sql}: {stopped}");
    }
    let call = "select gateway.retire_key('a', sha256('x'), 'operator')";
    for login in ["list-positions", "migrate", "platform-webhook"] {
        let stopped = barrier(fixture.login(login)?.batch_execute(call));
        assert!(stopped.starts_with("42501"), "{login}: {stopped}");
    }
    let mut login = fixture.login("sync-jwks")?;
    for call in [
        "select gateway.retire_key('a', null, 'operator')",
        "select gateway.retire_key('a', sha256('x'), null)",
        "select gateway.retire_key(null, sha256('x'), 'operator')",
        "select gateway.retire_key('a', 'short', 'operator')",
        "select gateway.retire_key('a', sha256('x'), 'whim')",
    ] {
        assert_ne!(barrier(login.batch_execute(call)), "nothing", "{call}");
    }
    assert_eq!(
        count(&mut admin, "select count(*) from auth.retired_key")?,
        1
    );
    Ok(())
}

#[test]
fn what_was_remembered_ends_with_the_issuer_and_the_audience() -> Result<()> {
    let fixture = Fixture::new()?;
    let token = fixture.person("alice").token();
    assert_eq!(ask(&fixture, &token)?, "nothing");
    let mut migrate = fixture.login("migrate")?;
    let issuer = tests::fixture::ISSUER;
    for (issuer, audience, expected) in [
        (
            "https://else.example",
            "authenticated",
            "OPK02 token-refused",
        ),
        (issuer, "authenticated", "nothing"),
        (issuer, "else", "OPK02 token-refused"),
        (issuer, "authenticated", "nothing"),
    ] {
        deploy(&mut migrate, issuer, audience)?;
        assert_eq!(ask(&fixture, &token)?, expected, "{issuer} {audience}");
    }
    Ok(())
}

fn deploy(migrate: &mut Client, issuer: &str, audience: &str) -> Result<()> {
    let settings = json!({
        "issuer": issuer, "audience": audience, "client_ids": [], "platform_agent_id": PLATFORM,
    });
    let attempt = uuid::Uuid::new_v4().to_string();
    migrate.execute(
        "select gateway.migrate($1, $2::text::jsonb)",
        &[&attempt, &settings.to_string()],
    )?;
    Ok(())
}

fn retire(fixture: &Fixture, key: &Key) -> Result<Value> {
    let event = json!({ "retire_key": thumbprint(key) });
    let mut reply = fixture.function("sync-jwks")?.call(&event)?;
    if let Some(reply) = reply.as_object_mut() {
        reply.remove("commitment");
    }
    Ok(reply)
}

/// RFC 7638, written again.
fn thumbprint(key: &Key) -> String {
    let jwk = key.public_jwk();
    let names: &[&str] = match jwk["kty"].as_str() {
        Some("EC") => &["crv", "kty", "x", "y"],
        Some("RSA") => &["e", "kty", "n"],
        _ => &["crv", "kty", "x"],
    };
    let members: Vec<String> = names
        .iter()
        .map(|name| format!("\"{name}\":{}", jwk[*name]))
        .collect();
    let text = format!("{{{}}}", members.join(","));
    URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
}
