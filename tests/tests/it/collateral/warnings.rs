//! The monitor: what there is to warn of is told once, and closed once when it has gone.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;
use tests::lambda::{Answer, Invocation};
use tests::rig::Rig;
use tests::world::filed_to_lapse_on;

use super::scene::{Scene, monitor};
use crate::support::{assert_books, count, together};

/// A facility with something to warn of.
type Make = for<'a> fn(&'a Rig) -> Result<Scene<'a>>;
/// What makes it good again, where anything does.
type Mend = fn(&Scene<'_>) -> Result<()>;

const REASONS: [(&str, &[&str], Make, Option<Mend>); 9] = [
    ("nothing", &[], |rig| Scene::good(rig, &[1_000]), None),
    (
        "the window is open",
        &["continuation-open"],
        |rig| filed(rig, 100),
        Some(|scene| scene.amend("continuation", -1, |told| told).map(drop)),
    ),
    (
        "the window closes soon",
        &["continuation-closing", "continuation-open"],
        |rig| filed(rig, 20),
        Some(|scene| scene.amend("continuation", -1, |told| told).map(drop)),
    ),
    (
        "the filing has lapsed",
        &["filing-lapsed"],
        |rig| filed(rig, -10),
        None,
    ),
    (
        "a termination that nobody has released",
        &["filing-disputed"],
        |rig| {
            let scene = Scene::good(rig, &[1_000])?;
            scene.amend("termination", -1, |told| told)?;
            Ok(scene)
        },
        Some(|scene| scene.released(&scene.termination()).map(drop)),
    ),
    (
        "a pledge under what is terminated",
        &["filing-terminated"],
        |rig| {
            let mut scene = Scene::good(rig, &[1_000])?;
            scene.released(&scene.termination())?;
            scene.amend("termination", -1, |told| told)?;
            scene.pledge(|told| told)?;
            Ok(scene)
        },
        None,
    ),
    (
        "old papers",
        &["custody-stale", "valuation-stale"],
        |rig| {
            let mut scene = Scene::good(rig, &[])?;
            let pledged = scene.pledge(|told| told)?;
            let long_ago = scene.day(-40);
            scene.tell(&scene.terms.valuation(long_ago, &[(pledged.asset, 1_000)]))?;
            scene.tell(&scene.terms.receipt(long_ago, &[pledged.asset]))?;
            Ok(scene)
        },
        Some(|scene| {
            scene.value(scene.pledged[0], 1_000)?;
            scene.hold(scene.pledged[0]).map(drop)
        }),
    ),
    (
        "less base than is drawn, and less cover than the floor",
        &["base-short", "coverage-short"],
        |rig| {
            let scene = Scene::good(rig, &[1_000])?;
            scene.drawn(800)?;
            scene.rule(&[("coverage_floor_bp", json!(12_000))])?;
            scene.value(scene.pledged[0], 900)?;
            Ok(scene)
        },
        Some(|scene| scene.value(scene.pledged[0], 1_000).map(drop)),
    ),
    (
        "an earlier filing of somebody else",
        &["search-adverse"],
        |rig| {
            let scene = Scene::good(rig, &[1_000])?;
            let found = json!([{
                "file_number": "1999 1", "filed_at": "1999-01-01T00:00:00Z", "secured_party": "Other Bank",
            }]);
            scene.tell(&scene.terms.search(scene.day(-1)).with("findings", found))?;
            Ok(scene)
        },
        Some(|scene| scene.tell(&scene.terms.search(scene.day(-1))).map(drop)),
    ),
];

/// Pledged under a filing that lapses in so many days.
fn filed(rig: &Rig, lapses_in: i64) -> Result<Scene<'_>> {
    let mut scene = Scene::good(rig, &[])?;
    let told = scene.terms.filing(filed_to_lapse_on(scene.day(lapses_in)));
    scene.file(|_| told)?;
    scene.pledge(|told| told)?;
    Ok(scene)
}

#[test]
fn each_reason_is_told_once_and_closed_once() -> Result<()> {
    let rig = Rig::new()?;
    let mut admin = rig.admin()?;
    let scenes = REASONS
        .iter()
        .map(|(what, kinds, make, mend)| Ok((*what, *kinds, make(&rig)?, *mend)))
        .collect::<Result<Vec<_>>>()?;
    // The second and third beats find what the first has told.
    for beat in 0..3 {
        monitor(&rig)?;
        for (what, kinds, scene, _) in &scenes {
            assert_eq!(scene.warnings()?, *kinds, "{what}, beat {beat}");
            let once: BTreeMap<_, _> = kinds
                .iter()
                .map(|kind| (((*kind).to_owned(), 1), true))
                .collect();
            assert_eq!(scene.history(&mut admin)?, once, "{what}, beat {beat}");
        }
    }
    let changes =
        "select count(*) from ledger.commitment_ledger where operation = 'monitor-collateral'";
    let warned: usize = REASONS.iter().map(|(_, kinds, ..)| kinds.len()).sum();
    assert_eq!(count(&mut admin, changes)?, i64::try_from(warned)?);

    for (_, _, scene, mend) in &scenes {
        mend.map_or(Ok(()), |mend| mend(scene))?;
    }
    for beat in 0..2 {
        monitor(&rig)?;
        for (what, kinds, scene, mend) in &scenes {
            let open = mend.is_none();
            let once: BTreeMap<_, _> = kinds
                .iter()
                .map(|kind| (((*kind).to_owned(), 1), open))
                .collect();
            assert_eq!(
                scene.history(&mut admin)?,
                once,
                "{what}, mended, beat {beat}"
            );
        }
    }
    assert_books(&mut admin)
}

#[test]
fn a_reason_that_comes_back_is_told_again() -> Result<()> {
    let rig = Rig::new()?;
    let mut admin = rig.admin()?;
    let scene = Scene::good(&rig, &[1_000])?;
    scene.drawn(800)?;
    for occurrence in 1..=3 {
        for (value, open) in [(900, true), (1_000, false)] {
            scene.value(scene.pledged[0], value)?;
            monitor(&rig)?;
            let history = scene.history(&mut admin)?;
            assert_eq!(history.len(), usize::try_from(occurrence)?);
            assert_eq!(history[&("base-short".to_owned(), occurrence)], open);
        }
    }
    assert_books(&mut admin)
}

/// Lambda invokes a schedule at least once, and now and then twice at a time.
#[test]
fn monitors_side_by_side_tell_each_reason_once() -> Result<()> {
    let rig = Rig::new()?;
    rig.start(rig.launch("monitor-collateral")?.scaled(3, 2))?;
    let mut admin = rig.admin()?;
    let scenes = (0..5)
        .map(|_| {
            let scene = Scene::good(&rig, &[1_000])?;
            scene.amend("termination", -1, |told| told)?;
            Ok(scene)
        })
        .collect::<Result<Vec<_>>>()?;
    for open in [true, false] {
        together(6, |_| monitor(&rig))?;
        for scene in &scenes {
            let once = BTreeMap::from([(("filing-disputed".to_owned(), 1), open)]);
            assert_eq!(scene.history(&mut admin)?, once);
            if open {
                scene.released(&scene.termination())?;
            }
        }
    }
    let changes =
        "select count(*) from ledger.commitment_ledger where operation = 'monitor-collateral'";
    assert_eq!(count(&mut admin, changes)?, 10);
    assert_books(&mut admin)
}

/// Whoever makes one facility impossible to look at must not blind the monitor to those after it.
#[test]
fn a_facility_that_cannot_be_looked_at_is_passed_over_and_named() -> Result<()> {
    let rig = Rig::new()?;
    let mut admin = rig.admin()?;
    let mut scenes = (0..4)
        .map(|_| {
            let scene = Scene::good(&rig, &[1_000])?;
            scene.amend("termination", -1, |told| told)?;
            Ok(scene)
        })
        .collect::<Result<Vec<_>>>()?;
    scenes.sort_by_key(|scene| scene.terms.facility);
    let (broken, others) = (&scenes[1..3], [&scenes[0], &scenes[3]]);
    admin.batch_execute(&format!(
        "create function public.fail() returns trigger language plpgsql as $$ begin raise 'broken'; end $$;
         grant execute on function public.fail() to public;
         create trigger broken before insert on collateral.warning for each row
         when (new.facility_id in ('{}', '{}')) execute function public.fail();
         alter table collateral.warning enable always trigger broken",
        broken[0].terms.facility, broken[1].terms.facility
    ))?;

    let told = BTreeMap::from([(("filing-disputed".to_owned(), 1), true)]);
    let function = rig.function("monitor-collateral")?;
    let answer = function.invoke(Invocation::new(&json!({})))?;
    assert!(
        matches!(answer, Answer::Error(_)),
        "the run has failed: {answer:?}"
    );
    let log = function.logs();
    for scene in broken {
        assert!(scene.history(&mut admin)?.is_empty());
        let named = log.lines().any(|line| {
            line.contains("could not be looked at")
                && line.contains(&scene.terms.facility.to_string())
        });
        assert!(named, "{log}");
    }
    for scene in others {
        assert_eq!(scene.history(&mut admin)?, told);
    }
    assert!(log.contains(r#""warnings_opened":2"#), "{log}");

    admin.batch_execute("drop trigger broken on collateral.warning")?;
    monitor(&rig)?;
    for scene in &scenes {
        assert_eq!(scene.history(&mut admin)?, told);
    }
    assert_books(&mut admin)
}
