//! What is just acceptable is accepted: whatever passes the functions' checks passes the tables' constraints, and what
//! is computed of it can be stored and shown.

use anyhow::Result;
use postgres::Client;
use serde_json::{Value, json};
use tests::rig::Rig;
use tests::world::{Party, kind_rule};
use time::{Date, Month};
use uuid::Uuid;

use super::scene::{Scene, monitor};
use crate::support::{assert_books, without_triggers};

/// Three octets in UTF-8.
const WIDE: &str = "債";
const VALUE_MAX: u64 = 999_999_999_999_999;

fn first_day() -> Result<Date> {
    Ok(Date::from_calendar_date(1, Month::January, 1)?)
}

/// A party with the longest names that there are.
fn long_party() -> Party {
    let id = Uuid::new_v4();
    let short = id.simple().to_string();
    Party {
        id,
        name: format!("{short}{}", WIDE.repeat(300 - short.len())),
    }
}

/// Of 40 letters and digits, with as much between them as goes in.
fn long_number() -> String {
    let id = Uuid::new_v4().simple().to_string();
    format!("{id}{}{}", "7".repeat(8), "-".repeat(20))
}

#[test]
fn the_widest_of_everything_is_recorded_and_shown() -> Result<()> {
    let rig = Rig::new()?;
    let mut admin = rig.admin()?;
    let mut scene = Scene::open(&rig)?;
    scene.terms.debtor = long_party();
    scene.terms.secured_party = long_party();
    for party in [&scene.terms.debtor, &scene.terms.secured_party] {
        let told = scene.terms.party(party);
        let told = told.with("organisation_number", WIDE.repeat(40));
        scene.onboard(&told.with("bic", "E097AEXXXXX"))?;
    }
    let kinds: Vec<String> = (0..64).map(|n| format!("k{n:-<30}")).collect();
    let rule_of = |rate: u32, haircut: u32| -> Value {
        let rules = kinds.iter().map(|kind| kind_rule(kind, rate, haircut));
        rules.collect()
    };

    let first = first_day()?;
    let parties = json!(vec![
        json!({ "party_id": scene.terms.debtor.id.to_string(), "name": scene.terms.debtor.name });
        1
    ]);
    // As early as there are dates: it has lapsed long ago, and can be recorded all the same.
    scene.file(|told| {
        told.with("filed_at", "0001-01-01T00:00:00Z")
            .with("filed_on", "0001-01-02")
            .with("file_number", long_number())
            .with("description", "é".repeat(16_384))
            .with("debtors", parties)
    })?;
    scene.sign(|told| {
        told.with("dated_on", first.to_string())
            .with("ends_on", "9999-12-31")
            .with("asset_kinds", json!(kinds))
    })?;
    for (kind, members) in amendments(&scene) {
        scene.amend(kind, -1, |told| {
            let told = told
                .with("file_number", long_number())
                .with("filed_at", "0001-01-03T23:59:59.999999999Z")
                .with("filed_on", "0001-01-02");
            members
                .iter()
                .fold(told, |told, (name, value)| told.with(name, value.clone()))
        })?;
    }
    for kind in &kinds {
        let pledged = scene.pledge(|mut told| {
            let asset = &mut told.data["asset"];
            asset["kind"] = json!(kind);
            asset["obligor"] = json!(format!("{kind}{}", WIDE.repeat(140 - kind.len())));
            asset["identifier"] = json!(format!("{kind:~<140}"));
            told.with("pledged_on", first.to_string())
        })?;
        scene.value(pledged, VALUE_MAX)?;
        scene.hold(pledged)?;
        scene.tell(&scene.terms.valuation(first, &[(pledged.asset, 0)]))?;
    }
    scene.tell(&scene.terms.receipt(first, &[scene.pledged[0].asset]))?;
    let findings: Vec<Value> = (0..200)
        .map(|n| json!({ "file_number": format!("{n:@>60}"), "filed_at": "0001-01-01T00:00:00Z", "secured_party": "ab".repeat(30) }))
        .collect();
    scene.tell(&scene.terms.search(first).with("findings", json!(findings)))?;

    let (tightest, widest) = (
        (1, 1_000_000, 0, "999999999999999999"),
        (10_000, 0, 3_660, "0"),
    );
    for (cap, floor, days, reserves) in [tightest, widest] {
        scene.rule(&[
            ("concentration_cap_bp", json!(cap)),
            ("coverage_floor_bp", json!(floor)),
            ("valuation_age_max_days", json!(days)),
            ("receipt_age_max_days", json!(days)),
            ("lapse_guard_days", json!(days)),
            ("reserves_minor", json!(reserves)),
            ("kinds", rule_of(10_000, if cap == 1 { 10_000 } else { 0 })),
        ])?;
        let refused = scene.draw(1)?.json();
        assert_eq!(
            refused["type"], "urn:optkas:problem:collateral-deficient",
            "{refused}"
        );
        let shown = scene.collateral()?;
        assert_eq!(shown["pledges"].as_array().map(Vec::len), Some(50));
        monitor(&rig)?;
    }
    let mut release = scene.termination();
    release["reason"] = json!(WIDE.repeat(140));
    scene.released(&release)?;
    assert_books(&mut admin)
}

/// One of each kind that may name the most.
fn amendments(scene: &Scene<'_>) -> Vec<(&'static str, Vec<(&'static str, Value)>)> {
    let text = || json!(format!("a{}", "\n".repeat(16_383)));
    let party = json!(scene.terms.secured_party.id.to_string());
    let name = json!(scene.terms.secured_party.name);
    vec![
        (
            "collateral",
            vec![("action", json!("add")), ("description", text())],
        ),
        (
            "collateral",
            vec![("action", json!("restate")), ("description", text())],
        ),
        (
            "assignment",
            vec![
                ("party_id", party.clone()),
                ("name", name.clone()),
                ("replaces_party_id", party.clone()),
            ],
        ),
        (
            "party",
            vec![
                ("action", json!("change")),
                ("role", json!("secured")),
                ("party_id", party),
                ("name", name),
            ],
        ),
        ("continuation", vec![]),
    ]
}

/// A base of more than 64 bits in basis points, on next to nothing that is drawn.
#[test]
fn a_cover_that_is_as_good_as_infinite_is_a_figure() -> Result<()> {
    let rig = Rig::new()?;
    let scene = Scene::good(&rig, &[VALUE_MAX])?;
    scene.drawn(1)?;
    let settlement = scene.proposed(1)?;
    let verified = scene.verify(&settlement)?.json();
    let cover = &verified["borrowing_base"]["coverage_bp"];
    assert_eq!(cover.as_u64(), Some(VALUE_MAX * 10_000), "{verified}");
    assert_books(&mut rig.admin()?)
}

/// Under a limit smaller than the real one, which it would take a thousand deliveries to reach.
#[test]
fn more_than_can_end_at_once_is_released_in_parts() -> Result<()> {
    let rig = Rig::new()?;
    let mut admin = rig.admin()?;
    admin.batch_execute(
        "create or replace function collateral.release_pledges_max() returns int4
         language sql immutable parallel safe return 2",
    )?;
    let scene = Scene::good(&rig, &[1, 2, 3])?;
    for body in [scene.termination(), scene.release(&scene.pledged)] {
        let refused = scene.request_by(scene.maker, &body)?.json();
        assert_eq!(
            refused["type"], "urn:optkas:problem:release-large",
            "{refused}"
        );
        assert_eq!(
            (&refused["pledges"], &refused["pledges_max"]),
            (&json!(3), &json!(2))
        );
    }
    scene.released(&scene.release(&scene.pledged[1..]))?;
    scene.released(&scene.termination())?;
    assert_eq!(scene.collateral()?["pledges"], json!([]));
    assert_books(&mut admin)
}

/// The newest are shown, whole, as many as a reply has room for.
#[test]
fn requests_without_number_do_not_hide_the_collateral() -> Result<()> {
    let rig = Rig::new()?;
    let scene = Scene::good(&rig, &[1])?;
    let mut admin = rig.admin()?;
    let mut newest = String::new();
    for _ in 0..4 {
        let release = scene.requested(&scene.termination())?;
        newest = release["id"].as_str().unwrap_or_default().to_owned();
    }
    // As large as the largest are a few times over: a megabyte each.
    by_hand(
        &mut admin,
        "release",
        "content = jsonb_set(content::jsonb, '{reason}', to_jsonb(repeat('x', 1000000)))::text",
    )?;
    let shown = scene.collateral()?["releases"].take();
    let shown: Vec<&str> = shown
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|release| release["id"].as_str())
        .collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert_eq!(shown.last(), Some(&&*newest));
    Ok(())
}

/// Nor do filings: those that pledges rely on come first.
#[test]
fn filings_without_end_do_not_hide_the_collateral() -> Result<()> {
    let rig = Rig::new()?;
    let mut admin = rig.admin()?;
    let mut scene = Scene::good(&rig, &[1])?;
    let relied_on = scene.filing;
    scene.file(|told| told)?;
    let shown = scene.collateral()?;
    assert_eq!(
        shown["filings"].as_array().map(Vec::len),
        Some(2),
        "{shown}"
    );
    assert_eq!(shown["filings_left_out"], 0);
    by_hand(
        &mut admin,
        "filing_standing",
        "descriptions = jsonb_build_array(repeat('x', 1500000))",
    )?;
    let shown = scene.collateral()?;
    assert_eq!(shown["filings"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["filings"][0]["filing_id"], relied_on.to_string());
    assert_eq!(shown["filings_left_out"], 1);
    Ok(())
}

/// Changes the rows of a table of collateral.
fn by_hand(admin: &mut Client, table: &str, change: &str) -> Result<()> {
    let table = format!("collateral.{table}");
    without_triggers(admin, &table, &format!("update {table} set {change}"))
}
