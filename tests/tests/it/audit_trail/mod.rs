//! Every change of a domain table leaves one audit row: what changed, who changed it, and under which commitment. Audit
//! rows never change.

mod endpoint;
mod evidence;
mod tampering;

use std::collections::BTreeMap;

use anyhow::Result;
use postgres::Client;
use serde_json::Value;
use tests::fixture::Fixture;
use tests::http::Transport as _;

use crate::collateral::secured_facility::monitor;
use crate::mutations::{accepted, refused};

/// The tables under audit: those that have its trigger.
fn audited(admin: &mut Client) -> Result<Vec<String>> {
    let rows = admin.query("
        select n.nspname || '.' || c.relname
        from pg_trigger as t join pg_class as c on c.oid = t.tgrelid join pg_namespace as n on n.oid = c.relnamespace
        where t.tgfoid = 'audit.record'::regproc
        order by 1", &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// One of every mutation, accepted and refused: the name of each beside its reply.
fn everything(fixture: &Fixture) -> Result<BTreeMap<String, Value>> {
    let mut replies = BTreeMap::new();
    for (prefix, mutations) in [("", accepted(fixture)?), ("refused ", refused(fixture)?)] {
        for mutation in mutations {
            let reply = fixture.send(&mutation.request)?;
            mutation.assert_first(&reply);
            replies.insert(format!("{prefix}{}", mutation.name), reply.json());
        }
    }
    monitor(fixture)?;
    let retired = "select gateway.retire_key('a', sha256('x'), 'operator')";
    fixture.login("sync-jwks")?.execute(retired, &[])?;
    Ok(replies)
}
