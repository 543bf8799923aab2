//! The names of refusals: raised in SQL, known to the database's problems, told in the API's document.

use std::collections::BTreeSet;

use anyhow::Result;
use regex::Regex;
use tests::fixture::Fixture;
use tests::folders;

use super::{captures, files, read};

#[test]
fn every_refusal_that_the_sql_raises_is_known_and_documented() -> Result<()> {
    let mut raised = calls(r"(?s)ledger\.(?:refuse|unrecorded)\((.*?)\);")?;
    assert!(raised.len() > 10, "{raised:?}");
    // Refusals of a published key set: no caller of the API ever meets one.
    let of_keys = calls(r"(?s)auth\.refuse_key_set\(_attempt, (.*?)\);")?;
    assert!(!of_keys.is_empty());
    // Reasons in the `problems` of a refusal: never a refusal of their own.
    let reasons = reasons()?;
    assert!(reasons.len() > 10, "{reasons:?}");
    let all: BTreeSet<String> = [&raised, &of_keys, &reasons]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    for name in &all {
        let problem = admin
            .query_one("select ledger.problem($1)->>'type'", &[name])?
            .get::<_, String>(0);
        assert_eq!(problem, format!("urn:optkas:problem:{name}"));
    }
    let unknown = admin.query_one("select ledger.problem('no-such-refusal')", &[]);
    assert!(unknown.is_err(), "an unknown name is a programmer's error");

    // What the database knows of but never raises is a leftover.
    assert_eq!(
        captures(
            "migrations/0015_collateral.sql",
            r"(?m)^\s+\('([a-z-]+)', \d{3}, '"
        )?,
        all
    );
    // Of the signer, which nobody calls.
    assert!(raised.remove("tlog-mismatch"));
    let of_rust = captures_below("shared/src/http/problem", r#"own\(\s*\d{3},\s*"([a-z-]+)""#)?;
    assert!(of_rust.contains("invalid-request"), "{of_rust:?}");
    let known: BTreeSet<String> = [&raised, &of_rust, &reasons]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    assert_eq!(
        captures("docs/openapi.yaml", r"urn:optkas:problem:([a-z-]+)")?,
        known
    );
    let guide = read("docs/API.md")?;
    let untold: Vec<_> = raised
        .iter()
        .filter(|name| !guide.contains(&format!("`{name}`")))
        .collect();
    assert!(untold.is_empty(), "docs/API.md does not tell of {untold:?}");
    Ok(())
}

/// The names in every call that refuses, those that a `case` chooses between included.
fn calls(pattern: &str) -> Result<BTreeSet<String>> {
    let calls = Regex::new(pattern)?;
    let names = Regex::new(r"(?:^|then |else )'([a-z-]+)'")?;
    let mut all = BTreeSet::new();
    for folder in ["migrations", "migrations/gateway"] {
        for name in files(folder, ".sql")? {
            let text = read(&format!("{folder}/{name}.sql"))?;
            let arguments = calls.captures_iter(&text).filter_map(|call| call.get(1));
            let found = arguments.flat_map(|argument| names.captures_iter(argument.as_str()));
            all.extend(found.map(|name| name[1].to_owned()));
        }
    }
    Ok(all)
}

/// What a settlement's collateral can lack: problems that are made, or looked up by a name in a list of conditions.
fn reasons() -> Result<BTreeSet<String>> {
    let file = "migrations/0016_collateral_base.sql";
    let mut all = captures(file, r"ledger\.problem\(\s*'([a-z-]+)'")?;
    all.extend(captures(file, r"(?m)^\s+\(\d, '([a-z-]+)', r\.")?);
    Ok(all)
}

/// In a module that may be one file or a folder of them.
fn captures_below(module: &str, pattern: &str) -> Result<BTreeSet<String>> {
    let mut text = read(&format!("{module}.rs")).unwrap_or_default();
    if folders::workspace().join(module).is_dir() {
        for name in files(module, ".rs")? {
            text.push_str(&read(&format!("{module}/{name}.rs"))?);
        }
    }
    Ok(Regex::new(pattern)?
        .captures_iter(&text)
        .map(|found| found[1].to_owned())
        .collect())
}
