//! The keys in force are those that the issuer publishes: registered, retired and brought back by
//! `sync-jwks` alone, each change a commitment; and nobody notices a rotation.

mod log;
mod prune;
mod refusals;
mod register;
mod under_load;

use std::sync::Arc;

use anyhow::{Context, Result};
use postgres::Client;
use serde_json::{Value, json};
use tests::issuer::{Algorithm, Key};
use tests::rig::Rig;

use crate::direct::{barrier, call, quote};
use crate::support::{assert_books, count};

#[test]
fn keys_come_into_force_retire_and_come_back() -> Result<()> {
    let rig = Rig::new()?;
    let first = rig.issuer().key();
    let old = rig.person("alice").token();
    assert_eq!(rig.sync_keys()?, json!([]), "the rig's key is known");

    let second = Arc::new(Key::generate(Algorithm::Es256)?);
    let unknown = second.sign(&second.header(), &rig.person("alice").claims());
    assert_eq!(ask(&rig, &unknown)?, "OPK02 token-refused");
    rig.issuer().announce(Arc::clone(&second));
    assert_eq!(rig.sync_keys()?, json!([change(&second, "in-force")]));
    assert_eq!(
        ask(&rig, &unknown)?,
        "nothing",
        "a standby key is good before it signs"
    );
    assert_eq!(ask(&rig, &old)?, "nothing");

    rig.issuer().promote();
    rig.issuer().drop_old_keys();
    assert_eq!(rig.sync_keys()?, json!([change(&first, "retired")]));
    assert_eq!(ask(&rig, &old)?, "OPK02 token-refused", "remembered or not");
    assert_eq!(ask(&rig, &unknown)?, "nothing");

    rig.issuer().announce(first.clone());
    assert_eq!(rig.sync_keys()?, json!([change(&first, "in-force")]));
    assert_eq!(ask(&rig, &old)?, "nothing", "the key is published again");
    assert_eq!(rig.sync_keys()?, json!([]));
    assert_changes_are_commitments(&rig, 3)
}

#[test]
fn every_kind_of_key_is_registered_by_its_octets() -> Result<()> {
    let rig = Rig::new()?;
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        rig.rotate(Key::generate(algorithm)?)?;
        assert_eq!(
            ask(&rig, &rig.person("alice").token())?,
            "nothing",
            "{algorithm:?}"
        );
    }
    let kinds = "select count(distinct algorithm) from auth.signing_key where retired_at is null";
    assert_eq!(count(&mut rig.admin()?, kinds)?, 3);
    Ok(())
}

/// Two runs at once make each change once: one of them has to try again, and then finds it made.
#[test]
fn two_runs_at_once_register_a_key_once() -> Result<()> {
    let rig = Rig::new()?;
    rig.start(rig.launch("sync-jwks")?.scaled(4, 1))?;
    rig.issuer().announce(Key::generate(Algorithm::EdDsa)?);
    let runs = crate::support::together(4, |_| rig.sync_keys())?;
    let changes: usize = runs
        .iter()
        .filter_map(|run| run.as_array().map(Vec::len))
        .sum();
    assert_eq!(changes, 1, "{runs:?}");
    assert_changes_are_commitments(&rig, 1)
}

/// What the database says of a token: what stopped it, or `nothing`.
fn ask(rig: &Rig, token: &str) -> Result<String> {
    Ok(ask_as(&mut rig.login("list-positions")?, token))
}

fn ask_as(login: &mut Client, token: &str) -> String {
    let sql = call("list-positions", &format!("{}, null", quote(token)));
    barrier(login.simple_query(&sql))
}

fn change(key: &Key, change: &str) -> Value {
    json!({ "kid": key.kid(), "change": change })
}

/// As many commitments of `sync-jwks` as there were changes since the rig began, each with its audit row.
fn assert_changes_are_commitments(rig: &Rig, changes: i64) -> Result<()> {
    // The template's first key is one more.
    let rows = rig.admin()?.query(
        "select l.resource, o.outcome, o.body ->> 'change', a.operation, a.row_key ->> 'kid'
         from ledger.commitment_ledger as l
         join ledger.commitment_outcome as o using (key)
         left join audit.trail as a on a.commitment_key = l.key and a.table_name = 'auth.signing_key'
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
    assert_books(&mut rig.admin()?)
}
