//! UCC 9-515 to the day: the functions behind a filing's standing, called with fixed dates.

use anyhow::{Context as _, Result};
use postgres::Client;
use shared::collateral::Office;
use tests::fixture::Fixture;
use time::{Date, Month};

/// A designation, the office's date of filing, and the last day of its effect.
const LAPSES: [(&str, &str, Option<&str>); 12] = [
    ("standard", "2020-03-15", Some("2025-03-15")),
    ("standard", "2020-02-29", Some("2025-03-01")),
    ("standard", "2019-02-28", Some("2024-02-28")),
    ("standard", "2019-03-01", Some("2024-03-01")),
    ("standard", "2020-12-31", Some("2025-12-31")),
    // 2100 is no leap year; 2000 was one.
    ("standard", "2095-02-28", Some("2100-02-28")),
    ("standard", "1995-02-28", Some("2000-02-28")),
    ("public-finance", "2020-02-29", Some("2050-03-01")),
    ("public-finance", "1996-06-30", Some("2026-06-30")),
    ("manufactured-home", "2018-02-28", Some("2048-02-28")),
    ("manufactured-home", "2022-02-28", Some("2052-02-28")),
    ("transmitting-utility", "2020-03-15", None),
];

/// The last day of effect, and the first on which a continuation counts.
const WINDOWS: [(&str, &str); 9] = [
    ("2025-03-15", "2024-09-15"),
    ("2025-03-01", "2024-09-01"),
    // That day does not exist: the window begins on the last day of the month.
    ("2025-08-31", "2025-02-28"),
    ("2024-08-31", "2024-02-29"),
    ("2025-08-29", "2025-02-28"),
    ("2025-12-31", "2025-06-30"),
    ("2026-03-31", "2025-09-30"),
    ("2028-02-29", "2027-08-29"),
    ("2050-03-01", "2049-09-01"),
];

/// The last day of effect, the day of a continuation, and the last day after it; `None` if it has no effect.
const CONTINUATIONS: [(&str, &str, Option<&str>); 11] = [
    ("2025-03-15", "2024-09-14", None),
    ("2025-03-15", "2024-09-15", Some("2030-03-15")),
    ("2025-03-15", "2025-03-14", Some("2030-03-15")),
    ("2025-03-15", "2025-03-15", Some("2030-03-15")),
    ("2025-03-15", "2025-03-16", None),
    ("2025-03-15", "2020-03-15", None),
    ("2025-03-01", "2025-03-01", Some("2030-03-01")),
    // Filings for thirty years are continued by five years as well.
    ("2050-03-01", "2049-10-01", Some("2055-03-01")),
    ("2050-03-01", "2049-08-31", None),
    ("2028-02-29", "2028-02-29", Some("2033-03-01")),
    ("2025-08-31", "2025-02-28", Some("2030-08-31")),
];

/// An office, an instant just before its midnight, and the date there. A minute later it is the next.
const EVENINGS: [(&str, &str, &str); 18] = [
    ("US-DE", "2026-11-28T04:59Z", "2026-11-27"),
    // The evenings before and after the clocks change.
    ("US-DE", "2027-03-14T04:59Z", "2027-03-13"),
    ("US-DE", "2027-03-15T03:59Z", "2027-03-14"),
    ("US-DE", "2027-11-07T03:59Z", "2027-11-06"),
    ("US-DE", "2027-11-08T04:59Z", "2027-11-07"),
    ("US-DE", "2028-02-29T04:59Z", "2028-02-28"),
    ("US-IN", "2027-07-01T03:59Z", "2027-06-30"),
    ("US-TN", "2027-07-01T04:59Z", "2027-06-30"),
    ("US-ID", "2027-07-01T05:59Z", "2027-06-30"),
    ("US-AZ", "2027-07-01T06:59Z", "2027-06-30"),
    ("US-AZ", "2027-01-01T06:59Z", "2026-12-31"),
    ("US-OR", "2027-07-01T06:59Z", "2027-06-30"),
    ("US-AK", "2027-07-01T07:59Z", "2027-06-30"),
    ("US-HI", "2027-07-01T09:59Z", "2027-06-30"),
    ("US-PR", "2027-01-01T03:59Z", "2026-12-31"),
    ("US-VI", "2027-07-01T03:59Z", "2027-06-30"),
    ("US-GU", "2026-11-28T13:59Z", "2026-11-28"),
    ("US-MP", "2027-07-01T13:59Z", "2027-07-01"),
];

fn text(admin: &mut Client, sql: &str) -> Result<Option<String>> {
    let row = admin.query_one(sql, &[]).with_context(|| sql.to_owned())?;
    Ok(row.get(0))
}

#[test]
fn a_filing_lapses_on_the_same_day_years_later() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    for (designation, filed, expected) in LAPSES {
        let sql = format!("select collateral.lapse('{designation}', '{filed}')::text");
        let found = text(&mut admin, &sql)?;
        assert_eq!(found.as_deref(), expected, "{designation} of {filed}");
    }
    Ok(())
}

#[test]
fn a_continuation_counts_in_the_last_six_months_alone() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    for (lapse, expected) in WINDOWS {
        let sql = format!("select collateral.continuation_opens('{lapse}')::text");
        assert_eq!(
            text(&mut admin, &sql)?.as_deref(),
            Some(expected),
            "{lapse}"
        );
    }
    for (lapse, filed, expected) in CONTINUATIONS {
        let sql = format!("select collateral.continued('{lapse}', '{filed}')::text");
        let found = text(&mut admin, &sql)?;
        assert_eq!(found.as_deref(), expected, "{lapse}, filed on {filed}");
    }
    // A filing that never lapses needs no continuation and has no window.
    for sql in [
        "select collateral.continuation_opens(null)::text",
        "select collateral.continued(null, '2024-01-01')::text",
    ] {
        assert_eq!(text(&mut admin, sql)?, None, "{sql}");
    }
    Ok(())
}

#[test]
fn an_office_has_the_date_of_its_own_place() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    for (office, at, expected) in EVENINGS {
        let sql = format!("select collateral.office_day('{office}', '{at}')::text");
        let found = text(&mut admin, &sql)?;
        assert_eq!(found.as_deref(), Some(expected), "{office} at {at}");
        let sql = format!(
            "select (collateral.office_day('{office}', timestamptz '{at}' + interval '1 minute') - 1)::text"
        );
        let found = text(&mut admin, &sql)?;
        assert_eq!(found.as_deref(), Some(expected), "{office} after {at}");
    }
    Ok(())
}

/// The function that reads a report and the database know the same offices.
#[test]
fn each_office_that_a_report_may_name_has_a_date() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let mut offices = 0;
    for (one, other) in ('A'..='Z').flat_map(|one| ('A'..='Z').map(move |other| (one, other))) {
        let office = format!("US-{one}{other}");
        let sql = format!("select collateral.office_today('{office}')::text");
        let known = text(&mut admin, &sql)?.is_some();
        assert_eq!(known, office.parse::<Office>().is_ok(), "{office}");
        offices += u32::from(known);
    }
    assert_eq!(offices, 55);
    for other in ["", "US", "DE", "XX-DE", "US-de", "US-DE ", "GB-SCT"] {
        let sql = format!("select collateral.office_today('{other}')::text");
        assert_eq!(text(&mut admin, &sql)?, None, "{other}");
    }
    assert_eq!(
        text(&mut admin, "select collateral.office_today(null)::text")?,
        None
    );
    Ok(())
}

/// Every day of two leap cycles, and of those around a century without a leap day.
#[test]
fn lapse_and_window_equal_a_plain_calendars_on_every_day() -> Result<()> {
    let fixture = Fixture::empty()?;
    let rows = fixture.admin()?.query(
        "select d::date, collateral.lapse('standard', d::date), collateral.lapse('public-finance', d::date),
            collateral.continuation_opens(d::date), collateral.continued(d::date, d::date)
        from (
            select generate_series('2019-01-01'::timestamp, '2027-12-31', '1 day')
            union all
            select generate_series('2092-01-01'::timestamp, '2105-12-31', '1 day')
        ) as days (d)",
        &[],
    )?;
    assert_eq!(rows.len(), 3_287 + 5_113);
    for row in &rows {
        let on: Date = row.get(0);
        let expected = [
            years_after(on, 5),
            years_after(on, 30),
            six_months_before(on),
            years_after(on, 5),
        ];
        for (column, expected) in expected.into_iter().enumerate() {
            let found: Option<Date> = row.get(column + 1);
            assert_eq!(found, Some(expected), "{on}, column {}", column + 1);
        }
    }
    Ok(())
}

fn years_after(on: Date, years: i32) -> Date {
    let year = on.year() + years;
    Date::from_calendar_date(year, on.month(), on.day())
        .or_else(|_no_leap_day| Date::from_calendar_date(year, Month::March, 1))
        .expect("1 March is in every year")
}

fn six_months_before(on: Date) -> Date {
    let (mut year, mut month) = (on.year(), u8::from(on.month()));
    if month > 6 {
        month -= 6;
    } else {
        (year, month) = (year - 1, month + 6);
    }
    let month = Month::try_from(month).expect("one of twelve");
    let day = on.day().min(month.length(year));
    Date::from_calendar_date(year, month, day).expect("a day of that month")
}
