use serde_json::json;
use shared::http::{Problem, read_body};

use super::*;

const ID: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
const OTHER: &str = "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10";
const LEI: &str = "5493001KJTIIGC8Y1R12";
const HASH: &str = "5cdfa982df79e0ff34d6a9d99e938a8caa54ba2c42ae6a99e37d6aca13b18ac1";

fn good(kind: &str) -> Value {
    match kind {
        "filing.recorded" => json!({
            "facility_id": ID, "filing_id": ID, "office": "US-DE", "file_number": "2027 0123456",
            "filed_at": "2027-01-05T21:12:00.000000Z", "filed_on": "2027-01-05", "designation": "standard",
            "description": "All receivables\nlisted in Schedule A", "document_sha256": HASH,
            "debtors": [{"party_id": ID, "name": "Midland Receivables LLC"}],
            "secured_parties": [{"party_id": ID, "name": "Lender Bank NA"}, {"party_id": OTHER, "name": "Agent"}],
        }),
        "amendment.recorded" => amendment("continuation", &json!({})),
        "agreement.recorded" => json!({
            "facility_id": ID, "agreement_id": ID, "debtor_party_id": ID, "secured_party_id": OTHER,
            "asset_kinds": ["receivable", "inventory"], "dated_on": "2027-01-04", "document_sha256": HASH,
        }),
        "asset.pledged" => json!({
            "facility_id": ID, "pledge_id": ID, "filing_id": ID, "agreement_id": ID, "debtor_party_id": ID,
            "pledged_on": "2027-01-06",
            "asset": {
                "asset_id": ID, "asset_kind": "receivable", "obligor": LEI, "custodian": LEI, "identified_by": LEI,
                "identifier": "INV-1",
            },
        }),
        "valuation.recorded" => json!({
            "facility_id": ID, "valuation_id": ID, "valued_on": "2027-01-06", "currency": "USD",
            "document_sha256": HASH,
            "assets": [
                {"asset_id": ID, "value_minor": "0"}, {"asset_id": OTHER, "value_minor": "999999999999999"},
            ],
        }),
        "custody.confirmed" => json!({
            "facility_id": ID, "receipt_id": ID, "held_on": "2027-01-06", "custodian": LEI,
            "document_sha256": HASH, "asset_ids": [ID, OTHER],
        }),
        "search.reported" => json!({
            "facility_id": ID, "search_id": ID, "office": "US-DE", "party_id": ID,
            "searched_name": "Midland Receivables LLC", "through_on": "2027-01-06", "document_sha256": HASH,
            "findings": [
                {"file_number": "2020 1", "filed_at": "2020-01-05T21:12:00.000000Z", "secured_party": "Other Bank"},
            ],
        }),
        other => panic!("{other} has no example"),
    }
}

fn amendment(kind: &str, named: &Value) -> Value {
    let mut whole = json!({
        "facility_id": ID, "filing_id": ID, "amendment_id": ID, "file_number": "2031 7",
        "filed_at": "2031-10-05T21:12:00.000000Z", "filed_on": "2031-10-05", "kind": kind, "document_sha256": HASH,
    });
    for (name, value) in named.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole
}

fn read(kind: &str, body: &Value) -> Result<Value, Problem> {
    let (_, read) = WEBHOOK
        .events
        .iter()
        .find(|(name, _)| *name == kind)
        .unwrap();
    read_body(body.to_string().as_bytes(), read)
}

/// The pointers of what is wrong.
fn wrong(kind: &str, body: &Value) -> Vec<String> {
    match read(kind, body) {
        Err(Problem::Invalid(errors)) => json!(errors)
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect(),
        Ok(_) => Vec::new(),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn each_type_takes_its_own_members_and_all_of_them() {
    for (kind, _) in WEBHOOK.events {
        let whole = good(kind);
        assert_eq!(read(kind, &whole).unwrap(), whole, "{kind:?}");
        for member in whole.as_object().unwrap().keys() {
            for value in [
                None,
                Some(json!(null)),
                Some(json!(7)),
                Some(json!([{}])),
                Some(json!("\0")),
            ] {
                let mut body = whole.clone();
                match value {
                    Some(value) => body[member] = value,
                    None => drop(body.as_object_mut().unwrap().remove(member)),
                }
                let wrong = wrong(kind, &body);
                assert!(
                    wrong
                        .iter()
                        .any(|pointer| pointer.starts_with(&format!("/{member}"))),
                    "{kind:?} {body}: {wrong:?}"
                );
            }
        }
        let mut more = whole.clone();
        more["more"] = json!("x");
        assert_eq!(wrong(kind, &more), ["/more"]);
    }
}

#[test]
fn members_have_their_forms() {
    for (kind, pointer, value) in [
        ("filing.recorded", "/office", json!("US-ZZ")),
        ("filing.recorded", "/office", json!("LU")),
        ("filing.recorded", "/file_number", json!("---")),
        ("filing.recorded", "/filed_on", json!("2027-01-07")),
        ("filing.recorded", "/filed_on", json!("2027-01-03")),
        ("filing.recorded", "/filed_on", json!("2027-02-29")),
        ("filing.recorded", "/designation", json!("Standard")),
        ("filing.recorded", "/description", json!(" \n")),
        ("filing.recorded", "/description", json!("a".repeat(16_385))),
        (
            "filing.recorded",
            "/document_sha256",
            json!(HASH.to_uppercase()),
        ),
        ("filing.recorded", "/debtors/0/name", json!("")),
        ("filing.recorded", "/secured_parties/1/party_id", json!(ID)),
        ("amendment.recorded", "/kind", json!("withdrawal")),
        ("amendment.recorded", "/filed_on", json!("2031-10-07")),
        ("agreement.recorded", "/asset_kinds", json!([])),
        ("agreement.recorded", "/asset_kinds/1", json!("receivable")),
        ("agreement.recorded", "/asset_kinds/1", json!("Inventory")),
        (
            "asset.pledged",
            "/asset/custodian",
            json!("5493001KJTIIGC8Y1R13"),
        ),
        ("asset.pledged", "/asset/identified_by", json!("bank")),
        ("asset.pledged", "/asset/identifier", json!("--")),
        ("asset.pledged", "/asset/asset_kind", json!("R")),
        ("asset.pledged", "/asset/obligor", json!("o".repeat(141))),
        ("valuation.recorded", "/assets", json!([])),
        ("valuation.recorded", "/assets/1/asset_id", json!(ID)),
        (
            "valuation.recorded",
            "/assets/1/value_minor",
            json!("1000000000000000"),
        ),
        ("valuation.recorded", "/assets/1/value_minor", json!("-1")),
        ("valuation.recorded", "/currency", json!("usd")),
        ("custody.confirmed", "/asset_ids", json!([])),
        ("custody.confirmed", "/asset_ids/1", json!(ID)),
        (
            "custody.confirmed",
            "/custodian",
            json!("HWUPKR0MPOU8FGXBT395"),
        ),
        ("search.reported", "/office", json!("DE")),
        (
            "search.reported",
            "/findings/0/secured_party",
            json!("a\nb"),
        ),
        (
            "search.reported",
            "/findings/0/filed_at",
            json!("2020-01-05"),
        ),
    ] {
        let mut body = good(kind);
        *body.pointer_mut(pointer).unwrap() = value;
        assert_eq!(wrong(kind, &body), [pointer], "{kind:?}");
    }
}

#[test]
fn lists_have_an_end() {
    for (kind, name, max) in [
        ("filing.recorded", "debtors", 64),
        ("filing.recorded", "secured_parties", 64),
        ("agreement.recorded", "asset_kinds", 64),
        ("valuation.recorded", "assets", 500),
        ("custody.confirmed", "asset_ids", 500),
        ("search.reported", "findings", 200),
    ] {
        let mut body = good(kind);
        let many = |number: usize| -> Value {
            (0..number)
                .map(|n| {
                    let id = format!("00000000-0000-0000-0000-{n:012x}");
                    match (kind, name) {
                        ("filing.recorded", _) => json!({"party_id": id, "name": "Party"}),
                        ("agreement.recorded", _) => json!(format!("kind-{n}")),
                        ("valuation.recorded", _) => json!({"asset_id": id, "value_minor": "1"}),
                        ("search.reported", _) => {
                            json!({
                                "file_number": n.to_string(),
                                "filed_at": "2020-01-05T00:00:00Z",
                                "secured_party": "Other",
                            })
                        }
                        _ => json!(id),
                    }
                })
                .collect()
        };
        body[name] = many(max);
        assert!(wrong(kind, &body).is_empty(), "{kind:?}");
        body[name] = many(max + 1);
        assert_eq!(wrong(kind, &body), [format!("/{name}")], "{kind:?}");
    }
}

#[test]
fn a_filing_may_indicate_nothing_and_name_nobody() {
    let mut body = good("filing.recorded");
    body["description"] = json!("");
    body["debtors"] = json!([]);
    body["secured_parties"] = json!([]);
    assert_eq!(read("filing.recorded", &body).unwrap(), body);
}

#[test]
fn the_day_of_filing_is_the_offices_own() {
    for (at, on, expected) in [
        (
            "2027-01-05T21:12:00Z",
            "2027-01-04",
            "2027-01-05T21:12:00.000000Z",
        ),
        (
            "2027-01-05T21:12:00Z",
            "2027-01-06",
            "2027-01-05T21:12:00.000000Z",
        ),
        (
            "2027-01-06T02:00:00-05:00",
            "2027-01-06",
            "2027-01-06T07:00:00.000000Z",
        ),
        // The database would round it into the next day, and then find the date two days off.
        (
            "2026-12-31T23:59:59.9999999Z",
            "2026-12-30",
            "2026-12-31T23:59:59.999999Z",
        ),
        (
            "0001-01-01T00:00:00Z",
            "0001-01-02",
            "0001-01-01T00:00:00.000000Z",
        ),
    ] {
        let mut body = good("filing.recorded");
        body["filed_at"] = json!(at);
        body["filed_on"] = json!(on);
        let read = read("filing.recorded", &body).unwrap();
        assert_eq!(read["filed_at"], expected);
        assert_eq!(read["filed_on"], on);
    }
}

#[test]
fn each_kind_of_amendment_names_its_own() {
    let all = json!({
        "action": "add", "role": "debtor", "party_id": ID, "name": "Midland", "replaces_party_id": OTHER,
        "description": "Inventory", "release_id": ID,
    });
    for (kind, named, more) in [
        ("continuation", json!({}), &[][..]),
        ("termination", json!({}), &["release_id"]),
        (
            "assignment",
            json!({"party_id": ID, "name": "New Bank"}),
            &["replaces_party_id"],
        ),
        (
            "party",
            json!({"action": "add", "role": "debtor", "party_id": ID, "name": "Midland"}),
            &[],
        ),
        (
            "party",
            json!({"action": "change", "role": "secured", "party_id": ID, "name": "Bank"}),
            &[],
        ),
        (
            "party",
            json!({"action": "delete", "role": "debtor", "party_id": ID}),
            &["release_id"],
        ),
        (
            "collateral",
            json!({"action": "add", "description": "Inventory"}),
            &[],
        ),
        (
            "collateral",
            json!({"action": "delete", "description": "Inventory"}),
            &["release_id"],
        ),
        (
            "collateral",
            json!({"action": "restate", "description": "Inventory"}),
            &["release_id"],
        ),
    ] {
        let whole = amendment(kind, &named);
        assert_eq!(read("amendment.recorded", &whole).unwrap(), whole);
        for name in named.as_object().unwrap().keys() {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(name);
            assert!(
                wrong("amendment.recorded", &less).contains(&format!("/{name}")),
                "{kind} without {name}"
            );
        }
        for (name, value) in all.as_object().unwrap() {
            if named.get(name).is_some() {
                continue;
            }
            let mut body = whole.clone();
            body[name] = json!(null);
            assert_eq!(wrong("amendment.recorded", &body), [format!("/{name}")]);
            body[name] = value.clone();
            if more.contains(&&**name) {
                assert_eq!(read("amendment.recorded", &body).unwrap(), body);
            } else {
                assert_eq!(
                    wrong("amendment.recorded", &body),
                    [format!("/{name}")],
                    "{kind}"
                );
            }
        }
    }
    let unknown = amendment("withdrawal", &all);
    assert_eq!(wrong("amendment.recorded", &unknown), ["/kind"]);
    for action in ["restate", "Add", ""] {
        let named = json!({"action": action, "role": "debtor", "party_id": ID, "name": "Midland"});
        assert_eq!(
            wrong("amendment.recorded", &amendment("party", &named)),
            ["/action"]
        );
    }
    let nothing = json!({"action": "restate", "description": ""});
    assert_eq!(
        wrong("amendment.recorded", &amendment("collateral", &nothing)),
        ["/description"]
    );
}

#[test]
fn an_agreement_ends_after_it_has_begun() {
    for (ends_on, expected) in [
        ("2027-01-03", &["/ends_on"][..]),
        ("2027-01-04", &["/ends_on"]),
        ("2027-01-05", &[]),
    ] {
        let mut body = good("agreement.recorded");
        body["ends_on"] = json!(ends_on);
        assert_eq!(wrong("agreement.recorded", &body), expected, "{ends_on}");
    }
}

#[test]
fn a_finding_is_named_once_however_it_is_written() {
    let mut body = good("search.reported");
    let mut again = body["findings"][0].clone();
    again["file_number"] = json!("2020-1");
    again["subordination_sha256"] = json!(HASH);
    body["findings"][0] = again.clone();
    assert_eq!(read("search.reported", &body).unwrap(), body);
    again["file_number"] = json!("20 201");
    body["findings"].as_array_mut().unwrap().push(again);
    assert_eq!(wrong("search.reported", &body), ["/findings/1/file_number"]);
}
