//! Collateral in a run: as much of it as a settlement could rest on, shared by all that is drawn.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::rig::Rig;

use super::stage::{audit, path, profile, ran, told};
use crate::collateral::scene::Scene;

/// What a run of the scene's facility has for it: the snapshot's line, and what it was rendered from.
fn name(scene: &Scene<'_>) -> Result<(String, Value)> {
    let rig = scene.rig;
    let read = rig.person("carol").get(&path(&ran(rig)?)?)?.json();
    assert_eq!(audit(rig, &read)?.0, 0);
    let facility = scene.terms.facility.to_string();
    let snapshot = read["snapshot"].as_str().context("a text")?;
    let line = snapshot.lines().find(|line| line.contains(&facility));
    let inputs = read["inputs"]["positions"].as_array();
    let inputs = inputs.into_iter().flatten();
    Ok((
        line.context("a line")?.to_owned(),
        inputs
            .clone()
            .find(|position| position["facility_id"] == facility)
            .context("its inputs")?["cover"]
            .clone(),
    ))
}

#[test]
fn a_position_is_covered_by_its_share_of_what_counts_that_day() -> Result<()> {
    let rig = Rig::new()?;
    let scene = Scene::good(&rig, &[1_000_000])?;
    let facility = scene.terms.facility;
    told(&rig, "facility.risk_updated", &profile(facility))?;
    let settlement = scene.drawn(200_000)?;
    for (agent, kind) in [
        ("escrow-one", "escrow.funded"),
        ("settle-one", "settlement.completed"),
    ] {
        let answer = scene.report(agent, kind, &settlement, 200_000)?;
        ensure!(answer.status == 200, "{kind}: {}", answer.text());
    }
    // Reserved by the same allocator: drawn as well, and no position yet.
    scene.drawn(100_000)?;
    let line = |collateral: u32| {
        format!("name {facility} 200000 {collateral} 20000000 beta 400000000 200000000 - 450000000")
    };
    let cover = |eligible: &str| {
        json!({
            "rules_version": 1, "eligible_minor": eligible, "excess_minor": "0", "drawn_minor": "300000",
        })
    };
    assert_eq!(name(&scene)?, (line(200_000), cover("1000000")));
    // Worth less than is drawn: two thirds of it are this position's.
    scene.value(scene.pledged[0], 100_001)?;
    assert_eq!(name(&scene)?, (line(66_667), cover("100001")));
    // A termination that nobody authorised: nothing new may rest on the filing, and no loss either.
    scene.amend("termination", 0, |told| told)?;
    assert_eq!(name(&scene)?, (line(0), Value::Null));
    Ok(())
}
