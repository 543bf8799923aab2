//! Values that break the forms of a body's members.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A body with one member of another value.
pub(super) fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    if let Some(parent) = body.pointer_mut(parent).and_then(Value::as_object_mut) {
        parent.insert(name.to_owned(), value);
    }
    body
}

/// The same without it.
pub(super) fn without(body: &Value, pointer: &str) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    if let Some(parent) = body.pointer_mut(parent).and_then(Value::as_object_mut) {
        parent.remove(name);
    }
    body
}

/// Values that are not amounts of money.
pub(super) fn bad_money() -> Vec<Value> {
    let texts = [
        "",
        "0",
        "00",
        "01",
        "-1",
        "+1",
        "1.0",
        "1e3",
        " 1",
        "1 ",
        "1_000",
        "1,000",
        "0x1",
        "١",
        "1000000000000000000",
        "9223372036854775808",
    ];
    let others = [
        json!(100),
        json!(1.5),
        json!(-1),
        json!(1e30),
        json!(0),
        json!(true),
        json!(null),
        json!(["1"]),
        json!({ "minor": "1" }),
    ];
    texts.into_iter().map(Value::from).chain(others).collect()
}

pub(super) fn words(words: &[&str]) -> Vec<Value> {
    words
        .iter()
        .map(|word| json!(word))
        .chain([json!(null), json!(7), json!(["viewer"])])
        .collect()
}

/// Currencies that nothing may begin in.
pub(super) fn bad_currencies() -> Vec<Value> {
    let mut all = words(&["ABC", "XXX", "XAU", "BGN", "HRK", "ZWL", "CHE"]);
    all.extend(bad_currency_codes());
    all
}

/// What is no currency's code, where something that is there is named.
pub(super) fn bad_currency_codes() -> Vec<Value> {
    words(&[
        "", "usd", "Usd", "US", "USDX", "840", "USD\u{0}", " USD", "ÜS",
    ])
}

pub(super) fn bad_ids() -> Vec<Value> {
    let good = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
    words(&[
        "",
        "1",
        &good.to_uppercase(),
        &good.replace('-', ""),
        &format!("{{{good}}}"),
        &format!("{good} "),
        &good[1..],
        &format!("{good}\u{0}"),
    ])
}

pub(super) fn bad_uetrs() -> Vec<Value> {
    let other_versions = [
        "6f9619ff-8b86-1d01-b42d-00cf4fc964ff",
        "6f9619ff-8b86-7d01-b42d-00cf4fc964ff",
        "6f9619ff-8b86-4d01-c42d-00cf4fc964ff",
    ];
    bad_ids()
        .into_iter()
        .chain(other_versions.map(Value::from))
        .chain([json!(Uuid::nil().to_string())])
        .collect()
}

pub(super) fn bad_texts() -> Vec<Value> {
    let long = "x".repeat(141);
    words(&[
        "",
        "\u{0}",
        "a\u{0}b",
        "a\nb",
        "a\rb",
        "a\tb",
        "\u{1b}[2J",
        "\u{7f}",
        "\u{85}",
        &long,
        &"é".repeat(141),
    ])
}

pub(super) fn bad_value_dates() -> Vec<Value> {
    // Of the place where the date is the earliest.
    let today = (OffsetDateTime::now_utc() - Duration::hours(12)).date();
    let day = |date: time::Date| date.to_string();
    words(&[
        "",
        "soon",
        "2026-02-30",
        "2027-13-01",
        "2027-1-1",
        "20270101",
        "2027-01-01T00:00:00Z",
        "0000-01-01",
        "+12027-01-01",
        "2027-01-01\u{0}",
        "99999-01-01",
        "9999-12-31",
        "1999-12-31",
        &day(today - Duration::days(1)),
        &day(today + Duration::days(3_661)),
    ])
}

pub(super) fn bad_expiries() -> Vec<Value> {
    let now = OffsetDateTime::now_utc();
    words(&[
        "",
        "soon",
        "2027-01-01",
        "2027-02-30T00:00:00Z",
        "2027-01-01T00:00:00",
        "1795392000",
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00Z",
        &instant(now - Duration::seconds(1)),
        &instant(now + Duration::days(366)),
    ])
}

pub(super) fn bad_occurrences() -> Vec<Value> {
    words(&[
        "",
        "yesterday",
        "2026-01-01",
        "2026-02-30T00:00:00Z",
        &instant(OffsetDateTime::now_utc() + Duration::seconds(330)),
    ])
}

pub(super) fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
