//! The frame of every mutation in SQL: claim, effect, refusal, outcome. Its copies are one text.

use std::collections::BTreeSet;

use anyhow::Result;
use generate::Kind;
use regex::Regex;

use super::read;
use crate::endpoints::TABLE;

/// A key that is known ends the call before the effect begins.
const BEFORE: &str = "    if known.outcome is not null then
        return known;
    end if;

    begin
";

/// Refusals alone are answered, by their own SQLSTATE: more would commit a serialization failure as a refusal. A lost
/// race may be caught to be raised again with a lane, and for nothing else.
const AFTER: &str = r"    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger\.conclude_refused(_report)?\((allocator|lead), refusal, members(, _event_type, \w+)?\);
(?:        when serialization_failure or deadlock_detected then
            perform ledger\.send_to_lane\([^;]+\);
)?    end;
    return ledger\.conclude\('accepted', 20[01], (allocator|lead), ";

/// Its effect is computed outside: it answers the inputs first, and claims only to record.
const OF_ANOTHER_FORM: &str = "create-risk-run";

#[test]
fn the_frame_of_every_mutation_is_one_text() -> Result<()> {
    let after = Regex::new(AFTER)?;
    let mutations = TABLE
        .functions
        .iter()
        .filter(|function| function.writes && function.kind != Kind::Job);
    let mut files = BTreeSet::new();
    for function in mutations.filter(|function| function.name != OF_ANOTHER_FORM) {
        let file = match &*function.name {
            "escrow-webhook" | "settlement-webhook" => {
                "migrations/functions/capital/report.sql".to_owned()
            }
            name => format!("migrations/gateway/{}.sql", name.replace('-', "_")),
        };
        files.insert((file, function.kind == Kind::Agent));
    }
    assert!(files.len() >= 8, "{files:?}");
    for (file, is_agents) in files {
        let text = read(&file)?;
        assert_eq!(text.matches(BEFORE).count(), 1, "{file}: before the effect");
        let ends: Vec<_> = after.captures_iter(&text).collect();
        assert_eq!(ends.len(), 1, "{file}: after the effect");
        // What an agent reported may have happened: its refusal is recorded with the report.
        let parts = [ends[0].get(1), ends[0].get(3)].map(|part| part.is_some());
        assert_eq!(parts, [is_agents; 2], "{file}: a report is kept");
        assert_eq!(
            ends[0][2], ends[0][4],
            "{file}: refused and accepted belong to the same allocator"
        );
    }
    Ok(())
}

#[test]
fn no_function_catches_every_error() -> Result<()> {
    let every = Regex::new(r"(?i)\bwhen\s+others\s+then\b")?;
    for text in super::refusals::sql()? {
        assert!(!every.is_match(&text), "{text:.200}");
    }
    Ok(())
}
