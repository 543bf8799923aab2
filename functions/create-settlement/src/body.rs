use shared::{
    gateway::NewSettlement,
    http::{
        Problem,
        instant::{parse_date, parse_instant},
        read_body,
    },
};
use time::{Date, Duration, OffsetDateTime};

const YEARS_AHEAD_MAX: i32 = 10;
const LIFETIME_MAX: Duration = Duration::days(365);

/// `{facility_id, amount_minor, currency, value_date, uetr?, reference?, expires_at?}`
pub(crate) fn read(body: &[u8], now: OffsetDateTime) -> Result<NewSettlement, Problem> {
    read_body(body, |body| {
        let facility_id = body.required("facility_id");
        let amount_minor = body.required("amount_minor");
        let currency = body.required("currency");
        let value_date =
            body.required_with("value_date", |text| value_date(text, earliest_date(now)));
        let uetr = body.optional("uetr");
        let reference = body.optional("reference");
        let expires_at = body.optional_with("expires_at", |text| expires_at(text, now));
        Some(NewSettlement {
            facility_id: facility_id?,
            amount_minor: amount_minor?,
            currency: currency?,
            value_date: value_date?,
            uetr: uetr?,
            reference: reference?,
            expires_at: expires_at?,
        })
    })
}

/// The earliest date that it is anywhere on Earth (UTC-12). Nobody is refused the date of their own place.
fn earliest_date(now: OffsetDateTime) -> Date {
    (now - time::Duration::hours(12)).date()
}

/// A value date has no time zone of its own.
fn value_date(text: &str, today: Date) -> Result<Date, &'static str> {
    let calendar =
        |date: Date, years: i32| (date.year() + years, u8::from(date.month()), date.day());
    match parse_date(text)? {
        date if date < today => Err("must not be in the past"),
        date if calendar(date, 0) > calendar(today, YEARS_AHEAD_MAX) => {
            Err("must be at most 10 years ahead")
        }
        date => Ok(date),
    }
}

fn expires_at(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, &'static str> {
    match parse_instant(text)? {
        at if at <= now => Err("must be in the future"),
        at if at > now + LIFETIME_MAX => Err("must be at most one year ahead"),
        at => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    fn with(member: &str, value: &str) -> String {
        let mut members = vec![
            ("facility_id", r#""6f9619ff-8b86-4d01-b42d-00cf4fc964ff""#),
            ("amount_minor", r#""100""#),
            ("currency", r#""USD""#),
            ("value_date", r#""2026-11-23""#),
        ];
        members.retain(|(name, _)| *name != member);
        if !value.is_empty() {
            members.push((member, value));
        }
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    #[test]
    fn acceptable_bodies() {
        for (member, value) in [
            ("", ""),
            ("amount_minor", r#""999999999999999999""#),
            ("value_date", r#""2036-11-23""#),
            ("uetr", r#""6f9619ff-8b86-4d01-b42d-00cf4fc964ff""#),
            ("reference", r#""Series A""#),
            ("expires_at", r#""2026-11-23T12:00:00.000001Z""#),
            ("expires_at", r#""2027-11-23T13:00:00+01:00""#),
        ] {
            assert!(
                read(with(member, value).as_bytes(), NOW).is_ok(),
                "{member} {value}"
            );
        }
    }

    #[test]
    fn refused_members() {
        for (member, value) in [
            ("facility_id", ""),
            ("facility_id", r#""6F9619FF-8B86-4D01-B42D-00CF4FC964FF""#),
            ("amount_minor", ""),
            ("amount_minor", "100"),
            ("amount_minor", "100.0"),
            ("amount_minor", r#""0""#),
            ("amount_minor", r#""-1""#),
            ("amount_minor", r#""1.5""#),
            ("amount_minor", r#""1000000000000000000""#),
            ("currency", r#""usd""#),
            ("currency", r#""XXX""#),
            ("value_date", r#""2026-11-22""#),
            ("value_date", r#""2036-11-24""#),
            ("value_date", r#""2027-02-29""#),
            ("value_date", r#""2026-11-23T00:00:00Z""#),
            ("uetr", r#""6f9619ff-8b86-1d01-b42d-00cf4fc964ff""#),
            ("reference", r#""""#),
            ("uetr", "null"),
            ("expires_at", "null"),
            ("reference", r#""a\nb""#),
            ("expires_at", r#""2026-11-23T12:00:00Z""#),
            ("expires_at", r#""2027-11-23T12:00:01Z""#),
            ("allocator_id", r#""6f9619ff-8b86-4d01-b42d-00cf4fc964ff""#),
            ("created_by", r#""6f9619ff-8b86-4d01-b42d-00cf4fc964ff""#),
        ] {
            let refused = read(with(member, value).as_bytes(), NOW);
            assert!(
                matches!(refused, Err(Problem::Invalid(_))),
                "{member} {value}"
            );
        }
    }

    #[test]
    fn the_earliest_date_is_that_of_the_place_furthest_west() {
        for (unix, expected) in [
            (1_795_836_600, "2026-11-27"), // 03:30 UTC on the 28th: 22:30 on the 27th in Delaware
            (1_795_867_199, "2026-11-27"), // 11:59:59 UTC
            (1_795_867_200, "2026-11-28"), // 12:00:00 UTC
        ] {
            let now = super::OffsetDateTime::from_unix_timestamp(unix).unwrap();
            assert_eq!(super::earliest_date(now).to_string(), expected);
        }
    }
}
