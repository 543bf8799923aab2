//! Positions come a page at a time, so that their number bounds no reply.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, USD_FACILITY};

use crate::risk_runs::fixture::{held, held_in, opened};
use crate::settlements::AMOUNT;
use crate::support::all_triggers_off;

/// More than a reply could hold at once: 57,000 were too many.
const FACILITIES: usize = 60_000;

/// The pages of the positions, from the first to the last.
fn pages(fixture: &Fixture, limit: usize, pages_max: usize) -> Result<Vec<Value>> {
    let carol = fixture.person("carol");
    let mut target = format!("/v1/positions?limit={limit}");
    let mut pages = Vec::new();
    while pages.len() < pages_max {
        let answer = carol.get(&target)?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let at = pages.first().unwrap_or(&page)["as_of"].clone();
        let at = at.as_str().context("an instant")?;
        let next = page["next_cursor"].as_str();
        target = format!(
            "/v1/positions?limit={limit}&as_of={at}&cursor={}",
            next.unwrap_or_default()
        );
        let is_last = next.is_none();
        pages.push(page);
        if is_last {
            break;
        }
    }
    Ok(pages)
}

fn positions(page: &Value) -> Result<Vec<(String, Value)>> {
    let facilities = page["data"].as_array().context("facilities")?;
    let position = |of: &Value| {
        let id = of["facility_id"].as_str().context("an id")?;
        Ok((id.to_owned(), of["position_minor"].clone()))
    };
    facilities.iter().map(position).collect()
}

#[test]
fn each_position_is_on_one_page_and_all_pages_are_of_one_instant() -> Result<()> {
    let fixture = Fixture::new()?;
    held(&fixture, AMOUNT)?;
    let mut expected = BTreeMap::from([(USD_FACILITY.id.to_string(), AMOUNT.to_string())]);
    for number in 1..5 {
        let facility = opened(&fixture)?;
        held_in(&fixture, facility, AMOUNT + number)?;
        expected.insert(facility.to_string(), (AMOUNT + number).to_string());
    }
    let whole = pages(&fixture, 100, 1)?.remove(0);
    assert_eq!(whole["next_cursor"], Value::Null);
    for limit in [1, 2, 3, 4, 5, 6] {
        let pages = pages(&fixture, limit, 10)?;
        assert_eq!(pages.len(), expected.len().div_ceil(limit), "{limit}");
        let mut seen = Vec::new();
        for page in &pages {
            assert_eq!(page["currencies"], whole["currencies"], "{limit}");
            assert_eq!(page["as_of"], pages[0]["as_of"], "{limit}");
            let on_page = positions(page)?;
            assert!(!on_page.is_empty() && on_page.len() <= limit, "{limit}");
            seen.extend(on_page);
        }
        let all: Vec<_> = expected
            .iter()
            .map(|(id, minor)| (id.clone(), minor.clone().into()))
            .collect();
        assert_eq!(seen, all, "{limit}");
    }
    Ok(())
}

#[test]
fn an_allocator_in_very_many_facilities_reads_them_a_page_at_a_time() -> Result<()> {
    let fixture = Fixture::new()?;
    // Put there without what a facility needs else: the number of rows is what counts.
    let mut admin = fixture.admin()?;
    admin.batch_execute(&all_triggers_off())?;
    admin.batch_execute(&format!(
        "insert into capital.account (allocator_id, currency, kind, facility_id)
        select '{}', 'USD', 'position', gen_random_uuid() from generate_series(1, {FACILITIES})",
        AURORA.id
    ))?;
    let pages = pages(&fixture, 100, 3)?;
    let mut ids = Vec::new();
    for page in &pages {
        assert!(page["next_cursor"].is_string());
        ids.extend(positions(page)?.into_iter().map(|(id, _)| id));
    }
    assert_eq!(ids.len(), 300);
    assert!(ids.is_sorted_by(|one, next| one < next));
    Ok(())
}
