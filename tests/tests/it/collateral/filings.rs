//! Filings and amendments: they are recorded as filed, and have the effect that the UCC gives them.

use anyhow::{Context as _, Result};
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{PLATFORM, WebhookEvent, delivery, filed_to_lapse_on};
use time::macros::date;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use super::secured_facility::{SecuredFacility, monitor, refusal};
use crate::support::{assert_books, without_triggers};

/// The reason why the last amendment in the order of filing has no effect; empty if it has one.
fn last_reason(standing: &Value) -> Result<String> {
    let effects = standing["effects"].as_array().context("effects")?;
    let last = effects.last().context("an amendment")?;
    let reason = last["cause"].as_str().unwrap_or_default();
    assert_eq!(last["effective"], reason.is_empty(), "{last}");
    Ok(reason.to_owned())
}

/// Days until that date.
fn days_until(facility: &SecuredFacility<'_>, date: &Value) -> Result<i64> {
    let text = date.as_str().context("a date")?;
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Ok((Date::parse(text, format)? - facility.today).whole_days())
}

#[test]
fn a_known_filing_has_its_published_dates_and_continuation_window() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::open(&fixture)?;
    for (continued_on, reason, lapse_on) in [
        (date!(2024 - 09 - 14), "before-window", "2025-03-15"),
        (date!(2024 - 09 - 15), "", "2030-03-15"),
        (date!(2025 - 03 - 15), "", "2030-03-15"),
        (date!(2025 - 03 - 16), "after-lapse", "2025-03-15"),
    ] {
        let filed = date!(2020 - 03 - 15);
        let event = facility.terms.filing(filed);
        facility.filing = event.id("filing_id");
        let standing = facility.record(&event)?["effect"].take();
        assert_eq!(standing["lapse_on"], "2025-03-15");
        assert_eq!(standing["continuation_opens_on"], "2024-09-15");
        assert_eq!(standing["status"], "lapsed");
        let amendment = facility
            .terms
            .amendment(facility.filing, "continuation", continued_on);
        let standing = facility.record(&amendment)?["effect"].take();
        assert_eq!(last_reason(&standing)?, reason, "{continued_on}");
        assert_eq!(standing["lapse_on"], lapse_on, "{continued_on}");
    }
    for (designation, lapse_on) in [
        ("public-finance", json!("2050-03-15")),
        ("manufactured-home", json!("2050-03-15")),
        ("transmitting-utility", json!(null)),
    ] {
        let event = facility.terms.filing(date!(2020 - 03 - 15));
        facility.filing = event.id("filing_id");
        let standing = facility.record(&event.with("designation", designation))?["effect"].take();
        assert_eq!(standing["lapse_on"], lapse_on, "{designation}");
        assert_eq!(standing["status"], "effective", "{designation}");
        let reason = last_reason(&facility.amend("continuation", -1, |it| it)?)?;
        let expected = if lapse_on.is_null() {
            "no-lapse"
        } else {
            "before-window"
        };
        assert_eq!(reason, expected, "{designation}");
    }
    Ok(())
}

#[test]
fn a_filing_that_lapses_before_the_value_date_and_guard_stops_a_settlement() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::open(&fixture)?;
    let filed_on = filed_to_lapse_on(facility.day(60));
    let event = facility.terms.filing(filed_on);
    facility = facility.secured_by(&[])?;
    facility.filing = event.id("filing_id");
    let standing = facility.record(&event)?["effect"].take();
    let lapse = days_until(&facility, &standing["lapse_on"])?;
    let pledged = facility.pledge(|it| it)?;
    facility.value(pledged, 1_000)?;
    facility.hold(pledged)?;

    let verify = |days: i64| facility.verify(&facility.proposed_for(10, days)?);
    assert_eq!(refusal(&verify(lapse - 31)?), "");
    assert_eq!(refusal(&verify(lapse - 30)?), "filing-lapsing");
    let waiting = facility.proposed_for(10, lapse + 20)?;
    assert_eq!(refusal(&facility.verify(&waiting)?), "filing-lapsing");
    let standing = facility.amend("continuation", -1, |it| it)?;
    assert_eq!(last_reason(&standing)?, "");
    assert!(days_until(&facility, &standing["lapse_on"])? > lapse + 1_800);
    assert_eq!(refusal(&facility.verify(&waiting)?), "");
    // The window now belongs to the new lapse date.
    let standing = facility.amend("continuation", -1, |it| it)?;
    assert_eq!(last_reason(&standing)?, "before-window");
    assert_books(&mut fixture.admin()?)
}

/// Dates and lapses go by the office's day, wherever that is; UTC's date is another for most of the day.
#[test]
fn a_filing_is_of_its_offices_day() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    for office in ["US-DE", "US-GU", "US-HI"] {
        let today = |admin: &mut Client| -> Result<Date> {
            let row = admin.query_one("select collateral.office_today($1)", &[&office])?;
            Ok(row.get(0))
        };
        loop {
            let day = today(&mut admin)?;
            let found = in_office(&fixture, office, day)?;
            // Midnight may pass there meanwhile.
            if today(&mut admin)? == day {
                assert_eq!(
                    found,
                    [
                        "accepted, date-ahead, accepted, date-ahead, accepted, date-ahead",
                        "lapsed, filing-lapsing, filing-lapsed",
                        "effective, filing-lapsing, continuation-closing continuation-open",
                        "effective, , continuation-closing continuation-open",
                    ],
                    "{office}"
                );
                break;
            }
        }
    }
    Ok(())
}

/// Papers of an office's today and tomorrow; then, for a filing that lapses yesterday, today and tomorrow there: its
/// state, what stops a settlement of the earliest value date, and the warnings.
fn in_office(fixture: &Fixture, office: &str, day: Date) -> Result<Vec<String>> {
    let mut facility = SecuredFacility::open(fixture)?;
    facility.rule(&[("lapse_guard_days", json!(0))])?;
    facility.sign(|it| it)?;
    facility.file(|it| it.with("office", office))?;
    let mut outcomes = Vec::new();
    for on in [day, day + Duration::DAY] {
        let terms = &facility.terms;
        for event in [
            terms.filing(on).with("office", office),
            terms.amendment(facility.filing, "continuation", on),
            terms.search(on).with("office", office),
        ] {
            let answer = facility.send(&event)?;
            let refused = refusal(&answer);
            outcomes.push(if refused.is_empty() {
                "accepted".to_owned()
            } else {
                refused
            });
        }
    }
    // In pairs of today and tomorrow.
    let pairs: Vec<String> = (0..3)
        .flat_map(|at| [outcomes[at].clone(), outcomes[at + 3].clone()])
        .collect();
    let mut found = vec![pairs.join(", ")];
    for lapses in -1..=1 {
        let mut facility = SecuredFacility::open(fixture)?;
        facility.rule(&[("lapse_guard_days", json!(0))])?;
        let event = facility
            .terms
            .filing(filed_to_lapse_on(day + Duration::days(lapses)));
        let standing = facility.file(|_| event.with("office", office))?["effect"].take();
        facility.sign(|it| it)?;
        let pledged = facility.pledge(|it| it)?;
        facility.value(pledged, 1_000)?;
        facility.hold(pledged)?;
        let earliest = (OffsetDateTime::now_utc() - Duration::hours(11)).date();
        let settlement = facility.proposed_for(10, (earliest - facility.today).whole_days())?;
        let refused = refusal(&facility.verify(&settlement)?);
        let lapsing = if refused.contains("filing-lapsing") {
            "filing-lapsing"
        } else {
            ""
        };
        monitor(fixture)?;
        let warnings = facility.warnings()?.join(" ");
        let state = standing["status"].as_str().context("a state")?;
        found.push(format!("{state}, {lapsing}, {warnings}"));
    }
    Ok(found)
}

#[test]
fn a_lapsed_filing_is_revived_only_by_a_continuation_filed_in_time() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::open(&fixture)?;
    let filed_on = filed_to_lapse_on(facility.day(-10));
    facility = facility.secured_by(&[])?;
    let event = facility.terms.filing(filed_on);
    facility.filing = event.id("filing_id");
    facility.record(&event)?;
    let pledged = facility.pledge(|it| it)?;
    facility.value(pledged, 1_000)?;
    facility.hold(pledged)?;
    assert_eq!(refusal(&facility.draw(10)?), "filing-lapsing");
    let late = facility.amend("continuation", -2, |it| it)?;
    assert_eq!(
        (&*last_reason(&late)?, &late["status"]),
        ("after-lapse", &json!("lapsed"))
    );
    assert_eq!(refusal(&facility.draw(10)?), "filing-lapsing");
    // This continuation is recorded late, but was filed in time. The other one is then too early for the new window.
    let healed = facility.amend("continuation", -20, |it| it)?;
    let effects = healed["effects"].as_array().context("effects")?;
    let effective: Vec<&Value> = effects.iter().map(|effect| &effect["effective"]).collect();
    assert_eq!(effective, [true, false]);
    assert_eq!(last_reason(&healed)?, "before-window");
    assert_eq!(refusal(&facility.draw(10)?), "");
    Ok(())
}

/// 9-509(d), 9-510(a): an amendment that takes cover away without a release has no effect, and stops new settlements.
#[test]
fn a_termination_without_a_release_has_no_effect_and_disputes_the_filing() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::good(&fixture, &[1_000])?;
    let standing = facility.amend("termination", -1, |it| it)?;
    assert_eq!(standing["status"], "disputed");
    assert_eq!(last_reason(&standing)?, "not-authorised");
    assert_eq!(standing["terminated_on"], json!(null));
    assert_eq!(refusal(&facility.draw(10)?), "filing-disputed");
    // A release that is approved afterwards makes it count from then on.
    facility.released(&facility.termination())?;
    let filing = facility.collateral()?["filings"][0].take();
    assert_eq!(filing["status"], "terminated");
    assert_eq!(filing["terminated_on"], facility.day(-1).to_string());
    assert_eq!(
        refusal(&facility.draw(10)?),
        "filing-missing, availability-short"
    );
    let pledged = facility.pledge(|it| it)?;
    facility.value(pledged, 1_000)?;
    facility.hold(pledged)?;
    assert_eq!(refusal(&facility.draw(10)?), "filing-terminated");
    let after = facility.amend("continuation", -1, |it| it)?;
    assert_eq!(last_reason(&after)?, "after-termination");
    assert_books(&mut fixture.admin()?)
}

/// Amendments, each in a facility of its own: members, the reason why it has no effect, and the filing's state.
type Case = (
    &'static str,
    fn(&SecuredFacility<'_>, WebhookEvent) -> WebhookEvent,
    &'static str,
    &'static str,
);

fn party(event: WebhookEvent, action: &str, role: &str, id: Uuid) -> WebhookEvent {
    event
        .with("action", action)
        .with("role", role)
        .with("party_id", id.to_string())
}

const AMENDMENTS: [(&str, Case); 13] = [
    (
        "a debtor is added",
        (
            "party",
            |facility, event| {
                party(event, "add", "debtor", facility.terms.secured_party.id)
                    .with("name", "Another")
            },
            "",
            "effective",
        ),
    ),
    (
        "the debtor's name is changed",
        (
            "party",
            |facility, event| {
                party(event, "change", "debtor", facility.terms.debtor.id).with("name", "Another")
            },
            "",
            "effective",
        ),
    ),
    (
        "who is not of record is changed",
        (
            "party",
            |facility, event| {
                party(event, "change", "secured", facility.terms.debtor.id).with("name", "Another")
            },
            "not-of-record",
            "effective",
        ),
    ),
    (
        "who is not of record is deleted",
        (
            "party",
            |facility, event| party(event, "delete", "debtor", facility.terms.secured_party.id),
            "not-of-record",
            "effective",
        ),
    ),
    (
        "the debtor is deleted without a release",
        (
            "party",
            |facility, event| party(event, "delete", "debtor", facility.terms.debtor.id),
            "not-authorised",
            "disputed",
        ),
    ),
    (
        "the secured party is deleted without a release",
        (
            "party",
            |facility, event| party(event, "delete", "secured", facility.terms.secured_party.id),
            "not-authorised",
            "disputed",
        ),
    ),
    (
        "it is assigned as a whole",
        (
            "assignment",
            |facility, event| {
                event
                    .with("party_id", facility.terms.debtor.id.to_string())
                    .with("name", "Assignee")
                    .with(
                        "replaces_party_id",
                        facility.terms.secured_party.id.to_string(),
                    )
            },
            "",
            "effective",
        ),
    ),
    (
        "it is assigned in part",
        (
            "assignment",
            |facility, event| {
                event
                    .with("party_id", facility.terms.debtor.id.to_string())
                    .with("name", "Assignee")
            },
            "",
            "effective",
        ),
    ),
    (
        "it is assigned by who is not of record",
        (
            "assignment",
            |facility, event| {
                event
                    .with("party_id", facility.terms.secured_party.id.to_string())
                    .with("name", "Assignee")
                    .with("replaces_party_id", facility.terms.debtor.id.to_string())
            },
            "not-of-record",
            "effective",
        ),
    ),
    (
        "collateral is added",
        (
            "collateral",
            |_, event| {
                event
                    .with("action", "add")
                    .with("description", "Schedule B")
            },
            "",
            "effective",
        ),
    ),
    (
        "collateral is deleted without a release",
        (
            "collateral",
            |_, event| {
                event
                    .with("action", "delete")
                    .with("description", "Machine 5")
            },
            "not-authorised",
            "disputed",
        ),
    ),
    (
        "collateral is restated without a release",
        (
            "collateral",
            |_, event| {
                event
                    .with("action", "restate")
                    .with("description", "Nothing")
            },
            "not-authorised",
            "disputed",
        ),
    ),
    (
        "it is filed before the filing",
        (
            "continuation",
            |_, event| {
                event
                    .with("filed_at", "2019-01-01T00:00:00Z")
                    .with("filed_on", "2019-01-01")
            },
            "before-filing",
            "effective",
        ),
    ),
];

#[test]
fn each_amendment_has_its_legal_effect() -> Result<()> {
    let fixture = Fixture::new()?;
    for (what, (kind, members, reason, state)) in AMENDMENTS {
        let mut facility = SecuredFacility::open(&fixture)?;
        let before = facility.file(|it| it)?["effect"].take();
        let standing = facility.amend(kind, -1, |event| members(&facility, event))?;
        assert_eq!(last_reason(&standing)?, reason, "{what}");
        assert_eq!(standing["status"], state, "{what}");
        for part in ["debtors", "secured_parties", "descriptions"] {
            // An amendment without effect leaves the record as it was.
            if !reason.is_empty() {
                assert_eq!(standing[part], before[part], "{what}: {part}");
            }
        }
        let recorded = facility.collateral()?["filings"][0].take();
        for (member, value) in standing.as_object().context("an object")? {
            assert_eq!(&recorded[member], value, "{what}: {member} as it is kept");
        }
    }
    Ok(())
}

#[test]
fn an_amendment_under_a_release_counts_from_its_approval_and_only_once() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000, 500])?;
    let release = facility.requested(&facility.removal(
        &json!({"kind": "collateral", "action": "delete", "description": "Schedule A, 1"}),
    ))?;
    let deletion = |event: WebhookEvent| {
        event
            .with("action", "delete")
            .with("description", "Schedule A, 1")
            .with("release_id", release["id"].clone())
    };
    let standing = facility.amend("collateral", -1, deletion)?;
    assert_eq!(standing["status"], "disputed", "it is only requested");
    let approved = facility.approve_by("bob", &release)?;
    assert_eq!(refusal(&approved), "");
    let filing = facility.collateral()?["filings"][0].take();
    assert_eq!(filing["status"], "effective");
    assert_eq!(
        filing["descriptions"],
        json!([
            "All receivables listed in Schedule A",
            "deleted: Schedule A, 1"
        ])
    );
    let again = facility
        .terms
        .amendment(facility.filing, "collateral", facility.day(-1));
    let again = facility.send(&deletion(again))?;
    assert_eq!(refusal(&again), "already-exists");
    // The last debtor and the last secured party stay, release or not (9-512(e)).
    let debtor = facility.terms.debtor.id.to_string();
    let release = facility.released(&facility.removal(
        &json!({"kind": "party", "action": "delete", "role": "debtor", "party_id": debtor}),
    ))?;
    let standing = facility.amend("party", -1, |event| {
        party(event, "delete", "debtor", facility.terms.debtor.id)
            .with("release_id", release["id"].clone())
    })?;
    assert_eq!(last_reason(&standing)?, "last-party");
    assert_eq!(standing["status"], "effective");
    Ok(())
}

/// What the releases below take out of a filing's collateral.
const DELETED: &str = "Schedule A, 1";

/// A release authorises the amendment that it shows, to the byte, and none beside it.
#[test]
fn a_release_authorises_nothing_but_what_it_names() -> Result<()> {
    let fixture = Fixture::new()?;
    let named = json!({"kind": "collateral", "action": "delete", "description": DELETED});
    let restated = json!({"kind": "collateral", "action": "restate", "description": DELETED});
    let filed = |facility: &SecuredFacility<'_>, release: &Value, action: &str, text: &str| {
        let standing = facility.amend("collateral", -1, |event| {
            event
                .with("action", action)
                .with("description", text)
                .with("release_id", release["id"].clone())
        })?;
        let settlement = refusal(&facility.draw(10)?);
        Ok::<_, anyhow::Error>((last_reason(&standing)?, settlement))
    };
    for (asked, action, text, effective) in [
        (Some(&named), "delete", DELETED, true),
        (Some(&restated), "restate", DELETED, true),
        (Some(&restated), "delete", DELETED, false),
        (Some(&named), "restate", DELETED, false),
        (Some(&named), "delete", "Schedule A, 1 ", false),
        (Some(&named), "delete", "Schedule A", false),
        // The release of one asset authorises no amendment at all.
        (None, "restate", "none of the debtor's assets", false),
        (None, "delete", DELETED, false),
    ] {
        let facility = SecuredFacility::good(&fixture, &[1, 1_000_000])?;
        let body = asked.map_or_else(
            || facility.release(&facility.pledged[..1]),
            |asked| facility.removal(asked),
        );
        let release = facility.released(&body)?;
        let (reason, settlement) = filed(&facility, &release, action, text)?;
        let expected = if effective {
            ("", "")
        } else {
            ("not-authorised", "filing-disputed")
        };
        assert_eq!(
            (&*reason, &*settlement),
            expected,
            "{asked:?} {action} {text}"
        );
    }

    // Likewise a party, and its role.
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let (debtor, secured) = (facility.terms.debtor.id, facility.terms.secured_party.id);
    for (role, id) in [("debtor", secured), ("secured", debtor)] {
        facility.amend("party", -1, |event| {
            party(event, "add", role, id).with("name", "Another")
        })?;
    }
    let delete = |role: &str, id: Uuid, release: &Value| {
        facility.amend("party", -1, |event| {
            party(event, "delete", role, id).with("release_id", release["id"].clone())
        })
    };
    let asked = json!({"kind": "party", "action": "delete", "role": "debtor", "party_id": secured});
    for (role, id) in [("debtor", debtor), ("secured", secured)] {
        let release = facility.released(&facility.removal(&asked))?;
        assert_eq!(last_reason(&delete(role, id, &release)?)?, "not-authorised");
    }
    let release = facility.released(&facility.removal(&asked))?;
    assert_eq!(last_reason(&delete("debtor", secured, &release)?)?, "");
    assert_books(&mut fixture.admin()?)
}

/// A termination that was approved over an empty filing takes no later pledge's cover away, named or not.
#[test]
fn a_termination_is_authorised_for_what_its_release_names() -> Result<()> {
    let fixture = Fixture::new()?;
    for named in [false, true] {
        let mut facility = SecuredFacility::good(&fixture, &[])?;
        let release = facility.released(&facility.termination())?;
        let pledged = facility.pledge(|it| it)?;
        facility.value(pledged, 1_000)?;
        facility.hold(pledged)?;
        facility.drawn(10)?;
        let standing = facility.amend("termination", -1, |event| {
            if named {
                event.with("release_id", release["id"].clone())
            } else {
                event
            }
        })?;
        assert_eq!(last_reason(&standing)?, "not-authorised");
        assert_eq!(standing["status"], "disputed");
        assert_eq!(refusal(&facility.draw(10)?), "filing-disputed");
        // A release that names the pledge authorises the one that named none of its own.
        facility.released(&facility.termination())?;
        let state = facility.collateral()?["filings"][0]["status"].take();
        assert_eq!(state, if named { "disputed" } else { "terminated" });
    }
    // The release of an asset is none of the filing.
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let release = facility.released(&facility.release(&facility.pledged))?;
    let standing = facility.amend("termination", -1, |event| {
        event.with("release_id", release["id"].clone())
    })?;
    assert_eq!(last_reason(&standing)?, "not-authorised");
    assert_books(&mut fixture.admin()?)
}

/// An approval is good for as long as a request is.
#[test]
fn an_approval_lapses() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    for (age, reason) in [
        ("6 days 23 hours 50 minutes", ""),
        ("7 days", "not-authorised"),
    ] {
        let facility = SecuredFacility::good(&fixture, &[1_000])?;
        let asked = json!({"kind": "collateral", "action": "delete", "description": DELETED});
        let deletion = facility.released(&facility.removal(&asked))?;
        facility.released(&facility.termination())?;
        let earlier = format!(
            "update collateral.release set approved_at = approved_at - interval '{age}',
                created_at = created_at - interval '{age}'"
        );
        without_triggers(&mut admin, "collateral.release", &earlier)?;
        let standing = facility.amend("collateral", -1, |event| {
            event
                .with("action", "delete")
                .with("description", DELETED)
                .with("release_id", deletion["id"].clone())
        })?;
        assert_eq!(last_reason(&standing)?, reason, "{age}");
        let standing = facility.amend("termination", -1, |event| event)?;
        assert_eq!(last_reason(&standing)?, reason, "{age}");
    }
    Ok(())
}

#[test]
fn a_facility_records_a_file_number_once_and_bars_no_other() -> Result<()> {
    let fixture = Fixture::new()?;
    let (mut one, mut other) = (
        SecuredFacility::open(&fixture)?,
        SecuredFacility::open(&fixture)?,
    );
    let number = format!("2026 {:.10}", Uuid::new_v4().simple());
    let first = one.file(|event| event.with("file_number", number.as_str()))?;
    // Another facility's agent learns nothing: the filing is recorded as if nobody had it.
    let second = other.file(|event| event.with("file_number", number.replace(' ', "-")))?;
    assert_eq!(second["effect"]["status"], first["effect"]["status"]);
    let filing = |facility: &SecuredFacility<'_>, number: &str, office: &str| {
        let event = facility.terms.filing(facility.day(-9));
        facility.send(&event.with("file_number", number).with("office", office))
    };
    // In any spelling.
    for written in [
        number.clone(),
        number.replace(' ', "-"),
        number.to_uppercase(),
    ] {
        let again = filing(&other, &written, "US-DE")?;
        assert_eq!(refusal(&again), "already-exists", "{written}");
    }
    assert_eq!(refusal(&filing(&other, &number, "US-NY")?), "");
    Ok(())
}

/// A filing that another facility's agent recorded first counts for nothing until the platform decides.
#[test]
fn a_filing_of_two_facilities_counts_in_one_and_both_are_warned() -> Result<()> {
    let fixture = Fixture::new()?;
    let (mut squatter, owner) = (
        SecuredFacility::open(&fixture)?,
        SecuredFacility::open(&fixture)?,
    );
    let number = format!("2026 {:.10}", Uuid::new_v4().simple());
    squatter.file(|event| event.with("file_number", number.as_str()))?;
    let mut owner = owner;
    owner.file(|event| event.with("file_number", number.as_str()))?;
    owner.sign(|it| it)?;
    let pledged = owner.pledge(|it| it)?;
    owner.value(pledged, 1_000)?;
    owner.hold(pledged)?;
    owner.record(&owner.terms.search(owner.day(-1)))?;
    assert_eq!(refusal(&owner.draw(10)?), "filing-contested");
    monitor(&fixture)?;
    for facility in [&squatter, &owner] {
        assert_eq!(facility.warnings()?, ["filing-contested"]);
    }
    let decide = |facility: Uuid, filing: Uuid| {
        let data = json!({ "facility_id": facility.to_string(), "filing_id": filing.to_string() });
        fixture
            .agent(PLATFORM)
            .deliver(&delivery("dispute.decided", &data))
    };
    let unknown = decide(owner.terms.facility, squatter.filing)?;
    assert_eq!(refusal(&unknown), "not-found");
    assert_eq!(refusal(&decide(owner.terms.facility, owner.filing)?), "");
    assert_eq!(refusal(&owner.draw(10)?), "");
    assert_books(&mut fixture.admin()?)
}

#[test]
fn nothing_dated_in_the_future_is_recorded() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::good(&fixture, &[])?;
    let pledged = facility.pledge(|it| it)?;
    let ahead = facility.day(2);
    let terms = &facility.terms;
    for (event, member) in [
        (terms.filing(ahead), "filed_on"),
        (
            terms.amendment(facility.filing, "continuation", ahead),
            "filed_on",
        ),
        (terms.agreement(ahead), "dated_on"),
        (
            terms.pledge(facility.filing, facility.agreement, ahead),
            "pledged_on",
        ),
        (terms.valuation(ahead, &[(pledged.asset, 1)]), "valued_on"),
        (terms.receipt(ahead, &[pledged.asset]), "held_on"),
        (terms.search(ahead), "through_on"),
    ] {
        let answer = facility.send(&event)?;
        assert_eq!(
            refusal(&answer),
            "date-ahead",
            "{}: {}",
            event.kind,
            answer.text()
        );
        assert_eq!(answer.json()["member"], member);
    }
    Ok(())
}
