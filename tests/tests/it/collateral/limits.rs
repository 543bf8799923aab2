//! The largest values that the functions accept: they pass the tables' constraints, and all that is computed from them
//! can be stored and shown.

use anyhow::Result;
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{Party, kind_rule};
use time::{Date, Month};
use uuid::Uuid;

use super::secured_facility::{SecuredFacility, monitor, refusal};
use crate::random::Random;
use crate::support::{assert_books, without_triggers};

/// Three octets in UTF-8.
const WIDE: &str = "債";
const VALUE_MAX: u64 = 999_999_999_999_999;

fn first_day() -> Result<Date> {
    Ok(Date::from_calendar_date(1, Month::January, 1)?)
}

/// A party with the longest names allowed.
fn long_party() -> Party {
    let id = Uuid::new_v4();
    let short = id.simple().to_string();
    Party {
        id,
        name: format!("{short}{}", WIDE.repeat(300 - short.len())),
    }
}

/// A file number of 40 letters and digits, with as many other characters between them as are allowed.
fn long_number() -> String {
    let id = Uuid::new_v4().simple().to_string();
    format!("{id}{}{}", "7".repeat(8), "-".repeat(20))
}

#[test]
fn the_largest_value_of_every_member_is_recorded_and_shown() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let mut facility = SecuredFacility::open(&fixture)?;
    facility.terms.debtor = long_party();
    facility.terms.secured_party = long_party();
    for party in [&facility.terms.debtor, &facility.terms.secured_party] {
        let event = facility.terms.party(party);
        let event = event.with("organisation_number", WIDE.repeat(40));
        facility.onboard(&event.with("bic", "E097AEXXXXX"))?;
    }
    let kinds: Vec<String> = (0..64).map(|n| format!("k{n:-<30}")).collect();
    let rule_of = |rate: u32, haircut: u32| -> Value {
        let rules = kinds.iter().map(|kind| kind_rule(kind, rate, haircut));
        rules.collect()
    };

    let first = first_day()?;
    let parties = json!(vec![
        json!({ "party_id": facility.terms.debtor.id.to_string(), "name": facility.terms.debtor.name });
        1
    ]);
    // The earliest date: the filing has lapsed, and can still be recorded.
    facility.file(|event| {
        event
            .with("filed_at", "0001-01-01T00:00:00Z")
            .with("filed_on", "0001-01-02")
            .with("file_number", long_number())
            .with("description", "é".repeat(16_384))
            .with("debtors", parties)
    })?;
    facility.sign(|event| {
        event
            .with("dated_on", first.to_string())
            .with("ends_on", "9999-12-31")
            .with("asset_kinds", json!(kinds))
    })?;
    for (kind, members) in amendments(&facility) {
        facility.amend(kind, -1, |event| {
            let event = event
                .with("file_number", long_number())
                .with("filed_at", "0001-01-03T23:59:59.999999999Z")
                .with("filed_on", "0001-01-02");
            members.iter().fold(event, |event, (name, value)| {
                event.with(name, value.clone())
            })
        })?;
    }
    for kind in &kinds {
        let pledged = facility.pledge(|mut event| {
            let asset = &mut event.data["asset"];
            asset["asset_kind"] = json!(kind);
            asset["obligor"] = json!(format!("{kind}{}", WIDE.repeat(140 - kind.len())));
            asset["identifier"] = json!(format!("{kind:~<140}"));
            event.with("pledged_on", first.to_string())
        })?;
        facility.value(pledged, VALUE_MAX)?;
        facility.hold(pledged)?;
        facility.record(&facility.terms.valuation(first, &[(pledged.asset, 0)]))?;
    }
    facility.record(&facility.terms.receipt(first, &[facility.pledged[0].asset]))?;
    let findings: Vec<Value> = (0..200)
        .map(|n| json!({
            "file_number": format!("{n:@>60}"), "filed_at": "0001-01-01T00:00:00Z", "secured_party": "ab".repeat(30),
        }))
        .collect();
    facility.record(
        &facility
            .terms
            .search(first)
            .with("findings", json!(findings)),
    )?;

    let (tightest, widest) = (
        (1, 1_000_000, 0, "999999999999999999"),
        (10_000, 0, 3_660, "0"),
    );
    for (cap, floor, days, reserves) in [tightest, widest] {
        facility.rule(&[
            ("concentration_cap_bp", json!(cap)),
            ("coverage_floor_bp", json!(floor)),
            ("valuation_age_max_days", json!(days)),
            ("receipt_age_max_days", json!(days)),
            ("lapse_guard_days", json!(days)),
            ("reserves_minor", json!(reserves)),
            ("kinds", rule_of(10_000, if cap == 1 { 10_000 } else { 0 })),
        ])?;
        let refused = facility.draw(1)?.json();
        assert_eq!(
            refused["type"], "urn:optkas:problem:collateral-deficient",
            "{refused}"
        );
        let shown = facility.collateral()?;
        assert_eq!(shown["pledges"].as_array().map(Vec::len), Some(50));
        monitor(&fixture)?;
    }
    let mut release = facility.termination();
    release["reason"] = json!(WIDE.repeat(140));
    facility.released(&release)?;
    assert_books(&mut admin)
}

/// One amendment of each kind, with the most members that it may have.
fn amendments(facility: &SecuredFacility<'_>) -> Vec<(&'static str, Vec<(&'static str, Value)>)> {
    let text = || json!(format!("a{}", "\n".repeat(16_383)));
    let party = json!(facility.terms.secured_party.id.to_string());
    let name = json!(facility.terms.secured_party.name);
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

/// A coverage of more than 64 bits in basis points: a large base, with almost nothing drawn.
#[test]
fn a_nearly_infinite_cover_ratio_is_still_a_number() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[VALUE_MAX])?;
    facility.drawn(1)?;
    let settlement = facility.proposed(1)?;
    let verified = facility.verify(&settlement)?.json();
    let cover = &verified["borrowing_base"]["coverage_bp"];
    assert_eq!(cover.as_u64(), Some(VALUE_MAX * 10_000), "{verified}");
    assert_books(&mut fixture.admin()?)
}

/// With a smaller limit than the real one, which would take a thousand deliveries to reach.
#[test]
fn more_pledges_than_one_release_takes_are_released_in_parts() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    admin.batch_execute(
        "create or replace function collateral.release_pledges_max() returns int4
         language sql immutable parallel safe return 2",
    )?;
    let facility = SecuredFacility::good(&fixture, &[1, 2, 3])?;
    for body in [facility.termination(), facility.release(&facility.pledged)] {
        let refused = facility.request_by(facility.maker, &body)?.json();
        assert_eq!(
            refused["type"], "urn:optkas:problem:release-large",
            "{refused}"
        );
        assert_eq!(
            (&refused["pledges_count"], &refused["pledges_max"]),
            (&json!(3), &json!(2))
        );
    }
    facility.released(&facility.release(&facility.pledged[1..]))?;
    facility.released(&facility.termination())?;
    assert_eq!(facility.collateral()?["pledges"], json!([]));
    assert_books(&mut admin)
}

/// A request that finds no room is refused: none pushes another out of the approver's sight.
#[test]
fn large_release_requests_hide_no_other() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1])?;
    let first = facility.requested(&facility.termination())?;
    let mut admin = fixture.admin()?;
    let octets = "select (2.5 * octet_length(content))::int4 from collateral.release";
    let room: i32 = admin.query_one(octets, &[])?.try_get(0)?;
    admin.batch_execute(&format!(
        "create or replace function ledger.releases_octets_max() returns int4
         language sql immutable parallel safe return {room}"
    ))?;
    let second = facility.requested(&facility.termination())?;
    let refused = facility.request_by("alice", &facility.termination())?;
    assert_eq!(refusal(&refused), "collateral-limit", "{}", refused.text());
    assert_eq!(refused.json()["of"], "octets of open releases");
    assert_eq!(refused.json()["number_max"], room);
    let shown = facility.collateral()?["releases"].take();
    let shown: Vec<&str> = shown
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|release| release["id"].as_str())
        .collect();
    assert_eq!(shown, [&first["id"], &second["id"]]);
    Ok(())
}

/// Filings that pledges rely on come first.
#[test]
fn large_filings_do_not_hide_the_collateral() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let mut facility = SecuredFacility::good(&fixture, &[1])?;
    let relied_on = facility.filing;
    facility.file(|event| event)?;
    let shown = facility.collateral()?;
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
    let shown = facility.collateral()?;
    assert_eq!(shown["filings"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["filings"][0]["id"], relied_on.to_string());
    assert_eq!(shown["filings_left_out"], 1);
    Ok(())
}

/// Changes the rows of a table of collateral.
fn by_hand(admin: &mut Client, table: &str, change: &str) -> Result<()> {
    let table = format!("collateral.{table}");
    without_triggers(admin, &table, &format!("update {table} set {change}"))
}

/// Texts of an agent neither hide a filing nor fill the disk. What ends a filing is recorded all the same.
#[test]
fn texts_of_filings_are_bounded_and_all_filings_stay_readable() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let mut admin = fixture.admin()?;
    let mut size = || -> Result<i64> {
        let sql = "select sum(pg_total_relation_size(c.oid))::bigint from pg_class as c where c.relkind = 'r'";
        Ok(admin.query_one(sql, &[])?.try_get(0)?)
    };
    let before = size()?;
    let letters: Vec<char> = ('\u{4e00}'..'\u{9fff}').collect();
    let mut random = Random::seeded("texts of filings");
    let mut sent = 0;
    let refused = loop {
        // Letters that do not compress.
        let text: String = (0..16_000).map(|_| random.pick(&letters)).collect();
        sent += text.len();
        let amendment = facility
            .terms
            .amendment(facility.filing, "collateral", facility.day(-1))
            .with("action", "add")
            .with("description", text);
        let answer = facility.send(&amendment)?;
        if !refusal(&answer).is_empty() {
            break answer;
        }
        anyhow::ensure!(sent < 2_000_000, "no end");
    };
    assert_eq!(refusal(&refused), "collateral-limit", "{}", refused.text());
    assert_eq!(refused.json()["of"], "octets of the filing");
    let grown = usize::try_from(size()? - before)?;
    assert!(
        grown < 16 * sent,
        "{sent} octets were sent, {grown} are kept"
    );
    let shown = facility.collateral()?;
    assert_eq!(shown["filings_left_out"], 0);
    assert_eq!(shown["filings"][0]["id"], facility.filing.to_string());
    facility.amend("continuation", -1, |event| event)?;

    let mut admin = fixture.admin()?;
    admin.batch_execute(
        "create or replace function ledger.list_octets_max() returns int4
         language sql immutable parallel safe return 3000",
    )?;
    let full = facility.send(&facility.terms.filing(facility.day(-1)))?;
    assert_eq!(refusal(&full), "collateral-limit", "{}", full.text());
    assert_eq!(full.json()["of"], "octets of filings");
    facility.amend("termination", -1, |event| event)?;
    Ok(())
}

/// Short amendments of a filing with long texts: what is kept for ever of each is in the size of what was sent.
#[test]
fn an_amendment_does_not_copy_what_it_does_not_say() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let mut random = Random::seeded("long texts of a filing");
    let letters: Vec<char> = ('\u{4e00}'..'\u{9fff}').collect();
    for _ in 0..3 {
        let text: String = (0..15_000).map(|_| random.pick(&letters)).collect();
        facility.amend("collateral", -1, |event| {
            event.with("action", "add").with("description", text)
        })?;
    }
    let mut admin = fixture.admin()?;
    let mut kept = || -> Result<i64> {
        let sql = "select sum(octet_length(changes::text)) from audit.trail";
        Ok(admin.query_one(sql, &[])?.try_get(0)?)
    };
    let before = kept()?;
    let mut sent = 0;
    for _ in 0..90 {
        let event = facility
            .terms
            .amendment(facility.filing, "continuation", facility.day(-1));
        sent += event.delivery().to_string().len();
        facility.record(&event)?;
    }
    let grown = usize::try_from(kept()? - before)?;
    assert!(
        grown < 5 * sent,
        "{sent} octets were sent, {grown} are kept"
    );
    Ok(())
}

/// A collateral agent pledges under one wrongly named filing in very many ways: the answer stays a refusal, in the time
/// that a statement has, and the monitor still looks.
#[test]
fn very_many_pledges_under_a_wrong_name_are_refused_and_monitored() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::open(&fixture)?;
    facility.terms.debtor.name = format!("{}a", "é".repeat(299));
    facility.onboard(&facility.terms.party(&facility.terms.debtor))?;
    let party = facility.terms.debtor.id.to_string();
    let wrong = format!("{}b", "é".repeat(299));
    let debtors = json!([{ "party_id": party, "name": wrong }]);
    facility.file(|event| event.with("debtors", debtors))?;
    facility.sign(|event| event)?;
    facility.record(
        &facility
            .terms
            .search(facility.day(-1))
            .with("searched_name", wrong),
    )?;
    facility.pledge(|event| event)?;
    without_triggers(
        &mut fixture.admin()?,
        "collateral.cover",
        "insert into collateral.cover
         select c.facility_id, c.filing_id, c.agreement_id, c.debtor_party_id, 'kind-' || n, 1
         from collateral.cover as c cross join generate_series(1, 20000) as n where c.pledges > 0",
    )?;
    let answer = facility.draw(100)?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    let problems = answer.json()["problems"].take();
    for problem in problems.as_array().into_iter().flatten() {
        if ["filing-name", "search-missing"]
            .iter()
            .any(|name| problem["type"] == format!("urn:optkas:problem:{name}"))
        {
            assert_eq!(problem["subjects"].as_array().map(Vec::len), Some(1));
            assert_eq!(problem["subjects"][0]["difference"]["character"], 300);
        }
    }
    monitor(&fixture)?;
    assert!(facility.warnings()?.is_empty());
    Ok(())
}

/// What is read as a whole has a largest size, and the refusal says which.
#[test]
fn filings_amendments_and_open_releases_are_bounded() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let full = |answer: &tests::http::Response, of: &str| {
        assert_eq!(refusal(answer), "collateral-limit", "{}", answer.text());
        assert_eq!(answer.json()["of"], of);
    };
    for _ in 0..100 {
        facility.requested(&facility.termination())?;
    }
    full(
        &facility.request_by("alice", &facility.termination())?,
        "open releases",
    );
    for _ in 0..100 {
        facility.amend("continuation", -1, |event| event)?;
    }
    let amendment = facility
        .terms
        .amendment(facility.filing, "continuation", facility.day(-1));
    full(&facility.send(&amendment)?, "amendments");
    let mut admin = fixture.admin()?;
    admin.batch_execute(
        "alter table collateral.filing disable trigger user;
         insert into collateral.filing (facility_id, filing_id, office, file_number, filed_at, filed_on, designation,
             description, document_sha256, commitment_key)
         select f.facility_id, gen_random_uuid(), f.office, 'N' || n, f.filed_at, f.filed_on, f.designation,
             f.description, f.document_sha256, f.commitment_key
         from collateral.filing as f cross join generate_series(1, 1999) as n;
         alter table collateral.filing enable trigger user",
    )?;
    full(
        &facility.send(&facility.terms.filing(facility.day(-1)))?,
        "filings",
    );
    Ok(())
}
