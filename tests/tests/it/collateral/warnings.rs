//! The monitor: each reason gives one warning, which is closed once when the reason is gone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::json;
use shared::collateral::WarningKind;
use tests::fixture::Fixture;
use tests::lambda::{Answer, Invocation};
use tests::sample_data::{USD_FACILITY, filed_to_lapse_on};
use uuid::Uuid;

use super::secured_facility::{SecuredFacility, monitor};
use crate::direct::{barrier, call};
use crate::support::{assert_books, count, together};

/// Makes a facility with a reason for a warning.
type Make = for<'a> fn(&'a Fixture) -> Result<SecuredFacility<'a>>;
/// Removes the reason, where that is possible.
type Mend = fn(&SecuredFacility<'_>) -> Result<()>;

const REASONS: [(&str, &[&str], Make, Option<Mend>); 11] = [
    (
        "nothing",
        &[],
        |fixture| SecuredFacility::good(fixture, &[1_000]),
        None,
    ),
    (
        "the window is open",
        &["continuation-open"],
        |fixture| filed(fixture, 100),
        Some(|facility| facility.amend("continuation", -1, |event| event).map(drop)),
    ),
    (
        "the window closes soon",
        &["continuation-closing", "continuation-open"],
        |fixture| filed(fixture, 20),
        Some(|facility| facility.amend("continuation", -1, |event| event).map(drop)),
    ),
    (
        "the filing has lapsed",
        &["filing-lapsed"],
        |fixture| filed(fixture, -10),
        None,
    ),
    (
        "a termination without a release",
        &["filing-disputed"],
        |fixture| {
            let facility = SecuredFacility::good(fixture, &[1_000])?;
            facility.amend("termination", -1, |event| event)?;
            Ok(facility)
        },
        Some(|facility| facility.released(&facility.termination()).map(drop)),
    ),
    (
        "a pledge under what is terminated",
        &["filing-terminated"],
        |fixture| {
            let mut facility = SecuredFacility::good(fixture, &[1_000])?;
            facility.released(&facility.termination())?;
            facility.amend("termination", -1, |event| event)?;
            facility.pledge(|event| event)?;
            Ok(facility)
        },
        None,
    ),
    (
        "old papers",
        &["custody-stale", "valuation-stale"],
        |fixture| {
            let mut facility = SecuredFacility::good(fixture, &[])?;
            let pledged = facility.pledge(|event| event)?;
            let long_ago = facility.day(-40);
            facility.record(
                &facility
                    .terms
                    .valuation(long_ago, &[(pledged.asset, 1_000)]),
            )?;
            facility.record(&facility.terms.receipt(long_ago, &[pledged.asset]))?;
            Ok(facility)
        },
        Some(|facility| {
            facility.value(facility.pledged[0], 1_000)?;
            facility.hold(facility.pledged[0]).map(drop)
        }),
    ),
    (
        "less base than is drawn, and less cover than the floor",
        &["base-short", "coverage-short"],
        |fixture| {
            let facility = SecuredFacility::good(fixture, &[1_000])?;
            facility.drawn(800)?;
            facility.rule(&[("coverage_floor_bp", json!(12_000))])?;
            facility.value(facility.pledged[0], 900)?;
            Ok(facility)
        },
        Some(|facility| facility.value(facility.pledged[0], 1_000).map(drop)),
    ),
    (
        "an earlier filing of somebody else",
        &["search-adverse"],
        |fixture| {
            let facility = SecuredFacility::good(fixture, &[1_000])?;
            let found = json!([{
                "file_number": "1999 1", "filed_at": "1999-01-01T00:00:00Z", "secured_party": "Other Bank",
            }]);
            facility.record(
                &facility
                    .terms
                    .search(facility.day(-1))
                    .with("findings", found),
            )?;
            Ok(facility)
        },
        Some(|facility| {
            facility
                .record(&facility.terms.search(facility.day(-1)))
                .map(drop)
        }),
    ),
    (
        "another facility recorded the filing before",
        &["filing-contested"],
        |fixture| {
            let number = format!("2026 {:.10}", Uuid::new_v4().simple());
            let mut first = SecuredFacility::open(fixture)?;
            first.file(|event| event.with("file_number", number.as_str()))?;
            let mut second = SecuredFacility::open(fixture)?;
            second.file(|event| event.with("file_number", number.as_str()))?;
            second.sign(|event| event)?;
            let pledged = second.pledge(|event| event)?;
            second.value(pledged, 1_000)?;
            second.hold(pledged)?;
            second.record(&second.terms.search(second.day(-1)))?;
            Ok(second)
        },
        None,
    ),
    (
        "another facility pledged the asset before",
        &["asset-contested"],
        |fixture| {
            let identifier = format!("Hull {:.10}", Uuid::new_v4().simple());
            let pledge = |facility: &mut SecuredFacility<'_>| {
                facility.pledge(|mut event| {
                    event.data["asset"]["identifier"] = json!(identifier);
                    event
                })
            };
            pledge(&mut SecuredFacility::good(fixture, &[])?)?;
            let mut second = SecuredFacility::good(fixture, &[])?;
            let pledged = pledge(&mut second)?;
            second.value(pledged, 1_000)?;
            second.hold(pledged)?;
            Ok(second)
        },
        None,
    ),
];

/// A pledge under a filing that lapses in this number of days.
fn filed(fixture: &Fixture, lapses_in: i64) -> Result<SecuredFacility<'_>> {
    let mut facility = SecuredFacility::good(fixture, &[])?;
    let event = facility
        .terms
        .filing(filed_to_lapse_on(facility.day(lapses_in)));
    facility.file(|_| event)?;
    facility.pledge(|event| event)?;
    Ok(facility)
}

/// Warnings of every kind, and closed ones of those whose reason can go.
pub(crate) fn opened_and_closed(fixture: &Fixture) -> Result<()> {
    let mut facilities = Vec::new();
    for (_, _, make, mend) in REASONS {
        facilities.push((make(fixture)?, mend));
    }
    monitor(fixture)?;
    for (facility, mend) in &facilities {
        mend.map_or(Ok(()), |mend| mend(facility))?;
    }
    monitor(fixture).map(drop)
}

#[test]
fn there_is_a_reason_of_every_kind() {
    let kinds: BTreeSet<&str> = REASONS
        .iter()
        .flat_map(|(_, kinds, ..)| kinds.iter().copied())
        .collect();
    assert_eq!(kinds, WarningKind::ALL.iter().copied().collect());
}

#[test]
fn each_reason_gives_one_warning_that_closes_once() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let facilities = REASONS
        .iter()
        .map(|(what, kinds, make, mend)| Ok((*what, *kinds, make(&fixture)?, *mend)))
        .collect::<Result<Vec<_>>>()?;
    // The second and third runs find the warnings of the first.
    for beat in 0..3 {
        monitor(&fixture)?;
        for (what, kinds, facility, _) in &facilities {
            assert_eq!(facility.warnings()?, *kinds, "{what}, beat {beat}");
            let once: BTreeMap<_, _> = kinds
                .iter()
                .map(|kind| (((*kind).to_owned(), 1), true))
                .collect();
            assert_eq!(facility.history(&mut admin)?, once, "{what}, beat {beat}");
        }
    }
    let changes =
        "select count(*) from ledger.commitment_ledger where operation = 'monitor-collateral'";
    let warned = REASONS.iter().flat_map(|(_, kinds, ..)| *kinds);
    // Who recorded it first is warned too.
    let times = |kind: &&str| if kind.ends_with("-contested") { 2 } else { 1 };
    let warned: usize = warned.map(times).sum();
    assert_eq!(count(&mut admin, changes)?, i64::try_from(warned)?);

    for (_, _, facility, mend) in &facilities {
        mend.map_or(Ok(()), |mend| mend(facility))?;
    }
    for beat in 0..2 {
        monitor(&fixture)?;
        for (what, kinds, facility, mend) in &facilities {
            let open = mend.is_none();
            let once: BTreeMap<_, _> = kinds
                .iter()
                .map(|kind| (((*kind).to_owned(), 1), open))
                .collect();
            assert_eq!(
                facility.history(&mut admin)?,
                once,
                "{what}, mended, beat {beat}"
            );
        }
    }
    assert_books(&mut admin)
}

#[test]
fn a_reason_that_returns_gives_a_new_warning() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    facility.drawn(800)?;
    for occurrence in 1..=3 {
        for (value, open) in [(900, true), (1_000, false)] {
            facility.value(facility.pledged[0], value)?;
            monitor(&fixture)?;
            let history = facility.history(&mut admin)?;
            assert_eq!(history.len(), usize::try_from(occurrence)?);
            assert_eq!(history[&("base-short".to_owned(), occurrence)], open);
        }
    }
    assert_books(&mut admin)
}

/// Lambda invokes a schedule at least once, and sometimes twice at the same time.
#[test]
fn monitors_in_parallel_give_one_warning_a_reason() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.start(fixture.launch("monitor-collateral")?.scaled(3, 2))?;
    let mut admin = fixture.admin()?;
    let facilities = (0..5)
        .map(|_| {
            let facility = SecuredFacility::good(&fixture, &[1_000])?;
            facility.amend("termination", -1, |event| event)?;
            Ok(facility)
        })
        .collect::<Result<Vec<_>>>()?;
    for open in [true, false] {
        together(6, |_| monitor(&fixture))?;
        for facility in &facilities {
            let once = BTreeMap::from([(("filing-disputed".to_owned(), 1), open)]);
            assert_eq!(facility.history(&mut admin)?, once);
            if open {
                facility.released(&facility.termination())?;
            }
        }
    }
    let changes =
        "select count(*) from ledger.commitment_ledger where operation = 'monitor-collateral'";
    assert_eq!(count(&mut admin, changes)?, 10);
    assert_books(&mut admin)
}

/// A facility that cannot be monitored must not blind the monitor to those after it.
#[test]
fn a_facility_that_cannot_be_monitored_is_skipped_and_named() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let mut facilities = (0..4)
        .map(|_| {
            let facility = SecuredFacility::good(&fixture, &[1_000])?;
            facility.amend("termination", -1, |event| event)?;
            Ok(facility)
        })
        .collect::<Result<Vec<_>>>()?;
    facilities.sort_by_key(|facility| facility.terms.facility);
    let (broken, others) = (&facilities[1..3], [&facilities[0], &facilities[3]]);
    admin.batch_execute(&format!(
        "create function public.fail() returns trigger language plpgsql as $$ begin raise 'broken'; end $$;
         grant execute on function public.fail() to public;
         create trigger broken before insert on collateral.warning for each row
         when (new.facility_id in ('{}', '{}')) execute function public.fail();
         alter table collateral.warning enable always trigger broken",
        broken[0].terms.facility, broken[1].terms.facility
    ))?;

    let expected = BTreeMap::from([(("filing-disputed".to_owned(), 1), true)]);
    let function = fixture.function("monitor-collateral")?;
    let answer = function.invoke(Invocation::new(&json!({})))?;
    assert!(
        matches!(answer, Answer::Error(_)),
        "the run has failed: {answer:?}"
    );
    let log = function.logs();
    for facility in broken {
        assert!(facility.history(&mut admin)?.is_empty());
        let named = log.lines().any(|line| {
            line.contains("could not be looked at")
                && line.contains(&facility.terms.facility.to_string())
        });
        assert!(named, "{log}");
    }
    for facility in others {
        assert_eq!(facility.history(&mut admin)?, expected);
    }
    assert!(log.contains(r#""warnings_opened":2"#), "{log}");

    admin.batch_execute("drop trigger broken on collateral.warning")?;
    monitor(&fixture)?;
    for facility in &facilities {
        assert_eq!(facility.history(&mut admin)?, expected);
    }
    assert_books(&mut admin)
}

/// Who has taken over the monitor's login cannot have warnings of a facility that the monitor never visits.
#[test]
fn only_a_secured_facility_is_monitored() -> Result<()> {
    let fixture = Fixture::new()?;
    let secured = SecuredFacility::good(&fixture, &[1_000])?.terms.facility;
    let mut login = fixture.login("monitor-collateral")?;
    let (unsecured, unknown) = (USD_FACILITY.id, Uuid::new_v4());
    for id in [
        format!("'{unsecured}'"),
        format!("'{unknown}'"),
        "null".to_owned(),
    ] {
        let sql = call("monitor_facility", &format!("'a', {id}"));
        let stopped = barrier(login.simple_query(&sql));
        assert_eq!(stopped, "OPK04 not-a-secured-facility", "{id}");
    }
    login.simple_query(&call("monitor_facility", &format!("'a', '{secured}'")))?;
    Ok(())
}
