//! A release needs two people, one to request and one to approve, and covers exactly the content that both have seen.

use anyhow::{Context as _, Result};
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::idempotency_key;
use uuid::Uuid;

use super::secured_facility::{SecuredFacility, refusal};
use crate::direct::Direct;
use crate::support::{assert_books, count, together, without_triggers};

const ROUNDS: usize = 6;

/// 1,000 and 500 are pledged at 85 %, and this is drawn.
const DRAWN: u64 = 1_200;

fn drawn(fixture: &Fixture) -> Result<SecuredFacility<'_>> {
    let facility = SecuredFacility::good(fixture, &[1_000, 500])?;
    facility.drawn(DRAWN)?;
    Ok(facility)
}

fn base(facility: &SecuredFacility<'_>) -> Result<Value> {
    Ok(facility.collateral()?["borrowing_base"]["base_minor"].take())
}

#[test]
fn a_release_shows_what_loses_its_cover_and_takes_effect_when_another_approves() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = drawn(&fixture)?;
    let release = facility.requested(&facility.release(&facility.pledged[..1]))?;
    assert_eq!(release["status"], "REQUESTED");
    assert_eq!(release["approved_by"], json!(null));
    let content = &release["content"];
    assert_eq!(content["filing"]["id"], facility.filing.to_string());
    let assets = content["assets"].as_array().context("assets")?;
    assert_eq!(assets.len(), 1);
    assert_eq!(
        assets[0]["pledge_id"],
        facility.pledged[0].pledge.to_string()
    );
    assert_eq!(assets[0]["value_minor"], "1000");
    assert_eq!(
        content["exposure"],
        json!({
            "drawn_minor": "1200", "base_minor": "1275", "base_after_minor": "425",
            "availability_minor": "75", "availability_after_minor": "-775",
            "coverage_bp": 12_500, "coverage_after_bp": 4_166, "uncovered_minor": "775",
        })
    );
    assert_eq!(base(&facility)?, "1275", "nothing is released yet");
    assert_eq!(facility.collateral()?["releases"][0]["id"], release["id"]);

    let answer = facility.approve_by("bob", &release)?;
    assert_eq!(refusal(&answer), "");
    let approved = answer.json();
    assert_eq!(approved["status"], "APPROVED");
    assert_eq!(approved["content_sha256"], release["content_sha256"]);
    assert_eq!(
        approved["approved_by"],
        fixture.person("bob").person.sub.to_string()
    );
    let left = facility.collateral()?;
    assert_eq!(left["borrowing_base"]["base_minor"], "425");
    assert_eq!(left["borrowing_base"]["availability_minor"], "-775");
    assert_eq!(left["pledges"].as_array().map(Vec::len), Some(1));
    assert_eq!(left["releases"], json!([]));
    assert_books(&mut fixture.admin()?)
}

#[test]
fn a_release_needs_two_people() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = drawn(&fixture)?;
    let body = facility.release(&facility.pledged[..1]);
    for no_maker in ["bob", "carol"] {
        assert_eq!(
            refusal(&facility.request_by(no_maker, &body)?),
            "role-missing"
        );
    }
    let release = facility.requested(&body)?;
    for no_checker in ["alice", "carol"] {
        assert_eq!(
            refusal(&facility.approve_by(no_checker, &release)?),
            "role-missing"
        );
    }
    // Dave is maker and checker. He may approve another person's request, but not his own.
    let own = facility.request_by("dave", &body)?.json();
    assert_eq!(refusal(&facility.approve_by("dave", &own)?), "four-eyes");
    assert_eq!(refusal(&facility.approve_by("dave", &release)?), "");
    assert_books(&mut fixture.admin()?)
}

#[test]
fn a_release_that_changed_since_its_request_is_not_approved() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = drawn(&fixture)?;
    let body = facility.release(&facility.pledged[..1]);
    let release = facility.requested(&body)?;
    let approved = || Ok::<_, anyhow::Error>(refusal(&facility.approve_by("bob", &release)?));

    // The hash of another content than the requested one.
    let mut other = release.clone();
    other["content_sha256"] = json!("00".repeat(32));
    assert_eq!(
        refusal(&facility.approve_by("bob", &other)?),
        "release-changed"
    );
    // A cent more in an asset that stays; a cent more drawn; another rule.
    let stays = facility.pledged[1];
    facility.value(stays, 501)?;
    assert_eq!(approved()?, "release-changed");
    facility.value(stays, 500)?;
    let small = facility.drawn(1)?;
    assert_eq!(approved()?, "release-changed");
    let cancelled = fixture.person("bob").post_empty(
        &crate::settlements::of(&small, "cancel"),
        &idempotency_key(),
    )?;
    assert_eq!(cancelled.status, 200);
    facility.rule(&[("reserves_minor", json!("1"))])?;
    assert_eq!(approved()?, "release-changed");
    facility.rule(&[])?;
    // The content is again as requested, though by other documents.
    assert_eq!(approved()?, "");
    assert_books(&mut fixture.admin()?)
}

/// Called as the endpoint's login: an approval without the hash of what it approves is none.
#[test]
fn an_approval_without_a_hash_approves_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = drawn(&fixture)?;
    let mut direct = Direct::new(&fixture);
    let deletion = json!({"kind": "collateral", "action": "delete", "description": "Schedule A"});
    for body in [
        facility.release(&facility.pledged[..1]),
        facility.termination(),
        facility.removal(&deletion),
    ] {
        let release = facility.requested(&body)?;
        let id = release["id"].as_str().context("an id")?;
        for hash in ["null", r"'\x'", r"'\x00'"] {
            let rest = format!("'{id}', {hash}");
            let reply = direct.human("approve-release", "bob", &idempotency_key(), &rest)?;
            assert_eq!(reply.name(), "refused release-changed", "{hash}");
        }
    }
    assert_eq!(base(&facility)?, "1275");
    Ok(())
}

#[test]
fn an_approval_takes_effect_once() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = drawn(&fixture)?;
    let body = facility.release(&facility.pledged[..1]);
    let (first, second) = (facility.requested(&body)?, facility.requested(&body)?);
    assert_eq!(refusal(&facility.approve_by("bob", &first)?), "");
    for person in ["bob", "dave"] {
        assert_eq!(
            refusal(&facility.approve_by(person, &first)?),
            "release-decided"
        );
        // The other release names an asset that has been released.
        assert_eq!(
            refusal(&facility.approve_by(person, &second)?),
            "release-changed"
        );
    }
    assert_eq!(refusal(&facility.request_by("alice", &body)?), "not-found");
    assert_books(&mut fixture.admin()?)
}

#[test]
fn a_termination_releases_everything_under_the_filing() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::good(&fixture, &[1_000, 500])?;
    let release = facility.requested(&facility.termination())?;
    let named = |release: &Value| release["content"]["assets"].as_array().map(Vec::len);
    assert_eq!(named(&release), Some(2));
    // With one more pledge under the filing the content differs.
    facility.pledge(|refusals| refusals)?;
    assert_eq!(
        refusal(&facility.approve_by("bob", &release)?),
        "release-changed"
    );
    let release = facility.released(&facility.termination())?;
    assert_eq!(named(&release), Some(3));
    let standing = facility.amend("termination", -1, |refusals| refusals)?;
    assert_eq!(standing["status"], "terminated");
    assert_eq!(facility.collateral()?["pledges"], json!([]));
    assert_eq!(base(&facility)?, "0");
    assert_books(&mut fixture.admin()?)
}

#[test]
fn unknown_pledges_and_filings_cannot_be_released() -> Result<()> {
    let fixture = Fixture::new()?;
    let (one, other) = (
        SecuredFacility::good(&fixture, &[10])?,
        SecuredFacility::good(&fixture, &[10])?,
    );
    let unknown = Uuid::new_v4().to_string();
    let mut foreign_filing = one.release(&one.pledged);
    foreign_filing["filing_id"] = json!(other.filing.to_string());
    let mut unknown_filing = one.release(&one.pledged);
    unknown_filing["filing_id"] = json!(unknown);
    let mut unknown_pledge = one.release(&one.pledged);
    unknown_pledge["pledge_ids"] = json!([unknown, one.pledged[0].pledge.to_string()]);
    for (body, resource) in [
        (foreign_filing, "filing"),
        (unknown_filing, "filing"),
        (unknown_pledge, "pledge"),
        (one.release(&other.pledged), "pledge"),
    ] {
        let answer = one.request_by("alice", &body)?;
        assert_eq!(refusal(&answer), "not-found", "{body}");
        assert_eq!(answer.json()["resource"], resource, "{body}");
    }
    let nothing = json!({ "id": unknown, "content_sha256": "00".repeat(32) });
    assert_eq!(refusal(&one.approve_by("bob", &nothing)?), "not-found");
    let nowhere = format!("/v1/facilities/{unknown}/releases");
    let answer =
        fixture
            .person("alice")
            .post(&nowhere, &idempotency_key(), &one.release(&one.pledged))?;
    assert_eq!(refusal(&answer), "not-found");
    Ok(())
}

#[test]
fn a_request_waits_for_seven_days() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = drawn(&fixture)?;
    let release = facility.requested(&facility.release(&facility.pledged[..1]))?;
    let mut admin = fixture.admin()?;
    let_pass(&mut admin, "6 days 23 hours 50 minutes")?;
    assert_eq!(facility.collateral()?["releases"][0]["id"], release["id"]);
    let_pass(&mut admin, "10 minutes")?;
    assert_eq!(facility.collateral()?["releases"], json!([]));
    assert_eq!(refusal(&facility.approve_by("bob", &release)?), "expired");
    assert_eq!(base(&facility)?, "1275");
    Ok(())
}

/// Makes all requests older by this interval.
fn let_pass(admin: &mut Client, time: &str) -> Result<()> {
    let earlier =
        format!("update collateral.release set created_at = created_at - interval '{time}'");
    without_triggers(admin, "collateral.release", &earlier)
}

#[test]
fn of_two_approvals_at_once_one_takes_effect() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.start(fixture.launch("approve-release")?.scaled(2, 2))?;
    for _ in 0..ROUNDS {
        let facility = SecuredFacility::good(&fixture, &[1_000, 500])?;
        let release = facility.requested(&facility.release(&facility.pledged[..1]))?;
        let approvers = ["bob", "dave"];
        let mut refusals: Vec<String> =
            together(2, |at| facility.approve_by(approvers[at], &release))?
                .iter()
                .map(refusal)
                .collect();
        refusals.sort();
        assert_eq!(refusals, ["", "release-decided"]);
    }
    assert_books(&mut fixture.admin()?)
}

/// One asset never both supports a new settlement and is released.
#[test]
fn a_release_and_a_settlement_never_both_use_one_asset() -> Result<()> {
    let fixture = Fixture::new()?;
    for _ in 0..ROUNDS {
        let facility = SecuredFacility::good(&fixture, &[1_000])?;
        let settlement = facility.proposed(800)?;
        let release = facility.requested(&facility.release(&facility.pledged))?;
        let refusals: Vec<String> = together(2, |at| match at {
            0 => facility.verify(&settlement),
            _ => facility.approve_by("dave", &release),
        })?
        .iter()
        .map(refusal)
        .collect();
        let refusals: Vec<&str> = refusals.iter().map(String::as_str).collect();
        assert!(
            [
                ["", "release-changed"],
                ["filing-missing, availability-short", ""]
            ]
            .contains(&[refusals[0], refusals[1]]),
            "{refusals:?}"
        );
    }
    let mut admin = fixture.admin()?;
    // In either order, no settlement rests on less than it takes.
    let bare = "select count(*) from capital.settlement as s join collateral.borrowing_base as b using (settlement_id)
        where b.availability_minor < s.amount_minor";
    assert_eq!(count(&mut admin, bare)?, 0);
    assert_books(&mut admin)
}

/// The last of the base is not drawn twice.
#[test]
fn of_twelve_draws_at_once_as_many_pass_as_the_base_bears() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.start(fixture.launch("verify-settlement")?.scaled(2, 8))?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let settlements = (0..12)
        .map(|_| facility.proposed(250))
        .collect::<Result<Vec<_>>>()?;
    let mut refusals: Vec<String> = together(12, |at| facility.verify(&settlements[at]))?
        .iter()
        .map(refusal)
        .collect();
    refusals.sort();
    assert_eq!(refusals[..3], ["", "", ""]);
    assert!(
        refusals[3..].iter().all(|it| it == "availability-short"),
        "{refusals:?}"
    );
    assert_books(&mut fixture.admin()?)
}
