//! Every table x every role x read and write, by SQL.

use std::collections::BTreeSet;

use anyhow::Result;
use postgres::Client;
use tests::deployment::{SCHEMAS, functions, login};
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, BOREALIS};

use super::everything;
use crate::direct::{barrier, quote};
use crate::support::count;

/// Tables that the auditor may not read: the history of deployments, the memo of people's tokens, the key of seals, and
/// people's names.
const UNAUDITED: [&str; 5] = [
    "auth.seal_key",
    "auth.verified_token",
    "capital.member_name",
    "deploy.present",
    "deploy.schema_history",
];

/// Tables without an allocator: the deployment's settings and history, the logins, the issuer's public keys, the key of
/// seals, which no login reads, and the log, which is published.
const NOBODYS: [&str; 16] = [
    "auth.expected_claims",
    "auth.login",
    "auth.retired_key",
    "auth.seal_key",
    "auth.signing_key",
    "deploy.present",
    "deploy.schema_history",
    "tlog.anchor",
    "tlog.anchor_intent",
    "tlog.anchor_transaction",
    "tlog.checkpoint",
    "tlog.entry",
    "tlog.epoch",
    "tlog.horizon",
    "tlog.node",
    "tlog.turn",
];

struct Table {
    name: String,
    /// A column for an UPDATE to name.
    column: String,
    has_allocator: bool,
}

impl Table {
    fn writes(&self) -> [(&'static str, String); 4] {
        let Self { name, column, .. } = self;
        [
            ("insert", format!("insert into {name} default values")),
            ("update", format!("update {name} set {column} = {column}")),
            ("delete", format!("delete from {name}")),
            ("truncate", format!("truncate {name} cascade")),
        ]
    }
}

/// All tables but the lanes, which have no rows: `crate::lanes` is about these.
fn tables(admin: &mut Client) -> Result<Vec<Table>> {
    let rows = admin.query(&format!("
        select n.nspname || '.' || c.relname,
            (select a.attname::text from pg_attribute as a
                where a.attrelid = c.oid and a.attnum > 0 and a.attgenerated = '' and a.attidentity = ''
                order by a.attnum limit 1),
            exists (select from pg_attribute as a where a.attrelid = c.oid and a.attname = 'allocator_id')
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in {SCHEMAS} and n.nspname <> 'lane' and c.relkind in ('r', 'p')
            and c.oid <> 'deploy.turn'::regclass
        order by 1"), &[])?;
    let tables: Vec<Table> = rows
        .iter()
        .map(|row| Table {
            name: row.get(0),
            column: row.get(1),
            has_allocator: row.get(2),
        })
        .collect();
    assert!(tables.len() >= 15, "the query finds the tables");
    Ok(tables)
}

#[test]
fn no_login_reads_or_writes_a_table() -> Result<()> {
    let fixture = Fixture::new()?;
    let tables = tables(&mut fixture.admin()?)?;
    for function in functions()? {
        let mut client = fixture.login(&function)?;
        for table in &tables {
            let read = ("select", format!("select from {}", table.name));
            for (verb, statement) in table.writes().into_iter().chain([read]) {
                let stopped = barrier(client.batch_execute(&statement));
                assert!(
                    stopped.starts_with("42501 permission denied for "),
                    "{} {verb} {}: {stopped}",
                    login(&function),
                    table.name
                );
            }
        }
    }
    Ok(())
}

#[test]
fn the_auditor_reads_the_evidence_and_changes_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let mut admin = fixture.admin()?;
    let tables = tables(&mut admin)?;
    let mut auditor = fixture.admin()?;
    auditor.batch_execute("set session authorization optkas_auditor")?;
    for table in &tables {
        let sql = format!("select count(*) from {}", table.name);
        if UNAUDITED.contains(&&*table.name) {
            let stopped = barrier(auditor.batch_execute(&sql));
            assert!(
                stopped.starts_with("42501 permission denied"),
                "{}: {stopped}",
                table.name
            );
        } else {
            let (seen, there) = (count(&mut auditor, &sql)?, count(&mut admin, &sql)?);
            let empty = table.name.starts_with("tlog.");
            assert!(
                seen == there && (there > 0 || empty),
                "{}: the auditor sees {seen} of {there}",
                table.name
            );
        }
        for (verb, statement) in table.writes() {
            let stopped = barrier(auditor.batch_execute(&statement));
            assert!(
                stopped.starts_with("42501 permission denied"),
                "{verb} {}: {stopped}",
                table.name
            );
        }
    }
    Ok(())
}

#[test]
fn the_owner_without_an_identity_sees_and_changes_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let (mut admin, mut owner) = (fixture.admin()?, fixture.owner()?);
    for table in tables(&mut admin)?
        .iter()
        .filter(|table| !NOBODYS.contains(&&*table.name))
    {
        let sql = format!("select count(*) from {}", table.name);
        let before = count(&mut admin, &sql)?;
        assert!(before > 0, "{}: nothing to see proves nothing", table.name);
        assert_eq!(count(&mut owner, &sql)?, 0, "{}", table.name);
        for (verb, statement) in table.writes() {
            let stopped = barrier(owner.batch_execute(&statement));
            let expected = match (verb, &*table.name) {
                // A row of any allocator may be inserted, but only under a commitment.
                ("insert", "audit.trail") => "23502",
                ("insert", _) => "42501 new row violates row-level security policy",
                ("truncate", _) => "OPK04",
                // No row is visible, so no row changes. Append-only tables refuse before they look.
                _ if stopped == "nothing" => "nothing",
                _ => "OPK04",
            };
            assert!(
                stopped.starts_with(expected),
                "{verb} {}: {stopped}, not {expected}",
                table.name
            );
        }
        assert_eq!(count(&mut admin, &sql)?, before, "{}", table.name);
    }
    Ok(())
}

#[test]
fn the_owner_with_an_identity_sees_and_changes_only_that_allocators_rows() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let mut admin = fixture.admin()?;
    let tables = tables(&mut admin)?;
    for (person, own, others) in [
        ("alice", AURORA.id, BOREALIS.id),
        ("mallory", BOREALIS.id, AURORA.id),
    ] {
        let mut owner = fixture.owner()?;
        let present = format!(
            "begin isolation level serializable; select auth.authenticate_member({})",
            quote(&fixture.person(person).token())
        );
        for table in tables.iter().filter(|table| table.has_allocator) {
            let count_of = |filter: &str| {
                format!(
                    "select count(*) from {} where allocator_id {filter}",
                    table.name
                )
            };
            assert!(
                count(&mut admin, &count_of(&format!("= '{others}'")))? > 0,
                "{}: a stranger has rows here",
                table.name
            );
            owner.batch_execute(&present)?;
            let visible = count(&mut owner, &count_of(&format!("= '{own}'")))?;
            assert!(visible > 0, "{person} sees own rows of {}", table.name);
            assert_eq!(
                count(&mut owner, &count_of(&format!("is distinct from '{own}'")))?,
                0,
                "{person} sees {}",
                table.name
            );
            owner.batch_execute("rollback")?;
            for (verb, statement) in [
                (
                    "update",
                    format!(
                        "update {} set {1} = {1} where allocator_id = '{others}'",
                        table.name, table.column
                    ),
                ),
                (
                    "delete",
                    format!("delete from {} where allocator_id = '{others}'", table.name),
                ),
            ] {
                owner.batch_execute(&present)?;
                match owner.execute(&statement, &[]) {
                    Ok(rows) => assert_eq!(rows, 0, "{person} {verb} {}", table.name),
                    refused => assert!(
                        barrier(refused).starts_with("OPK04"),
                        "{person} {verb} {}",
                        table.name
                    ),
                }
                owner.batch_execute("rollback")?;
            }
        }
    }
    Ok(())
}

/// Rows of the ledger have no allocator: an entry is visible with its outcome, or to the principal that claimed it.
#[test]
fn the_ledger_shows_an_allocator_only_its_own_commitments() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let mallory = fixture.person("mallory");
    let keys = "select encode(key, 'hex') from ledger.commitment_ledger";
    let expected = fixture.admin()?.query(
        &format!(
            "{keys} join ledger.commitment_outcome using (key) where allocator_id = '{}'",
            BOREALIS.id
        ),
        &[],
    )?;
    let mut owner = fixture.owner()?;
    owner.batch_execute(&format!(
        "begin isolation level serializable; select auth.authenticate_member({})",
        quote(&mallory.token())
    ))?;
    let visible = owner.query(keys, &[])?;
    let set = |rows: &[postgres::Row]| {
        rows.iter()
            .map(|row| row.get(0))
            .collect::<BTreeSet<String>>()
    };
    assert!(!set(&expected).is_empty());
    assert_eq!(set(&visible), set(&expected));
    Ok(())
}
