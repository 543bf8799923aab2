//! Issued identifiers are accepted; identifiers with small mistakes are refused.

use anyhow::Result;
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Response;
use tests::sample_data::{PLATFORM, WebhookEvent, lei};
use uuid::Uuid;

use super::secured_facility::SecuredFacility;
use crate::random::Random;
use crate::settlements::proposal;

/// As issued: Bloomberg, GLEIF, Apple, Microsoft, Deutsche Bank, `JPMorgan` Chase.
const LEIS: [&str; 6] = [
    "5493001KJTIIGC8Y1R12",
    "506700GE1G29325QX363",
    "HWUPKR0MPOU8FGXBT394",
    "INR2EJN1ERAN0W5ZP974",
    "7LTWFZYICNSX8D621K86",
    "8I5DZWZKVSZI1NUHU748",
];

const NO_LEIS: [&str; 13] = [
    "",
    "5493001KJTIIGC8Y1R13",
    "5493001KJTIIGC8Y1R21",
    // Two letters exchanged, one letter for another.
    "4593001KJTIIGC8Y1R12",
    "5493001KJTIIGC8Y2R12",
    "5493001KJTIIGC8Y1R1",
    "5493001KJTIIGC8Y1R120",
    "5493001kjtiigc8y1r12",
    "5493 001K JTII GC8Y 1R12",
    "5493001KJTIIGC8Y1RAA",
    "5493001KJTIIGC8Y1R12\n",
    "5493001KJTIIGC8Y1R1２",
    "00000000000000000000",
];

/// Eight characters are the head office's; the four of the business party may have digits (ISO 9362:2022).
const BICS: [&str; 6] = [
    "DEUTDEFF",
    "DEUTDEFF500",
    "CHASUS33",
    "CHASUS33XXX",
    "DSBACNBXSHA",
    "E097AEXXXXX",
];

const NO_BICS: [&str; 11] = [
    "",
    "DEUTDEF",
    "DEUTDEFF5",
    "DEUTDEFF50",
    "DEUTDEFF5000",
    "deutdeff",
    "DEUT1EFF",
    "DEUTD3FF",
    "DEUT DEFF",
    "DEUTDEFF\n",
    "DEUTDEFÉ",
];

/// UUIDs of version 4, in small letters (CBPR+; RFC 9562).
const UETRS: [&str; 3] = [
    "97ed4827-7b6f-4491-a06f-b548d5a7512d",
    "eb6305c9-1f7f-49de-aed0-16487c27b42d",
    "00000000-0000-4000-8000-000000000000",
];

const NO_UETRS: [&str; 9] = [
    "",
    "97ED4827-7B6F-4491-A06F-B548D5A7512D",
    "97ed48277b6f4491a06fb548d5a7512d",
    "97ed4827-7b6f-1491-a06f-b548d5a7512d",
    "97ed4827-7b6f-7491-a06f-b548d5a7512d",
    "97ed4827-7b6f-4491-c06f-b548d5a7512d",
    "97ed4827-7b6f-4491-a06f-b548d5a7512",
    "97ed4827-7b6f-4491-a06f-b548d5a7512g",
    "{97ed4827-7b6f-4491-a06f-b548d5a7512d}",
];

#[test]
fn a_party_needs_a_valid_lei_and_bic() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let facility = SecuredFacility::open(&fixture)?;
    // A new one each time: a party keeps its LEI.
    let party = |member: &str, value: &str| {
        let new = facility.terms.party(&facility.terms.debtor);
        new.with("party_id", Uuid::new_v4().to_string())
            .with(member, value)
    };
    for (member, good, bad) in [("lei", &LEIS[..], &NO_LEIS[..]), ("bic", &BICS, &NO_BICS)] {
        for value in good {
            let answer = send(&fixture, &party(member, value))?;
            assert_eq!(answer.status, 200, "{value}: {}", answer.text());
            assert!(valid(&mut admin, member, value)?, "{value}");
        }
        for value in bad {
            let answer = send(&fixture, &party(member, value))?;
            assert_told(&answer, value, &format!("/data/{member}"));
            assert!(!valid(&mut admin, member, value)?, "{value:?}");
        }
    }
    assert!(
        !admin
            .query_one("select fixed.lei_valid(null)", &[])?
            .get::<_, bool>(0)
    );
    Ok(())
}

#[test]
fn an_asset_names_custodian_and_identifying_party_by_valid_leis() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[])?;
    for member in ["custodian", "identified_by"] {
        for value in NO_LEIS {
            let mut event = facility.new_pledge();
            event.data["asset"][member] = json!(value);
            let answer = facility.send(&event)?;
            assert_told(&answer, value, &format!("/data/asset/{member}"));
        }
    }
    Ok(())
}

#[test]
fn a_settlement_takes_only_a_valid_uetr() -> Result<()> {
    let fixture = Fixture::new()?;
    let propose = |uetr: &str| -> Result<Response> {
        let mut body = proposal(100);
        body["uetr"] = json!(uetr);
        fixture.person("alice").post(
            "/v1/settlements",
            &tests::sample_data::idempotency_key(),
            &body,
        )
    };
    for uetr in UETRS {
        let answer = propose(uetr)?;
        assert_eq!(answer.status, 201, "{uetr}: {}", answer.text());
        assert_eq!(answer.json()["uetr"], uetr);
    }
    for uetr in NO_UETRS {
        assert_told(&propose(uetr)?, uetr, "/uetr");
    }
    Ok(())
}

/// The check digits find each wrong digit, each wrong letter, and each exchange of two neighbours of a kind
/// (ISO 7064).
#[test]
fn an_lei_with_a_typing_error_is_invalid() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let mut random = Random::seeded("slips");
    let (digits, letters) = ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    for _ in 0..200 {
        let issued = lei(&random.text_of(&format!("{digits}{letters}"), 18, 18));
        assert!(valid(&mut admin, "lei", &issued)?, "{issued}");
        let mut slipped: Vec<char> = issued.chars().collect();
        let at = random.below(19);
        let kind = |letter: char| letter.is_ascii_digit();
        if kind(slipped[at]) == kind(slipped[at + 1]) {
            slipped.swap(at, at + 1);
        } else {
            let alike = if kind(slipped[at]) { digits } else { letters };
            slipped[at] = random.text_of(alike, 1, 1).remove(0);
        }
        let slipped: String = slipped.into_iter().collect();
        assert_eq!(
            valid(&mut admin, "lei", &slipped)?,
            slipped == issued,
            "{issued} as {slipped}"
        );
    }
    Ok(())
}

fn valid(admin: &mut Client, what: &str, value: &str) -> Result<bool> {
    let sql = format!("select fixed.{what}_valid($1)");
    Ok(admin.query_one(&sql, &[&value])?.try_get(0)?)
}

fn send(fixture: &Fixture, event: &WebhookEvent) -> Result<Response> {
    fixture.agent(PLATFORM).deliver(&event.delivery())
}

/// Checks that the reply is 422 and names this member.
fn assert_told(answer: &Response, value: &str, pointer: &str) {
    assert_eq!(answer.status, 422, "{value:?}: {}", answer.text());
    let errors = answer.json()["errors"].take();
    let pointers: Vec<&Value> = errors
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| &error["pointer"])
        .collect();
    assert_eq!(pointers, [pointer], "{value:?}: {errors}");
}
