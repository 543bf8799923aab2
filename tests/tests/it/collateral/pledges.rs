//! An asset is pledged once at a time in a facility, and counts in one: by one agent or by 64 at once.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Transport as _;
use tests::sample_data::{COLLATERAL_AGENT, PLATFORM, WebhookEvent, delivery, lei};
use uuid::Uuid;

use super::secured_facility::{SecuredFacility, monitor, refusal};
use crate::direct::barrier;
use crate::support::{assert_books, count, together, without_triggers};

const CLIENTS: usize = 64;
const ROUNDS: usize = 3;

/// A pledge of the asset with this identifier.
fn of(facility: &SecuredFacility<'_>, identifier: &str) -> WebhookEvent {
    let mut event = facility.new_pledge();
    event.data["asset"]["identifier"] = json!(identifier);
    event
}

#[test]
fn a_pledged_asset_is_not_pledged_again_in_its_facility_and_bars_no_other() -> Result<()> {
    let fixture = Fixture::new()?;
    let (one, other) = (
        SecuredFacility::good(&fixture, &[])?,
        SecuredFacility::good(&fixture, &[])?,
    );
    let first = one.record(&of(&one, "INV 0007/A"))?;
    // Another facility's agent learns nothing: the asset is recorded as if nobody had it.
    let second = other.record(&of(&other, "INV-0007-A"))?;
    assert_eq!(second["effect"], first["effect"]);
    // In any spelling and under any kind it is the same asset.
    for written in ["INV 0007/A", "inv-0007-a", " INV0007A ", "I.N.V.0007A"] {
        for facility in [&one, &other] {
            let mut event = of(facility, written.trim());
            event.data["asset"]["asset_kind"] = json!("equipment");
            let answer = facility.send(&event)?;
            assert_eq!(refusal(&answer), "already-pledged", "{written}");
        }
    }
    // The same number given by another party names another asset.
    let mut others = of(&other, "INV 0007/A");
    others.data["asset"]["identified_by"] = json!(lei("ANOTHERORIGINATOR"));
    let others = other.record(&others)?;
    assert_ne!(
        others["effect"]["fingerprint"],
        first["effect"]["fingerprint"]
    );
    assert_books(&mut fixture.admin()?)
}

/// The first of two facilities counts an asset, until it is released or the platform decides.
#[test]
fn an_asset_of_two_facilities_counts_in_one_and_both_are_warned() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facilities = [
        SecuredFacility::good(&fixture, &[])?,
        SecuredFacility::good(&fixture, &[])?,
    ];
    let mut papers = Vec::new();
    for facility in &mut facilities {
        let pledge = of(facility, "Hull 12");
        papers.push(facility.pledge(|_| pledge)?);
    }
    let report = |number: usize| -> Result<()> {
        facilities[number].value(papers[number], 1_000)?;
        facilities[number].hold(papers[number]).map(drop)
    };
    let bases = || -> Result<Vec<Value>> {
        let of = |facility: &SecuredFacility<'_>| {
            Ok(facility.collateral()?["borrowing_base"]["base_minor"].take())
        };
        facilities.iter().map(of).collect()
    };
    report(1)?;
    report(0)?;
    assert_eq!(bases()?, ["850", "0"]);
    monitor(&fixture)?;
    for facility in &facilities {
        assert!(facility.warnings()?.contains(&"asset-contested".to_owned()));
    }
    assert_eq!(facilities[1].collateral()?["pledges"][0]["contested"], true);
    facilities[0].drawn(10)?;
    let short = refusal(&facilities[1].draw(10)?);
    assert_eq!(short, "availability-short");

    // The platform decides, and can decide again.
    for (chosen, expected) in [(1, ["0", "850"]), (0, ["850", "0"])] {
        let data = json!({
            "facility_id": facilities[chosen].terms.facility.to_string(),
            "asset_id": papers[chosen].asset.to_string(),
        });
        let decided = fixture
            .agent(PLATFORM)
            .deliver(&delivery("dispute.decided", &data))?;
        assert_eq!(refusal(&decided), "");
        assert_eq!(bases()?, expected);
    }
    // What its lead releases is contested no more, and counts elsewhere with the next report.
    facilities[0].released(&facilities[0].release(&facilities[0].pledged))?;
    assert_eq!(bases()?, ["0", "0"]);
    report(1)?;
    assert_eq!(bases()?, ["0", "850"]);
    monitor(&fixture)?;
    assert_eq!(facilities[1].warnings()?, [""; 0]);
    assert_books(&mut fixture.admin()?)
}

#[test]
fn an_asset_keeps_its_description() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::good(&fixture, &[])?;
    let pledge = of(&facility, "Lot 3");
    facility.pledge(|_| pledge.clone())?;
    facility.released(&facility.release(&facility.pledged))?;
    let again = |member: &str, value: Value| {
        let mut event = pledge
            .clone()
            .with("pledge_id", Uuid::new_v4().to_string())
            .with("pledged_on", facility.today.to_string());
        event.data["asset"][member] = value;
        facility.send(&event)
    };
    for (member, value) in [
        ("asset_kind", json!("equipment")),
        ("obligor", json!("Somebody Else")),
        ("custodian", json!(lei("ANOTHERCUSTODIAN"))),
        ("identified_by", json!(lei("ANOTHERORIGINATOR"))),
        ("identifier", json!("Lot 4")),
    ] {
        assert_eq!(
            refusal(&again(member, value)?),
            "already-exists",
            "{member}"
        );
    }
    assert_eq!(refusal(&again("asset_kind", json!("receivable"))?), "");
    Ok(())
}

#[test]
fn a_pledge_names_only_papers_of_its_own_facility() -> Result<()> {
    let fixture = Fixture::new()?;
    let (one, other) = (
        SecuredFacility::good(&fixture, &[10])?,
        SecuredFacility::good(&fixture, &[10])?,
    );
    for (member, value) in [
        ("filing_id", other.filing),
        ("agreement_id", other.agreement),
        ("debtor_party_id", other.terms.debtor.id),
    ] {
        for value in [value, Uuid::new_v4()] {
            let event = one.new_pledge().with(member, value.to_string());
            assert_eq!(refusal(&one.send(&event)?), "not-found", "{member}");
        }
    }
    let asset = other.pledged[0].asset;
    for event in [
        one.terms.valuation(one.today, &[(asset, 10)]),
        one.terms.receipt(one.today, &[asset]),
    ] {
        let answer = one.send(&event)?;
        assert_eq!(refusal(&answer), "not-found", "{}", event.kind);
        assert_eq!(answer.json()["asset_id"], asset.to_string());
    }
    let own = one.pledged[0].asset;
    let elsewhere = one.terms.receipt(one.today, &[own]);
    let answer = one.send(&elsewhere.with("custodian", lei("ANOTHERCUSTODIAN")))?;
    assert_eq!(refusal(&answer), "custodian-mismatch");
    let in_euros = one.terms.valuation(one.today, &[(own, 10)]);
    let answer = one.send(&in_euros.with("currency", "EUR"))?;
    assert_eq!(refusal(&answer), "currency-mismatch");
    assert_books(&mut fixture.admin()?)
}

/// Of 64 pledges of one asset at once, in two facilities, one is accepted in each, and one of the two counts.
#[test]
fn of_64_pledges_of_one_asset_at_once_one_is_accepted_in_each_facility() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.start(fixture.launch("collateral-webhook")?.scaled(4, 16))?;
    let facilities = [
        SecuredFacility::good(&fixture, &[])?,
        SecuredFacility::good(&fixture, &[])?,
    ];
    let agent = fixture.agent(COLLATERAL_AGENT).agent;
    let mut admin = fixture.admin()?;
    for round in 0..ROUNDS {
        let identifier = format!("Bond {round}");
        let requests: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let event = of(&facilities[number % 2], &identifier);
                agent.sign(&event.delivery().to_string())
            })
            .collect();
        let answers = together(CLIENTS, |number| fixture.send(&requests[number]))?;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 2, "round {round}");
        let lost: BTreeSet<String> = lost.into_iter().map(refusal).collect();
        assert_eq!(lost, BTreeSet::from(["already-pledged".to_owned()]));
        let pledged = "select count(*) from collateral.pledge where released_on is null";
        assert_eq!(count(&mut admin, pledged)?, i64::try_from(2 * (round + 1))?);
        let first = "select count(*) from collateral.holding where not contested";
        assert_eq!(count(&mut admin, first)?, i64::try_from(round + 1)?);
    }
    // The losers leave nothing behind but their refusals.
    let refused = "select count(*) from ledger.commitment_outcome
        where refusal = 'already-pledged'";
    assert_eq!(
        count(&mut admin, refused)?,
        i64::try_from(ROUNDS * (CLIENTS - 2))?
    );
    let assets = "select count(*) from collateral.asset";
    assert_eq!(count(&mut admin, assets)?, i64::try_from(2 * ROUNDS)?);
    assert_books(&mut admin)
}

/// The sums are numbers of 64 bits. Thousands of the largest assets would be needed to fill one, so the test writes it
/// as a superuser without triggers.
#[test]
fn a_value_beyond_the_largest_sum_is_refused() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    without_triggers(
        &mut fixture.admin()?,
        "collateral.kind_sum",
        "update collateral.kind_sum set value_minor = 9223372036854775807 - 10",
    )?;
    let only = facility.pledged[0].asset;
    let valued =
        |value: u64| facility.send(&facility.terms.valuation(facility.today, &[(only, value)]));
    let refused = valued(1_011)?;
    assert_eq!((refused.status, &*refusal(&refused)), (409, "value-limit"));
    assert_eq!(refusal(&valued(1_010)?), "");
    Ok(())
}

/// The last barrier is the table's own constraint: it holds even if the function in front checks nothing.
#[test]
fn the_tables_own_constraint_stops_a_second_pledge() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1])?;
    let twice = format!(
        "insert into collateral.pledge
            (facility_id, pledge_id, asset_id, fingerprint, filing_id, agreement_id, debtor_party_id, pledged_on,
                commitment_key)
        select facility_id, gen_random_uuid(), asset_id, fingerprint, filing_id, agreement_id, debtor_party_id,
            pledged_on - 1000, commitment_key
        from collateral.pledge where pledge_id = '{}'",
        facility.pledged[0].pledge
    );
    let mut admin = fixture.admin()?;
    for mode in ["", "set session_replication_role = replica"] {
        admin.batch_execute(mode)?;
        let stopped = barrier(admin.batch_execute(&twice));
        assert_eq!(stopped, "23P01 pledge_fingerprint_once", "{mode}");
    }
    Ok(())
}
