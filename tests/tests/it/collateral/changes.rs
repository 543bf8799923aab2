//! The conditions again, as the record changes: papers, names, findings; and at every step of a settlement.

use anyhow::Result;
use serde_json::json;
use tests::fixture::Fixture;

use super::conditions::found;
use super::secured_facility::{SecuredFacility, refusal};
use crate::support::{assert_books, count};

/// An asset that has no papers yet counts nothing and stops nothing.
#[test]
fn a_pledge_without_papers_beside_a_good_one_stops_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::good(&fixture, &[1_000])?;
    facility.pledge(|event| event)?;
    let good = facility.pledged[0];
    assert_eq!(refusal(&facility.draw(100)?), "");
    // A valuation of an earlier day that is recorded later changes nothing.
    let earlier = facility
        .terms
        .valuation(facility.day(-100), &[(good.asset, 1)]);
    facility.record(&earlier)?;
    assert_eq!(refusal(&facility.draw(100)?), "");
    // A valuation of the same day counts.
    facility.value(good, 1)?;
    assert_eq!(
        refusal(&facility.draw(100)?),
        "valuation-missing, custody-missing, availability-short"
    );
    Ok(())
}

/// Two names that look the same: the reason says where they differ, and in which characters.
#[test]
fn a_name_that_only_looks_alike_is_told_apart() -> Result<()> {
    let fixture = Fixture::new()?;
    for (name, character, organic, given) in [
        ("Cafe\u{301} Smith LLC", 4, json!("U+00E9"), json!("U+0065")),
        (
            "Caf\u{e9}\u{a0}Smith LLC",
            5,
            json!("U+0020"),
            json!("U+00A0"),
        ),
        ("Caf\u{e9}  Smith LLC", 6, json!("U+0053"), json!("U+0020")),
        (
            "Caf\u{e9} \u{405}mith LLC",
            6,
            json!("U+0053"),
            json!("U+0405"),
        ),
        ("Caf\u{e9} Smith LLC ", 15, json!(null), json!("U+0020")),
        ("Caf\u{e9} Smith LL", 14, json!("U+0043"), json!(null)),
        ("caf\u{e9} Smith LLC", 1, json!("U+0043"), json!("U+0063")),
        (
            "\u{1d402}af\u{e9} Smith LLC",
            1,
            json!("U+0043"),
            json!("U+1D402"),
        ),
    ] {
        let mut facility = SecuredFacility::open(&fixture)?;
        facility.terms.debtor.name = "Caf\u{e9} Smith LLC".to_owned();
        facility.onboard(&facility.terms.party(&facility.terms.debtor))?;
        let party = facility.terms.debtor.id.to_string();
        let debtors = json!([{ "party_id": party, "name": name }]);
        facility.file(|event| event.with("debtors", debtors))?;
        facility.sign(|event| event)?;
        let pledged = facility.pledge(|event| event)?;
        facility.value(pledged, 1_000)?;
        facility.hold(pledged)?;
        let search = facility.terms.search(facility.day(-1));
        facility.record(&search.with("searched_name", name))?;
        let answer = facility.draw(100)?;
        assert_eq!(refusal(&answer), "filing-name, search-missing", "{name:?}");
        let difference = json!({ "character": character, "organic": organic, "given": given });
        for problem in answer.json()["problems"].as_array().into_iter().flatten() {
            assert_eq!(problem["subjects"][0]["difference"], difference, "{name:?}");
        }
    }
    Ok(())
}

/// 9-503, 9-507: the filing and the search must bear the debtor's present name.
#[test]
fn a_debtor_that_changes_its_name_has_to_be_filed_and_searched_anew() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::good(&fixture, &[1_000])?;
    let mut renamed = facility.terms.debtor.clone();
    renamed.name = "Renamed Receivables LLC".to_owned();
    facility.onboard(&facility.terms.party(&renamed))?;
    assert_eq!(refusal(&facility.draw(100)?), "filing-name, search-missing");
    facility.terms.debtor = renamed;
    facility.amend("party", -1, |event| {
        event
            .with("action", "change")
            .with("role", "debtor")
            .with("party_id", facility.terms.debtor.id.to_string())
            .with("name", facility.terms.debtor.name.clone())
    })?;
    assert_eq!(refusal(&facility.draw(100)?), "search-missing");
    facility.record(&facility.terms.search(facility.day(-1)))?;
    assert_eq!(refusal(&facility.draw(100)?), "");
    // Another LEI is another party.
    let event = facility.terms.party(&facility.terms.debtor);
    let answer = fixture
        .agent(tests::sample_data::PLATFORM)
        .deliver(&event.with("lei", "5493001KJTIIGC8Y1R12").delivery())?;
    assert_eq!(refusal(&answer), "already-exists");
    Ok(())
}

/// A finding stands until a later search through the same day or beyond no longer lists it.
#[test]
fn an_adverse_finding_stands_until_a_later_report_clears_it() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let search = |days: i64| facility.terms.search(facility.day(days));
    // The first search found nothing and covers more days. This one is recorded later, and counts all the same.
    facility.record(&search(-40).with("findings", found(&facility, -5_000)))?;
    assert_eq!(refusal(&facility.draw(10)?), "search-adverse");
    facility.record(&search(-41))?;
    assert_eq!(refusal(&facility.draw(10)?), "search-adverse");
    facility.record(&search(-40))?;
    assert_eq!(refusal(&facility.draw(10)?), "");
    Ok(())
}

#[test]
fn every_step_but_a_failure_checks_the_collateral_again() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let only = facility.pledged[0];
    let settlement = facility.drawn(800)?;
    let funded = || facility.report("escrow-one", "escrow.funded", &settlement, 800);
    facility.value(only, 900)?;
    assert_eq!(refusal(&funded()?), "availability-short");
    facility.value(only, 1_000)?;
    let answer = funded()?;
    assert_eq!(refusal(&answer), "");
    assert_eq!(answer.json()["settlement"]["status"], "ESCROWED");
    assert_eq!(
        answer.json()["settlement"]["borrowing_base"]["drawn_minor"],
        "800"
    );
    facility.record(
        &facility
            .terms
            .search(facility.day(-1))
            .with("findings", found(&facility, -5_000)),
    )?;
    let completed = || facility.report("settle-one", "settlement.completed", &settlement, 800);
    assert_eq!(refusal(&completed()?), "search-adverse");
    facility.record(&facility.terms.search(facility.day(-1)))?;
    assert_eq!(refusal(&completed()?), "");
    // Each step rested on a base of its own.
    let rested = format!(
        "select count(*) from collateral.borrowing_base where settlement_id = '{settlement}' and version in (1, 2, 3)"
    );
    assert_eq!(count(&mut fixture.admin()?, &rested)?, 3);

    let failing = facility.drawn(10)?;
    facility.value(only, 0)?;
    let failed = facility.report("escrow-one", "escrow.failed", &failing, 10)?;
    assert_eq!(
        refusal(&failed),
        "",
        "capital that goes back needs no cover"
    );
    assert_books(&mut fixture.admin()?)
}
