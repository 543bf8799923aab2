//! The names of refusals: raised in SQL, known to the database's problems, told in the API's document.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use regex::Regex;
use shared::http::problem::{REFUSALS, Refusal};
use tests::folders;

use super::openapi::OpenApi;
use super::words::texts;
use super::{captures, files, read};

/// The words of every refusal that was ever answered: name, status, title, detail.
const WORDS: &str = include_str!("refusals.txt");

#[test]
fn every_refusal_that_the_sql_raises_is_known_and_documented() -> Result<()> {
    let mut raised = calls(r"(?s)ledger\.(?:refuse|unrecorded)\((.*?)\);")?;
    assert!(raised.len() > 10, "{raised:?}");
    // Refusals of a published key set: no caller of the API ever meets one.
    let of_keys = calls(r"(?s)auth\.refuse_key_set\(_attempt, (.*?)\);")?;
    assert!(!of_keys.is_empty());
    // Reasons in the `problems` of a refusal: never a refusal of their own.
    let mut reasons = calls(r"(?s)ledger\.reason\((.*?)\)")?;
    reasons.extend(of_conditions()?);
    assert!(reasons.len() > 10, "{reasons:?}");
    let all: BTreeSet<String> = [&raised, &of_keys, &reasons]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    // A name that is raised has words, and words without a raise are a leftover.
    let known = REFUSALS.iter().map(|refusal| refusal.name.to_owned());
    assert_eq!(known.collect::<BTreeSet<_>>(), all);

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

/// Whoever kept a reply can hold it to the ledger's entry, which has the name and the members alone.
#[test]
fn the_words_of_a_refusal_never_change() {
    let words: Vec<_> = REFUSALS
        .iter()
        .map(|refusal| {
            let Refusal {
                name,
                status,
                title,
                detail,
            } = refusal;
            format!("{name} {status} {title}: {detail}")
        })
        .collect();
    let missing: Vec<_> = words
        .iter()
        .filter(|line| !WORDS.lines().any(|known| known == *line))
        .collect();
    assert!(
        missing.is_empty(),
        "add the line of a new refusal to lists/refusals.txt, and change none: {missing:#?}"
    );
    for line in WORDS.lines() {
        assert!(words.iter().any(|known| known == line), "changed: {line}");
    }
}

/// The words of members that the SQL has as texts, a list each: the pointer to the document's list, and where the SQL
/// says them.
const MEMBERS: [(&str, &[&str]); 7] = [
    (
        "NotFound/properties/resource",
        &[
            r#"'not-found', '\{"resource": "([a-z]+)"\}'"#,
            r"'not-found', jsonb_build_object\('resource', '([a-z]+)'",
        ],
    ),
    (
        "DateAhead/allOf/1/properties/member",
        &[r"require_past\(\s*\(_data ->> '([a-z_]+)'\)"],
    ),
    (
        "CollateralLimit/allOf/1/properties/of",
        &[r"require_room\(\s*'([a-z ]+)'"],
    ),
    (
        "AgentKindRefusal/allOf/1/properties/member",
        &[r"require_agent\(\w+, '[a-z]+', '([a-z_]+)'\)"],
    ),
    (
        "AgentKindRefusal/allOf/1/properties/required_kind",
        &[r"require_agent\(\w+, '([a-z]+)', "],
    ),
    (
        "AmendmentEffect/properties/cause",
        &[r"then '((?:before|after|not|no|last)-[a-z-]+)'"],
    ),
    (
        "FilingStanding/properties/status",
        &[
            r"\(_standing\)\.\w+[^\n]*\s+then '([a-z]+)'\n",
            r"else '([a-z]+)'\n    end,\n    'terminated_on'",
        ],
    ),
];

#[test]
fn the_words_of_members_are_those_that_the_sql_says() -> Result<()> {
    let schemas = &OpenApi::published()?.0["components"]["schemas"];
    let sql = sql()?;
    for (pointer, patterns) in MEMBERS {
        let mut said = BTreeSet::new();
        for pattern in patterns {
            let pattern = Regex::new(pattern)?;
            for text in &sql {
                let found = pattern.captures_iter(text);
                said.extend(found.map(|found| found[1].to_owned()));
            }
        }
        let listed = schemas.pointer(&format!("/{pointer}/enum"));
        assert_eq!(texts(listed.context(pointer)?), said, "{pointer}");
    }
    Ok(())
}

/// The names in every call that refuses, those that a `case` chooses between included.
fn calls(pattern: &str) -> Result<BTreeSet<String>> {
    let calls = Regex::new(pattern)?;
    let names = Regex::new(r"(?:^\s*|then |else )'([a-z-]+)'")?;
    let mut all = BTreeSet::new();
    for text in sql()? {
        let arguments = calls.captures_iter(&text).filter_map(|call| call.get(1));
        let found = arguments.flat_map(|argument| names.captures_iter(argument.as_str()));
        all.extend(found.map(|name| name[1].to_owned()));
    }
    Ok(all)
}

/// The conditions of what a settlement's collateral must hold to, each with the name of its reason.
fn of_conditions() -> Result<BTreeSet<String>> {
    let condition = Regex::new(r"(?m)^\s+\(\d+, '([a-z-]+)', r\.")?;
    let mut all = BTreeSet::new();
    for text in sql()? {
        all.extend(
            condition
                .captures_iter(&text)
                .map(|found| found[1].to_owned()),
        );
    }
    Ok(all)
}

/// The texts of all SQL files.
pub(super) fn sql() -> Result<Vec<String>> {
    let mut texts = Vec::new();
    let mut folders = vec![folders::workspace().join("migrations")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sql") {
                texts.push(std::fs::read_to_string(path)?);
            }
        }
    }
    Ok(texts)
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
