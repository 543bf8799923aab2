//! Attacks as a table: what a superuser does with triggers and foreign keys off, and the finding that shows it.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::fixture::AuditorFixture;

/// Whether a finding of this kind about this table names this column; an empty column stands for any.
pub(super) fn names(said: &Value, kind: &str, table: &str, column: &str) -> bool {
    said["findings"].as_array().is_some_and(|findings| {
        findings.iter().any(|finding| {
            let columns = finding["fields"].as_array();
            finding["kind"] == kind
                && finding["table"] == table
                && (column.is_empty()
                    || columns.is_some_and(|columns| columns.iter().any(|it| it["name"] == column)))
        })
    })
}

/// SQL of a superuser, and the finding that must show it.
pub(super) struct Attack {
    pub(super) what: &'static str,
    pub(super) sql: String,
    /// A query for the first bad index, in the untouched database; empty where the row has no index.
    pub(super) index: String,
    pub(super) kind: &'static str,
    pub(super) table: &'static str,
    pub(super) column: &'static str,
}

/// Does each attack to a copy of the database of its own, and looks for its finding.
pub(super) fn check(fixture: &AuditorFixture, attacks: &[Attack]) -> Result<()> {
    for attack in attacks {
        let answer = fixture.verify_after(&attack.sql).context(attack.what)?;
        let index = match attack.index.as_str() {
            "" => Value::Null,
            sql => json!(fixture.ask(sql)?),
        };
        let said = &answer.said;
        assert_eq!(
            (answer.code, &said["first_bad_index"]),
            (1, &index),
            "{}: {said:#}",
            attack.what
        );
        assert!(
            names(said, attack.kind, attack.table, attack.column),
            "{}: {said:#}",
            attack.what
        );
    }
    Ok(())
}
