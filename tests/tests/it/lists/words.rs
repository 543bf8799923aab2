//! The words of requests: what the document says of a text is what the parser takes, and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use anyhow::{Context as _, Result};
use regex::Regex;
use serde_json::{Value, json};
use shared::collateral::{
    AssetKind, Bic, Description, FileNumber, Jurisdiction, LegalName, Lei, Office,
};
use shared::commitment::Sha256;
use shared::http::instant::{parse_date, parse_instant};
use shared::ids::{AgentId, DeliveryId, FacilityId, Uetr};
use shared::money::{AmountMinor, Currency, CurrencyCode};
use shared::paging::{AuditCursor, ChangesCursor, IdCursor, NewestFirstCursor};
use shared::settlement::{Status, Text};

use super::openapi::OpenApi;
use super::read;
use super::schema::list;
use super::values::Values;
use crate::mutations::MUTATING;

const ROUNDS: usize = 200;

/// A schema, its parser, and what the parser refuses that the schema cannot.
type Word = (&'static str, fn(&str) -> bool, &'static str);

const WORDS: [Word; 24] = [
    ("schemas/ActiveCurrency", is::<Currency>, ""),
    ("schemas/AgentId", is::<AgentId>, ""),
    ("schemas/AmountMinor", is::<AmountMinor>, ""),
    ("schemas/AssetKind", is::<AssetKind>, ""),
    ("schemas/Bic", is::<Bic>, ""),
    ("schemas/Currency", is::<CurrencyCode>, ""),
    (
        "schemas/Date",
        |text| parse_date(text).is_ok(),
        "the year 0",
    ),
    ("schemas/DeliveryId", is::<DeliveryId>, ""),
    ("schemas/FileNumber", is::<FileNumber>, ""),
    ("schemas/Hash", is::<Sha256>, ""),
    (
        "schemas/Indication",
        is::<Description>,
        "texts without a letter or digit: patterns of JSON Schema name no class of letters",
    ),
    (
        "schemas/Instant",
        |text| parse_instant(text).is_ok(),
        "instants outside the years 1 to 9999 in UTC",
    ),
    ("schemas/Jurisdiction", is::<Jurisdiction>, ""),
    ("schemas/LegalName", is::<LegalName>, ""),
    ("schemas/Lei", is::<Lei>, "wrong check digits"),
    ("schemas/Office", is::<Office>, ""),
    ("schemas/Status", is::<Status>, ""),
    ("schemas/Text", is::<Text>, ""),
    ("schemas/Uuid", is::<FacilityId>, ""),
    ("schemas/UuidV4", is::<Uetr>, ""),
    (
        "parameters/Cursor/schema",
        |text| NewestFirstCursor::parse(text).is_ok(),
        "cursors of an instant that no calendar has",
    ),
    (
        "parameters/SettlementCursor/schema",
        |text| NewestFirstCursor::parse(text).is_ok() || ChangesCursor::parse(text).is_ok(),
        "cursors of an instant that no calendar has",
    ),
    (
        "parameters/AuditCursor/schema",
        |text| AuditCursor::parse(text).is_ok(),
        "",
    ),
    (
        "parameters/IdCursor/schema",
        |text| IdCursor::parse(text).is_ok(),
        "",
    ),
];

/// Spellings that chance would not find.
const CHOSEN: [&str; 16] = [
    "0000-01-01",
    "0001-01-01",
    "9999-12-31",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-01:00",
    "2026-11-23T09:30:00.000000001Z",
    "2026-11-23T09:30:00,5Z",
    "2026-11-23T09:30:00+23:59",
    "2026-11-23T09:30:00+24:00",
    "- - -",
    "5493001KJTIIGC8Y1R12",
    "5493001KJTIIGC8Y1R13",
    "999999999999999999",
    "1000000000000000000",
    "DEUTDEFF500",
    "2026 0123456",
];

#[test]
fn what_the_document_says_of_a_text_is_what_is_parsed() -> Result<()> {
    let api = OpenApi::load()?;
    let mut values = Values::new(&api, "words");
    let mut wrong = Vec::new();
    for (name, parses, but) in WORDS {
        let schema = api
            .0
            .pointer(&format!("/components/{name}"))
            .context(name)?;
        let mut texts: Vec<Value> = CHOSEN.iter().map(|text| json!(text)).collect();
        for _ in 0..ROUNDS {
            let good = values.good(schema);
            texts.push(values.near(schema, &good));
            texts.push(good);
        }
        // Cursors of other lists, and instants and dates for each other.
        texts.extend([10, 11, 21, 22, 31, 32, 33, 34].map(|length| json!("A".repeat(length))));
        texts.extend(["", "Yw", "Yx", "YwA", "xw"].map(|mark| json!(format!("{mark:A<34}"))));
        texts.extend([
            json!("_".repeat(32)),
            json!(format!("Yx{}g", "_".repeat(31))),
        ]);
        let (mut good, mut excepted) = (0, 0);
        for text in texts {
            let valid = api.verdict(schema, &text, "").is_ok();
            let parsed = text.as_str().is_some_and(parses);
            good += usize::from(parsed && valid);
            match (valid, parsed) {
                (true, false) if !but.is_empty() => excepted += 1,
                (valid, parsed) if valid != parsed => {
                    wrong.push(format!("{name}: {text}: valid {valid}, parsed {parsed}"));
                }
                _ => {}
            }
        }
        assert!(good > 0, "{name}: no good text");
        assert_eq!(excepted > 0, !but.is_empty(), "{name}: {but:?}");
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
    Ok(())
}

/// Every code of three letters, every office, every jurisdiction of the United States.
#[test]
fn the_lists_of_codes_are_those_of_the_parsers() -> Result<()> {
    let api = OpenApi::load()?;
    let letters = || (b'A'..=b'Z').map(char::from);
    let pairs = || letters().flat_map(move |one| letters().map(move |two| format!("{one}{two}")));
    let triples =
        || pairs().flat_map(move |pair| letters().map(move |three| format!("{pair}{three}")));
    let listed = |name: &str| -> Vec<String> {
        let values = api.0["components"]["schemas"][name]["enum"].as_array();
        let values = values.into_iter().flatten().filter_map(Value::as_str);
        values.map(str::to_owned).collect()
    };
    let active: Vec<String> = triples().filter(|code| is::<Currency>(code)).collect();
    assert_eq!(listed("ActiveCurrency"), active, "{}", active.join(", "));
    let offices: Vec<String> = pairs()
        .map(|state| format!("US-{state}"))
        .filter(|code| is::<Office>(code))
        .collect();
    assert_eq!(listed("Office"), offices);
    let schema = &api.0["components"]["schemas"]["Jurisdiction"];
    for code in pairs().flat_map(|pair| [pair.clone(), format!("US-{pair}"), format!("{pair}-A1")])
    {
        let valid = api.verdict(schema, &json!(code), "").is_ok();
        assert_eq!(valid, is::<Jurisdiction>(&code), "{code}");
    }
    Ok(())
}

/// Of the planes that have characters without a mark: the first, the second, and that of tags.
#[test]
fn the_document_knows_every_invisible_character() -> Result<()> {
    let api = OpenApi::load()?;
    for (name, parses) in [
        ("Text", is::<Text> as fn(&str) -> bool),
        ("LegalName", is::<LegalName>),
        ("Indication", |text| is::<Description>(&format!("a{text}"))),
    ] {
        let pattern = api.0["components"]["schemas"][name]["pattern"].as_str();
        let pattern = Regex::new(pattern.context(name)?)?;
        let mut wrong: Vec<(u32, u32)> = Vec::new();
        for code in (0..0x2_0000).chain(0xe_0000..0xe_2000).chain([0x10_ffff]) {
            let Some(character) = char::from_u32(code) else {
                continue;
            };
            let text = character.to_string();
            if pattern.is_match(&text) != parses(&text) {
                match wrong.last_mut() {
                    Some((_, last)) if *last + 1 == code => *last = code,
                    _ => wrong.push((code, code)),
                }
            }
        }
        assert!(wrong.is_empty(), "{name}: {wrong:x?}");
    }
    Ok(())
}

fn is<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

/// The types that a webhook's reader knows, in the schema of its events, its discriminator and its replies.
#[test]
fn the_types_of_events_are_those_that_are_read() -> Result<()> {
    let api = OpenApi::load()?;
    let row = Regex::new(r#"(?m)^        \("([a-z_]+\.[a-z_]+)", [a-z_:]+\),"#)?;
    let mut of_replies = BTreeMap::new();
    for (agents, source, reply) in [
        ("Escrow", "escrow-webhook/src/main.rs", "ReportAccepted"),
        (
            "Settlement",
            "settlement-webhook/src/main.rs",
            "ReportAccepted",
        ),
        (
            "Platform",
            "platform-webhook/src/event.rs",
            "OnboardingAccepted",
        ),
        (
            "Collateral",
            "collateral-webhook/src/event/mod.rs",
            "CollateralRecorded",
        ),
    ] {
        let text = read(&format!("functions/{source}"))?;
        let read: BTreeSet<String> = row
            .captures_iter(&text)
            .map(|found| found[1].to_owned())
            .collect();
        assert!(!read.is_empty(), "{source}");
        let schemas = &api.0["components"]["schemas"];
        let event = &schemas[format!("{agents}Event")];
        let mapping = event["discriminator"]["mapping"]
            .as_object()
            .context(agents)?;
        assert_eq!(
            mapping.keys().cloned().collect::<BTreeSet<_>>(),
            read,
            "{agents}"
        );
        for (kind, target) in mapping {
            let schema = api.target(target).map_err(anyhow::Error::msg)?;
            assert_eq!(schema["properties"]["type"]["const"], **kind, "{target}");
            assert!(
                list(&event["oneOf"]).any(|one| one["$ref"] == *target),
                "{target}"
            );
        }
        assert_eq!(list(&event["oneOf"]).count(), read.len(), "{agents}");
        of_replies
            .entry(reply)
            .or_insert_with(BTreeSet::new)
            .extend(read);
    }
    for (reply, types) in of_replies {
        let listed = &api.0["components"]["schemas"][reply]["properties"]["type"]["enum"];
        assert_eq!(texts(listed), types, "{reply}");
    }
    Ok(())
}

/// What a ledger's entry can be of: every function that writes for a caller, and jobs that settle something for an
/// allocator. `crawl` holds the jobs to those whose commitments an allocator has.
#[test]
fn the_operations_of_the_ledger_are_those_that_write() -> Result<()> {
    let api = OpenApi::load()?;
    let listed = &api.0["components"]["schemas"]["LedgerEntry"]["properties"]["operation"]["enum"];
    let (jobs, callers): (BTreeSet<String>, BTreeSet<String>) = texts(listed)
        .into_iter()
        .partition(|name| super::jobs().any(|job| job == name));
    assert_eq!(
        callers,
        MUTATING.iter().map(|name| (*name).to_owned()).collect()
    );
    assert!(!jobs.is_empty());
    Ok(())
}

pub(super) fn texts(values: &Value) -> BTreeSet<String> {
    list(values)
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
