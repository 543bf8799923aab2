//! The trail as its allocator reads it: every entry of its own, once, newest first, at any page size.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, BOREALIS, USD_FACILITY};

use super::everything;
use crate::direct::Direct;
use crate::isolation::proposed;

/// Follows the cursors from the first page to the last; something happens between any two pages.
fn pages(
    fixture: &Fixture,
    person: &str,
    limit: usize,
    mut meanwhile: impl FnMut() -> Result<()>,
) -> Result<Vec<Value>> {
    let person = fixture.person(person);
    let mut entries = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = person.get(&format!("/v1/audit?limit={limit}{cursor}"))?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let own = page["data"].as_array().context("entries")?;
        assert!(own.len() <= limit);
        entries.extend(own.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(entries),
        }
        assert_eq!(own.len(), limit, "a page that is not the last is full");
        meanwhile()?;
    }
}

/// The entries that the endpoint should give, from the table itself.
const ENTRIES: &str = r#"
    select jsonb_build_object(
        'id', id::text, 'changes', (
            select jsonb_agg(jsonb_build_object(
                'table', table_name, 'row_key', audit.row_json(table_name, row_key), 'command', command,
                'old', audit.row_json(table_name, old_row), 'new', audit.row_json(table_name, new_row)) order by place)
            from audit.changes(t) as c),
        'actor', jsonb_build_object('kind', actor_kind, 'id', actor_id, 'name', (
            select n.display_name from capital.member_name as n where n.sub::text = actor_id)),
        'commitment_id', encode(commitment_key, 'hex'),
        'at', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'mutation_hash', encode(mutation_hash, 'hex'))
    from audit.trail as t where allocator_id = $1 order by id desc"#;

#[test]
fn the_trail_pages_completely_without_gaps_or_repeats() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let mut admin = fixture.admin()?;
    for (person, allocator) in [("carol", AURORA), ("mallory", BOREALIS)] {
        let rows = admin.query(ENTRIES, &[&allocator.id])?;
        let expected: Vec<Value> = rows.iter().map(|row| row.get(0)).collect();
        assert!(expected.len() > 3);
        // A page that is exactly full has no next one.
        for limit in [3, 7, 100]
            .into_iter()
            .chain(Some(expected.len()).filter(|all| *all <= 100))
        {
            let entries = pages(&fixture, person, limit, || Ok(()))?;
            assert_eq!(entries.len(), expected.len(), "{person}, {limit} a page");
            assert_eq!(entries, expected, "{person}, {limit} a page");
        }
    }
    Ok(())
}

/// What JavaScript would round, or what only PostgreSQL writes, is in no row: it is as everywhere else in the API.
#[test]
fn rows_have_the_forms_of_all_replies() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let (mut amounts, mut instants, mut hashes) = (0, 0, 0);
    for person in ["carol", "mallory"] {
        let entries = pages(&fixture, person, 100, || Ok(()))?;
        let changes = entries
            .iter()
            .filter_map(|entry| entry["changes"].as_array());
        for entry in changes.flatten() {
            for row in ["row_key", "old", "new"] {
                for (name, value) in entry[row].as_object().into_iter().flatten() {
                    let what = || format!("{} {row} {name}: {value}", entry["table"]);
                    if let Some(number) = value.as_i64() {
                        assert!(number.abs() < 1 << 31, "{}", what());
                    }
                    assert!(value.as_i64().is_some() || !value.is_number(), "{}", what());
                    let text = value.as_str().unwrap_or_default();
                    assert!(
                        !text.starts_with("\\x") && !text.ends_with("+00:00"),
                        "{}",
                        what()
                    );
                    // A list of amounts.
                    for amount in value
                        .as_array()
                        .filter(|_| name == "room_taken")
                        .into_iter()
                        .flatten()
                    {
                        assert!(amount.is_string(), "{}", what());
                        amounts += 1;
                    }
                    if name.ends_with("_minor") {
                        let digits = text.strip_prefix('-').unwrap_or(text);
                        assert!(
                            !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()),
                            "{}",
                            what()
                        );
                        amounts += 1;
                    }
                    if name.ends_with("_at") && !text.is_empty() {
                        assert!(text.len() == 27 && text.ends_with('Z'), "{}", what());
                        instants += 1;
                    }
                    if name == "commitment_key" {
                        assert!(
                            text.len() == 64 && text.bytes().all(|c| c.is_ascii_hexdigit()),
                            "{}",
                            what()
                        );
                        hashes += 1;
                    }
                }
            }
        }
    }
    assert!(
        amounts > 10 && instants > 10 && hashes > 10,
        "{amounts} {instants} {hashes}"
    );
    Ok(())
}

#[test]
fn changes_between_two_pages_disturb_neither_page() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let before = pages(&fixture, "carol", 100, || Ok(()))?;
    let mut direct = Direct::new(&fixture);
    let during = pages(&fixture, "carol", 20, || {
        proposed(&mut direct, "alice", USD_FACILITY).map(drop)
    })?;
    assert_eq!(during, before);
    assert!(pages(&fixture, "carol", 100, || Ok(()))?.len() > before.len());
    // The newest commitment has only the rows of the settlement that was just proposed.
    let newest = fixture.person("carol").get("/v1/audit?limit=1")?.json();
    assert_eq!(
        newest["data"][0]["changes"][0]["new"]["allocator_id"],
        json!(AURORA.id.to_string())
    );
    Ok(())
}
