//! Collateral in a run: the eligible collateral of the day, shared by everything that is drawn.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::fixture::Fixture;

use super::fixture::{audit, path, profile, ran, record};
use crate::collateral::secured_facility::SecuredFacility;

/// The facility's line in a run's snapshot, and the inputs that it was rendered from.
fn name(facility: &SecuredFacility<'_>) -> Result<(String, Value)> {
    let fixture = facility.fixture;
    let read = fixture.person("carol").get(&path(&ran(fixture)?)?)?.json();
    assert_eq!(audit(fixture, &read)?.0, 0);
    let facility_id = facility.terms.facility.to_string();
    let snapshot = read["snapshot"].as_str().context("a text")?;
    let line = snapshot.lines().find(|line| line.contains(&facility_id));
    let inputs = read["inputs"]["positions"].as_array();
    let inputs = inputs.into_iter().flatten();
    Ok((
        line.context("a line")?.to_owned(),
        inputs
            .clone()
            .find(|position| position["facility_id"] == facility_id)
            .context("its inputs")?["cover"]
            .clone(),
    ))
}

#[test]
fn a_position_is_covered_by_its_share_of_that_days_eligible_collateral() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000_000])?;
    let facility_id = facility.terms.facility;
    record(&fixture, "facility.risk_updated", &profile(facility_id))?;
    let settlement = facility.drawn(200_000)?;
    for (agent, kind) in [
        ("escrow-one", "escrow.funded"),
        ("settle-one", "settlement.completed"),
    ] {
        let answer = facility.report(agent, kind, &settlement, 200_000)?;
        ensure!(answer.status == 200, "{kind}: {}", answer.text());
    }
    // Reserved by the same allocator: drawn as well, but not yet a position.
    facility.drawn(100_000)?;
    let line = |collateral: u32| {
        format!(
            "name {facility_id} 200000 {collateral} 20000000 beta 400000000 200000000 - 450000000"
        )
    };
    let cover = |eligible: &str| {
        json!({
            "rules_version": 1, "eligible_minor": eligible, "excess_minor": "0", "drawn_minor": "300000",
        })
    };
    assert_eq!(name(&facility)?, (line(200_000), cover("1000000")));
    // Worth less than is drawn: two thirds of it are this position's.
    facility.value(facility.pledged[0], 100_001)?;
    assert_eq!(name(&facility)?, (line(66_667), cover("100001")));
    // A termination that was not authorised: neither a new settlement nor a loss estimate may rest on the filing.
    facility.amend("termination", -1, |event| event)?;
    assert_eq!(name(&facility)?, (line(0), Value::Null));
    Ok(())
}
