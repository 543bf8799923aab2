//! The register of keys: a kid names one key for ever, even for a superuser who switches no trigger off.

use anyhow::Result;
use tests::fixture::Fixture;

use crate::direct::barrier;

#[test]
fn a_kid_names_one_key_for_ever() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    for (sql, expected) in [
        ("update auth.signing_key set kid = 'k2'", "OPK04"),
        ("update auth.signing_key set x = y, y = x", "OPK04"),
        ("update auth.signing_key set registered_at = now()", "OPK04"),
        (
            "update auth.signing_key set retired_at = 'epoch'",
            "23514 signing_key_retired_at_later",
        ),
        ("delete from auth.signing_key", "OPK04"),
        ("truncate auth.signing_key cascade", "OPK04"),
        (
            "insert into auth.signing_key (kid, algorithm, x, y)
             select 'k2', algorithm, y, x from auth.signing_key",
            "23514 signing_key_algorithm_members",
        ),
        (
            "insert into auth.signing_key (kid, algorithm, x)
             select 'k2', algorithm, x from auth.signing_key",
            "23514 signing_key_algorithm_members",
        ),
        (
            "insert into auth.signing_key (kid, algorithm, x, y)
             select 'k2', 'HS256', x, y from auth.signing_key",
            "23514 signing_key_algorithm_members",
        ),
        (
            r"insert into auth.signing_key (kid, algorithm, n, e) values ('k2', 'RS256', '\x80', '\x010001')",
            "23514 signing_key_algorithm_members",
        ),
        (
            "insert into auth.signing_key (kid, algorithm) values ('k2', 'EdDSA')",
            "23514 signing_key_algorithm_members",
        ),
        (
            "insert into auth.signing_key (kid, algorithm, x, y)
             select repeat('k', 256), algorithm, x, y from auth.signing_key",
            "23514 signing_key_kid_length",
        ),
        (
            "insert into auth.signing_key (kid, algorithm, x, y)
             select kid, algorithm, x, y from auth.signing_key",
            "23505 signing_key_pkey",
        ),
        // This row is correct, but lacks a commitment.
        (
            "update auth.signing_key set retired_at = clock_timestamp()",
            "OPK04 change-without-claim",
        ),
    ] {
        let stopped = barrier(admin.batch_execute(sql));
        assert!(stopped.starts_with(expected), "{sql}: {stopped}");
    }
    Ok(())
}

#[test]
fn even_the_owner_registers_no_key() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut owner = fixture.owner()?;
    let copy = "insert into auth.signing_key (kid, algorithm, x, y)
                select 'k2', algorithm, x, y from auth.signing_key";
    let stopped = barrier(owner.batch_execute(copy));
    assert!(
        stopped.starts_with("42501 new row violates row-level security"),
        "{stopped}"
    );
    assert_eq!(
        owner.execute("update auth.signing_key set retired_at = now()", &[])?,
        0
    );
    let issuer = "update auth.expected_claims set issuer = 'https://mine.example'";
    assert_eq!(owner.execute(issuer, &[])?, 0);
    Ok(())
}
