//! What a settlement demands of its facility's collateral: each condition alone stops it.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Response;
use tests::sample_data::{SecuredTerms, WebhookEvent, kind_rule};
use uuid::Uuid;

use super::secured_facility::{SecuredFacility, refusal};
use crate::lists::assert_documented;
use crate::support::assert_books;

/// How a facility differs from a good one: altered events, days of its papers from today, other rules.
#[derive(Clone, Copy)]
struct Odd {
    filing: Alter<WebhookEvent>,
    agreement: Alter<WebhookEvent>,
    valued: Option<i64>,
    held: Option<i64>,
    search: Alter<Option<WebhookEvent>>,
    rules: fn() -> Vec<(&'static str, Value)>,
}

/// A facility that fulfils every condition.
const GOOD: Odd = Odd {
    filing: |_, event| event,
    agreement: |_, event| event,
    valued: Some(0),
    held: Some(0),
    search: |_, event| Some(event),
    rules: Vec::new,
};

type Alter<T> = fn(&SecuredFacility<'_>, WebhookEvent) -> T;

const fn filing(filing: Alter<WebhookEvent>) -> Odd {
    Odd { filing, ..GOOD }
}

const fn agreement(agreement: Alter<WebhookEvent>) -> Odd {
    Odd { agreement, ..GOOD }
}

const fn papers(valued: Option<i64>, held: Option<i64>) -> Odd {
    Odd {
        valued,
        held,
        ..GOOD
    }
}

const fn search(search: Alter<Option<WebhookEvent>>) -> Odd {
    Odd { search, ..GOOD }
}

const fn rules(rules: fn() -> Vec<(&'static str, Value)>) -> Odd {
    Odd { rules, ..GOOD }
}

/// A search's findings: a filing of another bank, made so many days from today.
pub(super) fn found(facility: &SecuredFacility<'_>, days: i64) -> Value {
    json!([{
        "file_number": "2001 77", "filed_at": format!("{}T00:00:00Z", facility.day(days)),
        "secured_party": "Other Bank",
    }])
}

/// A difference, and the refusals of a draw of 100 against an asset of 1,000.
const CONDITIONS: [(&str, Odd, &str); 26] = [
    ("nothing", GOOD, ""),
    (
        "no debtor",
        filing(|_, event| event.with("debtors", json!([]))),
        "filing-insufficient",
    ),
    (
        "no secured party",
        filing(|_, event| event.with("secured_parties", json!([]))),
        "filing-insufficient",
    ),
    (
        "no indication of collateral",
        filing(|_, event| event.with("description", "")),
        "filing-insufficient",
    ),
    (
        "another debtor",
        filing(|facility, event| {
            let party = &facility.terms.secured_party;
            event.with(
                "debtors",
                json!([{ "party_id": party.id.to_string(), "name": party.name }]),
            )
        }),
        "filing-insufficient",
    ),
    (
        "another state's office",
        Odd {
            search: |_, event| Some(event.with("office", "US-NY")),
            ..filing(|_, event| event.with("office", "US-NY"))
        },
        "filing-office",
    ),
    (
        "the name in capitals",
        filing(|facility, event| {
            named(facility, event, &facility.terms.debtor.name.to_uppercase())
        }),
        "filing-name",
    ),
    (
        "the name with a space more",
        filing(|facility, event| {
            named(facility, event, &format!("{} ", facility.terms.debtor.name))
        }),
        "filing-name",
    ),
    (
        "an agreement on other kinds",
        agreement(|_, event| event.with("asset_kinds", json!(["equipment"]))),
        "agreement-missing",
    ),
    (
        "an agreement of another debtor",
        agreement(|facility, event| {
            event.with(
                "debtor_party_id",
                facility.terms.secured_party.id.to_string(),
            )
        }),
        "agreement-missing",
    ),
    (
        "an agreement that ends on the value date",
        agreement(|facility, event| event.with("ends_on", facility.day(10).to_string())),
        "agreement-missing",
    ),
    (
        "an agreement that ends the day after",
        agreement(|facility, event| event.with("ends_on", facility.day(11).to_string())),
        "",
    ),
    (
        "a stale valuation",
        papers(Some(-31), Some(0)),
        "valuation-stale",
    ),
    (
        "a stale receipt",
        papers(Some(0), Some(-31)),
        "custody-stale",
    ),
    ("both on their last day", papers(Some(-30), Some(-30)), ""),
    (
        "no valuation",
        papers(None, Some(0)),
        "valuation-missing, availability-short",
    ),
    (
        "no receipt",
        papers(Some(0), None),
        "custody-missing, availability-short",
    ),
    ("no search", search(|_, _| None), "search-missing"),
    (
        "a search through the day of filing",
        search(|facility, event| Some(event.with("through_on", facility.day(-100).to_string()))),
        "search-missing",
    ),
    (
        "a search under another name",
        search(|facility, event| {
            Some(event.with("searched_name", format!("{}.", facility.terms.debtor.name)))
        }),
        "search-missing",
    ),
    (
        "a search in another office",
        search(|_, event| Some(event.with("office", "US-NY"))),
        "search-missing",
    ),
    (
        "an earlier filing",
        search(|facility, event| Some(event.with("findings", found(facility, -101)))),
        "search-adverse",
    ),
    (
        "an earlier filing that stands back, and a later one",
        search(|facility, event| {
            let mut findings = found(facility, -101);
            findings[0]["subordination_sha256"] = json!("5b".repeat(32));
            let mut later = found(facility, -99)[0].take();
            later["file_number"] = json!("2001 78");
            Some(event.with("findings", json!([findings[0], later])))
        }),
        "",
    ),
    (
        "a kind that is not eligible",
        rules(|| vec![("kinds", json!([kind_rule("gold", 10_000, 0)]))]),
        "availability-short",
    ),
    (
        "reserves that leave 99",
        rules(|| vec![("reserves_minor", json!("751"))]),
        "availability-short",
    ),
    (
        "a floor just over ten times what is drawn",
        rules(|| vec![("coverage_floor_bp", json!(100_001))]),
        "coverage-short",
    ),
];

fn named(facility: &SecuredFacility<'_>, event: WebhookEvent, name: &str) -> WebhookEvent {
    event.with(
        "debtors",
        json!([{ "party_id": facility.terms.debtor.id.to_string(), "name": name }]),
    )
}

/// A facility with one asset of 1,000 that differs in this way.
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

/// All reasons at once, each with its figures.
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
    // Only opened: without parties and rules.
    let mut facility = SecuredFacility::open(&fixture)?;
    facility.terms = SecuredTerms {
        facility: Uuid::new_v4(),
        ..facility.terms
    };
    facility.onboard(&facility.terms.opened())?;
    assert_eq!(refusal(&facility.draw(1)?), "rules-missing");
    Ok(())
}

/// An accepted step names the borrowing base that it rested on.
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

/// The reply is 409, and each reason is a problem of its own, with the members that its type has.
fn assert_deficient(answer: &Response) {
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_documented("CollateralDeficient", &answer.json());
}
