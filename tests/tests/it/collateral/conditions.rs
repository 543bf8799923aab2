//! What a settlement demands of its facility's collateral, each condition alone; and again at every step.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Response;
use tests::sample_data::{SecuredTerms, WebhookEvent, kind_rule};
use uuid::Uuid;

use super::secured_facility::{SecuredFacility, refusal};
use crate::direct::barrier;
use crate::support::{assert_books, count};

/// What a test tells otherwise than a good facility does.
#[derive(Clone, Copy)]
struct Odd {
    filing: fn(&SecuredFacility<'_>, WebhookEvent) -> WebhookEvent,
    agreement: fn(&SecuredFacility<'_>, WebhookEvent) -> WebhookEvent,
    valued: Option<i64>,
    held: Option<i64>,
    search: fn(&SecuredFacility<'_>, WebhookEvent) -> Option<WebhookEvent>,
    rules: fn() -> Vec<(&'static str, Value)>,
}

/// Nothing is odd.
const GOOD: Odd = Odd {
    filing: |_, event| event,
    agreement: |_, event| event,
    valued: Some(0),
    held: Some(0),
    search: |_, event| Some(event),
    rules: Vec::new,
};

/// A filing of somebody else's, so many days ago.
fn found(facility: &SecuredFacility<'_>, days: i64) -> Value {
    json!([{
        "file_number": "2001 77", "filed_at": format!("{}T00:00:00Z", facility.day(days)), "secured_party": "Other Bank",
    }])
}

/// What is odd, and all that is wrong with it: an asset of 1,000 is there, 100 are drawn.
const CONDITIONS: [(&str, Odd, &str); 26] = [
    ("nothing", GOOD, ""),
    (
        "no debtor",
        Odd {
            filing: |_, event| event.with("debtors", json!([])),
            ..GOOD
        },
        "filing-insufficient",
    ),
    (
        "no secured party",
        Odd {
            filing: |_, event| event.with("secured_parties", json!([])),
            ..GOOD
        },
        "filing-insufficient",
    ),
    (
        "no indication of collateral",
        Odd {
            filing: |_, event| event.with("description", ""),
            ..GOOD
        },
        "filing-insufficient",
    ),
    (
        "another debtor",
        Odd {
            filing: |facility, event| {
                let party = &facility.terms.secured_party;
                event.with(
                    "debtors",
                    json!([{ "party_id": party.id.to_string(), "name": party.name }]),
                )
            },
            ..GOOD
        },
        "filing-insufficient",
    ),
    (
        "another state's office",
        Odd {
            filing: |_, event| event.with("office", "US-NY"),
            search: |_, event| Some(event.with("office", "US-NY")),
            ..GOOD
        },
        "filing-office",
    ),
    (
        "the name in capitals",
        Odd {
            filing: |facility, event| {
                named(facility, event, &facility.terms.debtor.name.to_uppercase())
            },
            ..GOOD
        },
        "filing-name",
    ),
    (
        "the name with a space more",
        Odd {
            filing: |facility, event| {
                named(facility, event, &format!("{} ", facility.terms.debtor.name))
            },
            ..GOOD
        },
        "filing-name",
    ),
    (
        "an agreement on other kinds",
        Odd {
            agreement: |_, event| event.with("asset_kinds", json!(["equipment"])),
            ..GOOD
        },
        "agreement-missing",
    ),
    (
        "an agreement of another debtor",
        Odd {
            agreement: |facility, event| {
                event.with(
                    "debtor_party_id",
                    facility.terms.secured_party.id.to_string(),
                )
            },
            ..GOOD
        },
        "agreement-missing",
    ),
    (
        "an agreement that ends on the value date",
        Odd {
            agreement: |facility, event| event.with("ends_on", facility.day(10).to_string()),
            ..GOOD
        },
        "agreement-missing",
    ),
    (
        "an agreement that ends the day after",
        Odd {
            agreement: |facility, event| event.with("ends_on", facility.day(11).to_string()),
            ..GOOD
        },
        "",
    ),
    (
        "a stale valuation",
        Odd {
            valued: Some(-31),
            ..GOOD
        },
        "valuation-stale",
    ),
    (
        "a stale receipt",
        Odd {
            held: Some(-31),
            ..GOOD
        },
        "custody-stale",
    ),
    (
        "both on their last day",
        Odd {
            valued: Some(-30),
            held: Some(-30),
            ..GOOD
        },
        "",
    ),
    (
        "no valuation",
        Odd {
            valued: None,
            ..GOOD
        },
        "valuation-missing, availability-short",
    ),
    (
        "no receipt",
        Odd { held: None, ..GOOD },
        "custody-missing, availability-short",
    ),
    (
        "no search",
        Odd {
            search: |_, _| None,
            ..GOOD
        },
        "search-missing",
    ),
    (
        "a search through the day of filing",
        Odd {
            search: |facility, event| {
                Some(event.with("through_on", facility.day(-100).to_string()))
            },
            ..GOOD
        },
        "search-missing",
    ),
    (
        "a search under another name",
        Odd {
            search: |facility, event| {
                Some(event.with("searched_name", format!("{}.", facility.terms.debtor.name)))
            },
            ..GOOD
        },
        "search-missing",
    ),
    (
        "a search in another office",
        Odd {
            search: |_, event| Some(event.with("office", "US-NY")),
            ..GOOD
        },
        "search-missing",
    ),
    (
        "an earlier filing",
        Odd {
            search: |facility, event| Some(event.with("findings", found(facility, -101))),
            ..GOOD
        },
        "search-adverse",
    ),
    (
        "an earlier filing that stands back, and a later one",
        Odd {
            search: |facility, event| {
                let mut findings = found(facility, -101);
                findings[0]["subordination_sha256"] = json!("5b".repeat(32));
                let mut later = found(facility, -99)[0].take();
                later["file_number"] = json!("2001 78");
                Some(event.with("findings", json!([findings[0], later])))
            },
            ..GOOD
        },
        "",
    ),
    (
        "a kind that is not eligible",
        Odd {
            rules: || vec![("kinds", json!([kind_rule("gold", 10_000, 0)]))],
            ..GOOD
        },
        "availability-short",
    ),
    (
        "reserves that leave 99",
        Odd {
            rules: || vec![("reserves_minor", json!("751"))],
            ..GOOD
        },
        "availability-short",
    ),
    (
        "a floor just over ten times what is drawn",
        Odd {
            rules: || vec![("coverage_floor_bp", json!(100_001))],
            ..GOOD
        },
        "coverage-short",
    ),
];

fn named(facility: &SecuredFacility<'_>, event: WebhookEvent, name: &str) -> WebhookEvent {
    event.with(
        "debtors",
        json!([{ "party_id": facility.terms.debtor.id.to_string(), "name": name }]),
    )
}

/// A facility with one asset of 1,000, odd in that way.
fn odd<'a>(fixture: &'a Fixture, odd: &Odd) -> Result<SecuredFacility<'a>> {
    let mut facility = SecuredFacility::open(fixture)?;
    let rules = (odd.rules)();
    if !rules.is_empty() {
        facility.rule(&rules)?;
    }
    let event = (odd.filing)(&facility, facility.terms.filing(facility.day(-100)));
    facility.file(|_| event)?;
    let event = (odd.agreement)(&facility, facility.terms.agreement(facility.day(-100)));
    facility.sign(|_| event)?;
    let pledged = facility.pledge(|event| event)?;
    if let Some(days) = odd.valued {
        facility.record(
            &facility
                .terms
                .valuation(facility.day(days), &[(pledged.asset, 1_000)]),
        )?;
    }
    if let Some(days) = odd.held {
        facility.record(&facility.terms.receipt(facility.day(days), &[pledged.asset]))?;
    }
    if let Some(event) = (odd.search)(&facility, facility.terms.search(facility.day(-1))) {
        facility.record(&event)?;
    }
    Ok(facility)
}

#[test]
fn each_condition_alone_stops_a_settlement() -> Result<()> {
    let fixture = Fixture::new()?;
    for (what, oddity, expected) in CONDITIONS {
        let answer = odd(&fixture, &oddity)?.draw(100)?;
        assert_eq!(refusal(&answer), expected, "{what}: {}", answer.text());
        if expected.is_empty() {
            assert_rests(&answer);
        } else {
            assert_deficient(&answer);
        }
    }
    assert_books(&mut fixture.admin()?)
}

/// Every reason at once, and what they are about.
#[test]
fn all_errors_are_listed_in_one_reply() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = odd(
        &fixture,
        &Odd {
            filing: |facility, event| {
                named(facility, event, "Somebody Else LLC").with("office", "US-NY")
            },
            agreement: |_, event| event.with("asset_kinds", json!(["equipment"])),
            valued: Some(-40),
            held: Some(-50),
            search: |_, _| None,
            rules: || vec![("coverage_floor_bp", json!(1_000_000))],
        },
    )?;
    let answer = facility.draw(900)?;
    assert_deficient(&answer);
    assert_eq!(
        refusal(&answer),
        "filing-office, filing-name, agreement-missing, search-missing, valuation-stale, custody-stale, \
         availability-short, coverage-short"
    );
    let problems = answer.json()["problems"].take();
    let filing = json!({ "filing_id": facility.filing.to_string() });
    assert_eq!(problems[0]["subjects"], json!([filing]));
    assert_eq!(problems[4]["oldest"], facility.day(-40).to_string());
    assert_eq!(problems[5]["oldest"], facility.day(-50).to_string());
    assert_eq!(
        (
            &problems[6]["availability_minor"],
            &problems[6]["required_minor"]
        ),
        (&json!("850"), &json!("900"))
    );
    assert_eq!(
        (&problems[7]["coverage_bp"], &problems[7]["floor_bp"]),
        (&json!(11_111), &json!(1_000_000))
    );
    Ok(())
}

#[test]
fn without_rules_or_pledges_nothing_is_verified() -> Result<()> {
    let fixture = Fixture::new()?;
    assert_eq!(
        refusal(&SecuredFacility::open(&fixture)?.draw(1)?),
        "filing-missing, availability-short"
    );
    // Opened alone: no party, no rules.
    let mut facility = SecuredFacility::open(&fixture)?;
    facility.terms = SecuredTerms {
        facility: Uuid::new_v4(),
        ..facility.terms
    };
    facility.onboard(&facility.terms.opened())?;
    assert_eq!(refusal(&facility.draw(1)?), "rules-missing");
    Ok(())
}

/// The asset that has no papers yet counts nothing, and is in nobody's way.
#[test]
fn a_pledge_without_papers_beside_a_good_one_stops_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::good(&fixture, &[1_000])?;
    facility.pledge(|event| event)?;
    let good = facility.pledged[0];
    assert_eq!(refusal(&facility.draw(100)?), "");
    // A valuation of an earlier day, told later, changes nothing.
    let earlier = facility
        .terms
        .valuation(facility.day(-100), &[(good.asset, 1)]);
    facility.record(&earlier)?;
    assert_eq!(refusal(&facility.draw(100)?), "");
    // One of the same day does.
    facility.value(good, 1)?;
    assert_eq!(
        refusal(&facility.draw(100)?),
        "valuation-missing, custody-missing, availability-short"
    );
    Ok(())
}

/// 9-503, 9-507: the name of today, on the record of today.
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

/// Two reports that contradict each other are not settled by the one that suits.
#[test]
fn an_adverse_finding_stands_until_a_later_report_clears_it() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let search = |days: i64| facility.terms.search(facility.day(days));
    // Through less than what has been found nothing by: told later, it counts all the same.
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
            .search(facility.today)
            .with("findings", found(&facility, -5_000)),
    )?;
    let completed = || facility.report("settle-one", "settlement.completed", &settlement, 800);
    assert_eq!(refusal(&completed()?), "search-adverse");
    facility.record(&facility.terms.search(facility.today))?;
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

#[test]
fn an_unsecured_facility_takes_no_collateral_and_checks_none() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlement = crate::settlements::pending(&fixture, 100)?;
    let answer = fixture
        .person("bob")
        .post_empty(
            &crate::settlements::of(&settlement, "verify"),
            &tests::sample_data::idempotency_key(),
        )?
        .json();
    assert_eq!(answer["secured"], false);
    assert_eq!(answer.get("borrowing_base"), None);
    let facility = tests::sample_data::USD_FACILITY.id;
    let read = |path: &str| -> Result<Value> {
        let path = format!("/v1/facilities/{facility}{path}");
        Ok(fixture.person("alice").get(&path)?.json())
    };
    assert_eq!(read("")?["secured"], false);
    assert_eq!(
        read("/collateral")?,
        json!({ "facility_id": facility.to_string(), "secured": false })
    );
    // Nor is anything recorded of it: it has no party, no rules and no agent.
    let mut terms = SecuredTerms::new(tests::sample_data::AURORA);
    terms.facility = facility;
    for event in [terms.party(&terms.debtor), terms.rules()] {
        let answer = fixture
            .agent(tests::sample_data::PLATFORM)
            .deliver(&event.delivery())?;
        assert_eq!(refusal(&answer), "unsecured", "{}", event.kind);
    }
    let today = time::OffsetDateTime::now_utc().date();
    let answer = fixture
        .agent(tests::sample_data::COLLATERAL_AGENT)
        .deliver(&terms.search(today).delivery())?;
    assert_eq!(refusal(&answer), "not-found");
    // Whether a settlement is secured is its facility's to say.
    let mut admin = fixture.admin()?;
    let turned = admin.batch_execute(&format!(
        "alter table capital.settlement disable trigger user;
         update capital.settlement set secured = true where settlement_id = '{settlement}'"
    ));
    assert_eq!(barrier(turned), "23503 settlement_facility_secured_fkey");
    Ok(())
}

/// An accepted step names what it rested on.
fn assert_rests(answer: &Response) {
    let body = answer.json();
    assert_eq!(body["secured"], true, "{body}");
    assert_eq!(
        body["borrowing_base"]["inputs_sha256"]
            .as_str()
            .map(str::len),
        Some(64)
    );
    assert!(body["notice"].is_string(), "{body}");
}

/// 409, and each reason a problem of its own, with what the record does not prove.
fn assert_deficient(answer: &Response) {
    let body = answer.json();
    assert_eq!(answer.status, 409, "{body}");
    assert_eq!(body["type"], "urn:optkas:problem:collateral-deficient");
    assert!(body["notice"].is_string(), "{body}");
    for problem in body["problems"].as_array().into_iter().flatten() {
        for member in ["type", "title", "detail"] {
            assert!(problem[member].is_string(), "{problem}");
        }
        assert_eq!(problem["status"], 409);
    }
}
