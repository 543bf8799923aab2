//! One thing is pledged once at a time: in one facility or two, by one agent or sixty-four at once.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};
use tests::http::Transport as _;
use tests::rig::Rig;
use tests::world::{COLLATERAL_AGENT, Told, lei};
use uuid::Uuid;

use super::scene::{Scene, refusal};
use crate::direct::barrier;
use crate::support::{assert_books, count, together, without_triggers};

const CLIENTS: usize = 64;
const ROUNDS: usize = 3;

/// A pledge of the thing that bears this identifier.
fn of(scene: &Scene<'_>, identifier: &str) -> Told {
    let mut told = scene.new_pledge();
    told.data["asset"]["identifier"] = json!(identifier);
    told
}

#[test]
fn what_is_pledged_is_not_pledged_again_anywhere() -> Result<()> {
    let rig = Rig::new()?;
    let (one, other) = (Scene::good(&rig, &[])?, Scene::good(&rig, &[])?);
    let first = one.tell(&of(&one, "INV 0007/A"))?;
    // However it is written, under whichever kind: it is the same thing.
    for written in ["INV 0007/A", "inv-0007-a", " INV0007A ", "I.N.V.0007A"] {
        for scene in [&one, &other] {
            let mut told = of(scene, written.trim());
            told.data["asset"]["kind"] = json!("equipment");
            let answer = scene.say(&told)?;
            assert_eq!(refusal(&answer), "already-pledged", "{written}");
            // Whose it is, is not said.
            let told = answer.text();
            for secret in [one.terms.facility, one.filing, one.terms.debtor.id] {
                assert!(!told.contains(&secret.to_string()), "{told}");
            }
        }
    }
    // What another has numbered alike is another thing.
    let mut others = of(&other, "INV 0007/A");
    others.data["asset"]["identified_by"] = json!(lei("ANOTHERORIGINATOR"));
    let others = other.tell(&others)?;
    assert_ne!(
        others["effect"]["fingerprint"],
        first["effect"]["fingerprint"]
    );
    assert_books(&mut rig.admin()?)
}

#[test]
fn what_is_released_can_be_pledged_from_that_day_on() -> Result<()> {
    let rig = Rig::new()?;
    let (mut one, other) = (Scene::good(&rig, &[])?, Scene::good(&rig, &[])?);
    let pledge = of(&one, "Hull 12");
    one.pledge(|_| pledge.clone())?;
    one.released(&one.release(&one.pledged))?;
    // Until today it was pledged.
    assert_eq!(
        refusal(&other.say(&of(&other, "HULL-12"))?),
        "already-pledged"
    );
    let from_today = of(&other, "HULL-12").with("pledged_on", other.today.to_string());
    assert_eq!(refusal(&other.say(&from_today)?), "");
    assert_books(&mut rig.admin()?)
}

#[test]
fn an_asset_keeps_its_description() -> Result<()> {
    let rig = Rig::new()?;
    let mut scene = Scene::good(&rig, &[])?;
    let pledge = of(&scene, "Lot 3");
    scene.pledge(|_| pledge.clone())?;
    scene.released(&scene.release(&scene.pledged))?;
    let again = |member: &str, value: Value| {
        let mut told = pledge
            .clone()
            .with("pledge_id", Uuid::new_v4().to_string())
            .with("pledged_on", scene.today.to_string());
        told.data["asset"][member] = value;
        scene.say(&told)
    };
    for (member, value) in [
        ("kind", json!("equipment")),
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
    assert_eq!(refusal(&again("kind", json!("receivable"))?), "");
    Ok(())
}

#[test]
fn a_pledge_rests_on_what_its_own_facility_has() -> Result<()> {
    let rig = Rig::new()?;
    let (one, other) = (Scene::good(&rig, &[10])?, Scene::good(&rig, &[10])?);
    for (member, value) in [
        ("filing_id", other.filing),
        ("agreement_id", other.agreement),
        ("debtor_party_id", other.terms.debtor.id),
    ] {
        for value in [value, Uuid::new_v4()] {
            let told = one.new_pledge().with(member, value.to_string());
            assert_eq!(refusal(&one.say(&told)?), "not-found", "{member}");
        }
    }
    let asset = other.pledged[0].asset;
    for told in [
        one.terms.valuation(one.today, &[(asset, 10)]),
        one.terms.receipt(one.today, &[asset]),
    ] {
        let answer = one.say(&told)?;
        assert_eq!(refusal(&answer), "not-found", "{}", told.kind);
        assert_eq!(answer.json()["asset_id"], asset.to_string());
    }
    let own = one.pledged[0].asset;
    let elsewhere = one.terms.receipt(one.today, &[own]);
    let answer = one.say(&elsewhere.with("custodian", lei("ANOTHERCUSTODIAN")))?;
    assert_eq!(refusal(&answer), "custodian-mismatch");
    let in_euros = one.terms.valuation(one.today, &[(own, 10)]);
    let answer = one.say(&in_euros.with("currency", "EUR"))?;
    assert_eq!(refusal(&answer), "currency-mismatch");
    assert_books(&mut rig.admin()?)
}

/// Of sixty-four who pledge one thing at once, in two facilities, one does, whoever it is.
#[test]
fn of_sixty_four_who_pledge_the_same_one_wins() -> Result<()> {
    let rig = Rig::new()?;
    rig.start(rig.launch("collateral-webhook")?.scaled(4, 16))?;
    let scenes = [Scene::good(&rig, &[])?, Scene::good(&rig, &[])?];
    let agent = rig.agent(COLLATERAL_AGENT).agent;
    let mut admin = rig.admin()?;
    for round in 0..ROUNDS {
        let identifier = format!("Bond {round}");
        let requests: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let told = of(&scenes[number % 2], &identifier);
                agent.sign(&told.event().to_string())
            })
            .collect();
        let answers = together(CLIENTS, |number| rig.send(&requests[number]))?;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "round {round}");
        let lost: BTreeSet<String> = lost.into_iter().map(refusal).collect();
        assert_eq!(lost, BTreeSet::from(["already-pledged".to_owned()]));
        let pledged = "select count(*) from collateral.pledge where released_on is null";
        assert_eq!(count(&mut admin, pledged)?, i64::try_from(round + 1)?);
    }
    // Nothing is left of those who lost but their refusals.
    let refused = "select count(*) from ledger.commitment_outcome
        where outcome = 'refused' and body ->> 'type' = 'urn:optkas:problem:already-pledged'";
    assert_eq!(
        count(&mut admin, refused)?,
        i64::try_from(ROUNDS * (CLIENTS - 1))?
    );
    let assets = "select count(*) from collateral.asset";
    assert_eq!(count(&mut admin, assets)?, i64::try_from(ROUNDS)?);
    assert_books(&mut admin)
}

/// The sums are numbers of 64 bits. It would take thousands of the largest assets to fill one; a superuser without
/// triggers does it at once.
#[test]
fn more_value_than_can_be_counted_is_a_refusal() -> Result<()> {
    let rig = Rig::new()?;
    let scene = Scene::good(&rig, &[1_000])?;
    without_triggers(
        &mut rig.admin()?,
        "collateral.kind_sum",
        "update collateral.kind_sum set value_minor = 9223372036854775807 - 10",
    )?;
    let only = scene.pledged[0].asset;
    let told = |value: u64| scene.say(&scene.terms.valuation(scene.today, &[(only, value)]));
    let refused = told(1_011)?;
    assert_eq!((refused.status, &*refusal(&refused)), (409, "value-limit"));
    assert_eq!(refusal(&told(1_010)?), "");
    Ok(())
}

/// The last barrier is the table's own: what the function in front does not ask, it does not let in.
#[test]
fn the_table_itself_holds_no_thing_twice() -> Result<()> {
    let rig = Rig::new()?;
    let scene = Scene::good(&rig, &[1])?;
    let twice = format!(
        "insert into collateral.pledge
            (facility_id, pledge_id, asset_id, fingerprint, filing_id, agreement_id, debtor_party_id, pledged_on, commitment_key)
        select facility_id, gen_random_uuid(), asset_id, fingerprint, filing_id, agreement_id, debtor_party_id,
            pledged_on - 1000, commitment_key
        from collateral.pledge where pledge_id = '{}'",
        scene.pledged[0].pledge
    );
    let mut admin = rig.admin()?;
    for mode in ["", "set session_replication_role = replica"] {
        admin.batch_execute(mode)?;
        let stopped = barrier(admin.batch_execute(&twice));
        assert_eq!(stopped, "23P01 pledge_fingerprint_once", "{mode}");
    }
    Ok(())
}
