//! Dates and instants as requests write them.

use time::{
    Date, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339,
    macros::format_description,
};

/// An instant in RFC 3339, with any offset.
///
/// # Errors
///
/// A sentence for the caller.
pub fn parse_instant(text: &str) -> Result<OffsetDateTime, &'static str> {
    Some(text)
        // The parser takes any separator between date and time.
        .filter(|text| matches!(text.as_bytes().get(10), Some(b'T' | b't')))
        .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
        // An offset can push the year out of the four digits that everything else here relies on.
        .and_then(|instant| instant.checked_to_offset(UtcOffset::UTC))
        .filter(|instant| (1..=9999).contains(&instant.year()))
        .ok_or("must be an instant in RFC 3339, such as 2026-11-23T09:30:00Z")
}

/// A date, `YYYY-MM-DD`.
///
/// # Errors
///
/// A sentence for the caller.
pub fn parse_date(text: &str) -> Result<Date, &'static str> {
    Some(text)
        .filter(|text| text.len() == 10 && text.as_bytes()[0].is_ascii_digit())
        .and_then(|text| Date::parse(text, format_description!("[year]-[month]-[day]")).ok())
        .filter(|date| date.year() > 0)
        .ok_or("must be a date, YYYY-MM-DD")
}

/// An instant as the database reads it from a text: in UTC, to the microsecond. It would round what is finer, and so
/// into the next day.
#[must_use]
pub fn to_microseconds(instant: OffsetDateTime) -> String {
    let utc = instant.to_offset(UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        utc.year(),
        u8::from(utc.month()),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second(),
        utc.microsecond()
    )
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn instants() {
        for (good, instant) in [
            ("2026-11-23T00:00:00Z", datetime!(2026-11-23 00:00 UTC)),
            (
                "2026-11-23T01:30:00.25+01:30",
                datetime!(2026-11-23 00:00:00.25 UTC),
            ),
            ("2026-11-22T23:00:00-01:00", datetime!(2026-11-23 00:00 UTC)),
        ] {
            assert_eq!(parse_instant(good), Ok(instant), "{good}");
        }
        for bad in [
            "",
            "2026-11-23",
            "2026-11-23T00:00:00",
            "2026-11-23 00:00:00Z",
            "2026-11-23_00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "0000-01-01T00:00:00Z",
            "2026-11-23T00:00:00Z ",
            "1795392000",
            "+2026-11-23T00:00:00Z",
            "2026-11-23T00:00:00 02:00",
        ] {
            assert!(parse_instant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn instants_are_cut_to_microseconds() {
        for (instant, text) in [
            (
                datetime!(2026-12-31 23:59:59.999_999_9 UTC),
                "2026-12-31T23:59:59.999999Z",
            ),
            (
                datetime!(2026-11-23 01:30 +01:30),
                "2026-11-23T00:00:00.000000Z",
            ),
            (
                datetime!(0001-01-01 00:00 UTC),
                "0001-01-01T00:00:00.000000Z",
            ),
        ] {
            assert_eq!(to_microseconds(instant), text);
            assert!(parse_instant(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(parse_date("2028-02-29"), Ok(date!(2028 - 02 - 29)));
        for bad in [
            "",
            "2026-02-29",
            "2026-2-3",
            "20260203",
            "2026-02-03T",
            "+026-02-03",
            "0000-01-01",
            "２０２６-0",
        ] {
            assert!(parse_date(bad).is_err(), "{bad}");
        }
    }
}
