//! What is missing is refused. A login calls its gateway functions with each argument null, with a claim that lacks a
//! member, and with events that lack each of their members. The function in front, which checks all of this, is absent.

mod arguments;
mod constraints;
mod events;

use std::collections::BTreeMap;

use anyhow::Result;
use postgres::Client;
use serde_json::Value;
use tests::fixture::Fixture;

use crate::direct::{barrier, read};

/// What became of a call. It is rolled back if it succeeded; a refusal is committed, as the functions commit it.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// Accepted, or a question that was answered.
    Taken,
    /// Refused, with the refusal's name; or stopped, with the barrier.
    Refused(String),
}

fn fate(client: &mut Client, sql: &str) -> Result<Fate> {
    client.batch_execute("begin")?;
    let fate = match client.simple_query(sql) {
        Err(error) => {
            client.batch_execute("rollback")?;
            return Ok(Fate::Refused(barrier(Err::<(), _>(error))));
        }
        Ok(rows) => read(&rows)?,
    };
    if fate.outcome == "refused" {
        client.batch_execute("commit")?;
        return Ok(Fate::Refused(fate.name()));
    }
    client.batch_execute("rollback")?;
    Ok(Fate::Taken)
}

/// The rows of each domain table, condensed. Claims and their outcomes are left out: a refusal is one.
fn domain(fixture: &Fixture) -> Result<BTreeMap<String, String>> {
    let mut admin = fixture.admin()?;
    let tables = admin.query(
        "select oid::regclass::text from pg_class
         where relkind = 'r'
            and relnamespace::regnamespace::text in ('audit', 'capital', 'collateral', 'risk', 'tlog')",
        &[],
    )?;
    let mut all = BTreeMap::new();
    for table in &tables {
        let table: String = table.get(0);
        let sql = format!(
            "select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} as t"
        );
        let rows: String = admin.query_one(&sql, &[])?.get(0);
        all.insert(table, rows);
    }
    assert!(all.len() > 20, "too few tables to be all of them");
    Ok(all)
}

/// A value without the member at that pointer, or with null there.
fn lacking(value: &Value, pointer: &str, absent: bool) -> Value {
    let mut value = value.clone();
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return Value::Null;
    };
    match value.pointer_mut(parent) {
        Some(Value::Object(members)) if absent => {
            members.remove(name);
        }
        Some(Value::Object(members)) => {
            members.insert(name.to_owned(), Value::Null);
        }
        Some(Value::Array(elements)) => {
            if let Some(element) = name.parse().ok().and_then(|at: usize| elements.get_mut(at)) {
                *element = Value::Null;
            }
        }
        _ => {}
    }
    value
}

/// The pointers of all members, at every depth; of an array, those of its elements.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, it)| (name.clone(), it))
            .collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(place, it)| (place.to_string(), it))
            .collect(),
        _ => return,
    };
    for (name, value) in inner {
        let pointer = format!("{at}/{name}");
        all.push(pointer.clone());
        pointers(value, &pointer, all);
    }
}
