//! What a checker and a lead ask first: releases and warnings over all facilities, and each for those who may see them.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{BOREALIS, PLATFORM, delivery};

use super::secured_facility::{SecuredFacility, monitor, refusal};
use crate::settlements::admission;
use crate::support::without_triggers;

/// All rows of a list, page by page; each page but the last is full.
fn all(fixture: &Fixture, person: &str, path: &str, limit: usize) -> Result<Vec<Value>> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    let sign = if path.contains('?') { '&' } else { '?' };
    loop {
        let answer = fixture
            .person(person)
            .get(&format!("{path}{sign}limit={limit}{cursor}"))?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let page = body["data"].as_array().context("a page")?;
        seen.extend_from_slice(page);
        match body["next_cursor"].as_str() {
            Some(next) => {
                assert_eq!(page.len(), limit);
                cursor = format!("&cursor={next}");
            }
            None => return Ok(seen),
        }
    }
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["id"].as_str()).collect()
}

#[test]
fn releases_are_listed_for_the_lead_newest_first_and_by_status() -> Result<()> {
    let fixture = Fixture::new()?;
    let facilities = [
        SecuredFacility::good(&fixture, &[1_000, 1_000, 1_000])?,
        SecuredFacility::good(&fixture, &[1_000])?,
    ];
    let theirs =
        SecuredFacility::led_by(&fixture, BOREALIS, "mallory", "mallory")?.secured_by(&[1])?;
    let strange = theirs.requested(&theirs.release(&theirs.pledged))?;
    let mut made = Vec::new();
    for pledged in facilities[0].pledged.chunks(1) {
        made.push(facilities[0].requested(&facilities[0].release(pledged))?);
    }
    made.push(facilities[1].requested(&facilities[1].termination())?);
    let approved = facilities[0].approve_by("bob", &made[0])?;
    assert_eq!(refusal(&approved), "");
    let old = made[1]["id"].as_str().context("an id")?;
    without_triggers(
        &mut fixture.admin()?,
        "collateral.release",
        &format!(
            "update collateral.release set created_at = created_at - interval '8 days' where release_id = '{old}'"
        ),
    )?;
    // Newest first: what is older now comes last.
    let expected: Vec<_> = [3, 2, 0, 1].map(|at: usize| made[at]["id"].as_str()).into();
    let expected: Vec<_> = expected.into_iter().flatten().collect();
    for person in ["alice", "carol"] {
        for limit in [1, 3, 100] {
            let listed = all(&fixture, person, "/v1/releases", limit)?;
            assert_eq!(ids(&listed), expected, "{person}, {limit}");
        }
    }
    let facility = facilities[0].terms.facility;
    for (query, places) in [
        ("status=REQUESTED".to_owned(), &[3, 2][..]),
        ("status=APPROVED".to_owned(), &[0]),
        ("status=EXPIRED".to_owned(), &[1]),
        ("status=EXPIRED&status=REQUESTED".to_owned(), &[3, 2, 1]),
        (format!("facility_id={facility}"), &[2, 0, 1]),
        (format!("facility_id={facility}&status=REQUESTED"), &[2]),
        (format!("facility_id={}", theirs.terms.facility), &[]),
    ] {
        let listed = all(&fixture, "bob", &format!("/v1/releases?{query}"), 2)?;
        let expected: Vec<_> = places
            .iter()
            .filter_map(|at| made[*at]["id"].as_str())
            .collect();
        assert_eq!(ids(&listed), expected, "{query}");
        // A row is the release by itself, without its content.
        for row in listed {
            let id = row["id"].as_str().context("an id")?;
            let mut whole = fixture
                .person("bob")
                .get(&format!("/v1/releases/{id}"))?
                .json();
            let members = whole.as_object_mut().context("a release")?;
            let content = members.remove("content").context("a content")?;
            members.remove("notice");
            assert_eq!(row, whole, "{query}");
            assert_eq!(row["kind"], content["kind"]);
            assert_eq!(row["filing_id"], content["filing"]["id"]);
        }
    }

    // A lender beside the lead reads one whose id it knows, without names, and lists none but its own.
    let one = format!("/v1/releases/{}", made[2]["id"].as_str().context("an id")?);
    assert_eq!(fixture.person("mallory").get(&one)?.status, 404);
    facilities[0].admit(BOREALIS)?;
    let seen = fixture.person("mallory").get(&one)?.json();
    assert_eq!(seen["content_sha256"], made[2]["content_sha256"]);
    assert_eq!(seen["created_by"], json!(null));
    let listed = all(&fixture, "mallory", "/v1/releases", 100)?;
    assert_eq!(ids(&listed), [strange["id"].as_str().context("an id")?]);
    Ok(())
}

#[test]
fn warnings_are_listed_over_all_facilities_for_those_who_take_part() -> Result<()> {
    let fixture = Fixture::new()?;
    let facilities = [
        SecuredFacility::good(&fixture, &[1_000])?,
        SecuredFacility::good(&fixture, &[1_000])?,
    ];
    let theirs =
        SecuredFacility::led_by(&fixture, BOREALIS, "mallory", "mallory")?.secured_by(&[1])?;
    for facility in facilities.iter().chain([&theirs]) {
        facility.amend("termination", -1, |event| event)?;
        facility.record(
            &facility
                .terms
                .search(facility.day(-1))
                .with("findings", super::conditions::found(facility, -200)),
        )?;
    }
    monitor(&fixture)?;
    // One is mended, and its warning closed.
    facilities[1].record(&facilities[1].terms.search(facilities[1].day(-1)))?;
    monitor(&fixture)?;

    let list = |person: &str, query: &str| -> Result<Vec<Value>> {
        let path = format!("/v1/warnings{query}");
        let whole = all(&fixture, person, &path, 100)?;
        // Smaller pages have the same in the same order, newest first.
        assert_eq!(all(&fixture, person, &path, 1)?, whole, "{person} {query}");
        let at: Vec<_> = whole.iter().map(|one| one["opened_at"].as_str()).collect();
        assert!(at.is_sorted_by(|newer, older| newer >= older), "{at:?}");
        Ok(whole)
    };
    // Every facility says the same of itself.
    let mut expected = BTreeSet::new();
    for facility in &facilities {
        for warning in facility.collateral()?["warnings"]
            .as_array()
            .context("warnings")?
        {
            assert_eq!(warning["facility_id"], facility.terms.facility.to_string());
            expected.insert(warning.to_string());
        }
    }
    assert_eq!(expected.len(), 3, "{expected:?}");
    // Beside what the facility says of itself, its name.
    let shown = |rows: &[Value]| -> BTreeSet<String> {
        rows.iter()
            .map(|row| {
                let mut row = row.clone();
                let members = row.as_object_mut().expect("a warning");
                let name = members.remove("facility_name");
                assert!(name.is_some_and(|name| name.is_string()), "{row}");
                row.to_string()
            })
            .collect()
    };
    for person in ["alice", "carol"] {
        for query in ["", "?status=open"] {
            assert_eq!(shown(&list(person, query)?), expected, "{person} {query}");
        }
    }
    let closed = list("bob", "?status=closed")?;
    assert_eq!(closed.len(), 1);
    for warning in &closed {
        assert_eq!(
            warning["facility_id"],
            facilities[1].terms.facility.to_string()
        );
        assert_eq!(warning["status"], "closed");
        assert!(warning["closed_at"].as_str() >= warning["opened_at"].as_str());
    }
    let both = list("bob", "?status=open&status=closed")?;
    assert_eq!(both.len(), expected.len() + closed.len());
    let disputed = list("bob", "?kind=filing-disputed&status=open&status=closed")?;
    assert_eq!(disputed.len(), 2);
    let two = list(
        "bob",
        "?kind=filing-disputed&kind=search-adverse&status=open&status=closed",
    )?;
    assert_eq!(two.len(), 4);
    let first = facilities[0].terms.facility;
    let of_one = list("bob", &format!("?facility_id={first}"))?;
    assert_eq!(of_one.len(), 2);

    // Who takes no part sees nothing of it; who is admitted does; who is excluded no more.
    let own = list("mallory", "?status=open&status=closed")?;
    assert!(
        own.iter()
            .all(|one| one["facility_id"] == theirs.terms.facility.to_string())
    );
    assert_eq!(own.len(), 2);
    let of_first = format!("?facility_id={first}");
    assert_eq!(list("mallory", &of_first)?, [] as [Value; 0]);
    facilities[0].admit(BOREALIS)?;
    assert_eq!(list("mallory", &of_first)?, of_one);
    let excluded = fixture.agent(PLATFORM).deliver(&delivery(
        "facility.excluded",
        &admission(&first.to_string(), BOREALIS),
    ))?;
    assert_eq!(refusal(&excluded), "");
    assert_eq!(list("mallory", &of_first)?, [] as [Value; 0]);
    assert_eq!(list("mallory", "")?, own);
    Ok(())
}

/// A page reads no more than a page, however many warnings there are or ever were: two indexes have them in their
/// order, past row-level security.
#[test]
fn a_page_of_warnings_and_of_releases_is_found_in_an_index() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut owner = fixture.admin()?;
    owner.batch_execute(
        "set role optkas_owner; set enable_seqscan = off; set enable_bitmapscan = off;
         set plan_cache_mode = force_generic_plan;
         prepare open(uuid, timestamptz, uuid) as
             select w.* from collateral.warning as w
             where w.facility_id = $1 and w.closed_at is null
                 and ($3 is null or (w.opened_at, w.warning_id) < ($2, $3))
             order by w.opened_at desc, w.warning_id desc limit 100;
         prepare closed(uuid, timestamptz, uuid) as
             select w.* from collateral.warning as w
             where w.facility_id = $1 and w.closed_at is not null
                 and ($3 is null or (w.opened_at, w.warning_id) < ($2, $3))
             order by w.opened_at desc, w.warning_id desc limit 100;
         prepare releases(uuid, timestamptz, uuid) as
             select r.release_id from collateral.release as r
             where r.allocator_id = $1
                 and ($3 is null or (r.created_at, r.release_id) < ($2, $3))
             order by r.created_at desc, r.release_id desc limit 100",
    )?;
    for (name, index) in [
        ("open", "warning_open_newest_idx"),
        ("closed", "warning_closed_newest_idx"),
        ("releases", "release_allocator_created_idx"),
    ] {
        let plan = owner.query(&format!("explain execute {name}(null, null, null)"), &[])?;
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(
            plan.contains(index) && !plan.contains("Sort"),
            "{name}: {plan}"
        );
    }
    Ok(())
}
