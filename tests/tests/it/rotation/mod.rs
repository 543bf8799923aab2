//! The keys in force are those that the issuer publishes. Only `sync-jwks` registers, retires and restores them, each
//! change under a commitment; a rotation fails no valid request.

mod log;
mod prune;
mod refusals;
mod register;
mod retired;
mod under_load;

use std::sync::Arc;

use anyhow::{Context, Result};
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::issuer::{Algorithm, Key};

use crate::direct::{barrier, call, quote};
use crate::support::{assert_books, count};

#[test]
fn keys_come_into_force_retire_and_come_back() -> Result<()> {
    let fixture = Fixture::new()?;
    let first = fixture.issuer().key();
    let old = fixture.person("alice").token();
    assert_eq!(
        fixture.sync_keys()?,
        json!([]),
        "the fixture's key is known"
    );

    let second = Arc::new(Key::generate(Algorithm::Es256)?);
    let unknown = second.sign(&second.header(), &fixture.person("alice").claims());
    assert_eq!(ask(&fixture, &unknown)?, "OPK02 token-refused");
    fixture.issuer().announce(Arc::clone(&second));
    assert_eq!(fixture.sync_keys()?, json!([change(&second, "in-force")]));
    assert_eq!(
        ask(&fixture, &unknown)?,
        "nothing",
        "a standby key is good before it signs"
    );
    assert_eq!(ask(&fixture, &old)?, "nothing");

    fixture.issuer().promote();
    fixture.issuer().drop_old_keys();
    assert_eq!(fixture.sync_keys()?, json!([change(&first, "retired")]));
    assert_eq!(
        ask(&fixture, &old)?,
        "OPK02 token-refused",
        "remembered or not"
    );
    assert_eq!(ask(&fixture, &unknown)?, "nothing");

    fixture.issuer().announce(first.clone());
    assert_eq!(fixture.sync_keys()?, json!([change(&first, "in-force")]));
    assert_eq!(
        ask(&fixture, &old)?,
        "nothing",
        "the key is published again"
    );
    assert_eq!(fixture.sync_keys()?, json!([]));
    assert_changes_are_commitments(&fixture, 3)
}

#[test]
fn every_kind_of_key_is_registered_by_its_octets() -> Result<()> {
    let fixture = Fixture::new()?;
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        fixture.rotate(Key::generate(algorithm)?)?;
        assert_eq!(
            ask(&fixture, &fixture.person("alice").token())?,
            "nothing",
            "{algorithm:?}"
        );
    }
    let kinds = "select count(distinct algorithm) from auth.signing_key where retired_at is null";
    assert_eq!(count(&mut fixture.admin()?, kinds)?, 3);
    Ok(())
}

/// Two runs at once make each change once: one of them has to try again, and then finds it made.
#[test]
fn two_runs_at_once_register_a_key_once() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.start(fixture.launch("sync-jwks")?.scaled(4, 1))?;
    fixture.issuer().announce(Key::generate(Algorithm::EdDsa)?);
    let runs = crate::support::together(4, |_| fixture.sync_keys())?;
    let changes: usize = runs
        .iter()
        .filter_map(|run| run.as_array().map(Vec::len))
        .sum();
    assert_eq!(changes, 1, "{runs:?}");
    assert_changes_are_commitments(&fixture, 1)
}

/// The barrier that stopped a token in the database, or `nothing`.
fn ask(fixture: &Fixture, token: &str) -> Result<String> {
    Ok(ask_as(&mut fixture.login("list-positions")?, token))
}

fn ask_as(login: &mut Client, token: &str) -> String {
    let sql = call("list-positions", &format!("{}, null", quote(token)));
    barrier(login.simple_query(&sql))
}

fn change(key: &Key, change: &str) -> Value {
    json!({ "kid": key.kid(), "change": change })
}

/// As many commitments of `sync-jwks` as there were changes since the fixture began, each with its audit row.
fn assert_changes_are_commitments(fixture: &Fixture, changes: i64) -> Result<()> {
    // The template's first key is one more change.
    let rows = fixture.admin()?.query(
        "select l.resource, o.outcome, o.body ->> 'change', a.command, a.row_key ->> 'kid'
         from ledger.commitment_ledger as l
         join ledger.commitment_outcome as o using (key)
         left join
             (select c.* from audit.trail as t cross join audit.changes(t) as c) as a
                 on a.commitment_key = l.key and a.table_name = 'auth.signing_key'
         where (l.principal_kind, l.principal_id, l.operation) = ('system', 'sync-jwks', 'sync-jwks')",
        &[],
    )?;
    assert_eq!(i64::try_from(rows.len())?, changes + 1);
    for row in rows {
        let text = |column: usize| row.get::<_, Option<String>>(column).context("no audit row");
        assert_eq!((text(1)?, text(0)?), ("accepted".to_owned(), text(4)?));
        assert!(["in-force", "retired"].contains(&&*text(2)?));
        assert!(["INSERT", "UPDATE"].contains(&&*text(3)?));
    }
    assert_books(&mut fixture.admin()?)
}
