//! Bodies: each rule of each member is broken, and the reply names the member by its JSON Pointer.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::values::{
    bad_currencies, bad_expiries, bad_ids, bad_money, bad_texts, bad_uetrs, bad_value_dates,
    instant, with, without,
};
use super::{assert_invalid, ledger_rows, post, there};
use crate::settlements::{of, proposal};

#[test]
fn each_bad_member_of_a_proposal_is_named() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let good = full_proposal();
    for (pointer, values) in [
        ("/amount_minor", bad_money()),
        ("/currency", bad_currencies()),
        ("/facility_id", bad_ids()),
        ("/uetr", bad_uetrs()),
        ("/reference", bad_texts()),
        ("/value_date", bad_value_dates()),
        ("/expires_at", bad_expiries()),
    ] {
        for value in values {
            let answer = post(
                &fixture,
                "/v1/settlements",
                with(&good, pointer, value.clone()).to_string().as_bytes(),
            )?;
            assert_invalid(&format!("{pointer} {value:.60}"), &answer, &[pointer]);
        }
    }
    for pointer in ["/amount_minor", "/currency", "/facility_id", "/value_date"] {
        let answer = post(
            &fixture,
            "/v1/settlements",
            without(&good, pointer).to_string().as_bytes(),
        )?;
        assert_invalid(&format!("without {pointer}"), &answer, &[pointer]);
    }
    // The caller cannot set the author or the state.
    for name in [
        "allocator_id",
        "sub",
        "created_by",
        "status",
        "id",
        "version",
        "Amount_minor",
        "",
        "a/b~c",
    ] {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let mut body = good.clone();
        body[name] = json!("x");
        let answer = post(&fixture, "/v1/settlements", body.to_string().as_bytes())?;
        assert_invalid(&format!("the member {name:?}"), &answer, &[&pointer]);
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    assert_eq!(
        post(&fixture, "/v1/settlements", good.to_string().as_bytes())?.status,
        201,
        "the body that all this varies"
    );
    Ok(())
}

#[test]
fn all_errors_are_listed_in_one_reply() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlement = there(&fixture)?;
    let create = "/v1/settlements".to_owned();
    for (target, body, places) in [
        (
            &create,
            "{}".to_owned(),
            &["/amount_minor", "/currency", "/facility_id", "/value_date"][..],
        ),
        (
            &create,
            r#"{"amount_minor":1.5,"currency":"usd","facility_id":"1","value_date":"soon",
                "x":[{"a":1,"a":2}]}"#
                .to_owned(),
            &[
                "/amount_minor",
                "/currency",
                "/facility_id",
                "/value_date",
                "/x",
                "/x/0/a",
            ],
        ),
        (
            &create,
            doubled(&full_proposal(), "amount_minor"),
            &["/amount_minor"],
        ),
        (
            &create,
            doubled(&full_proposal(), "currency").replacen("currency", "\\u0063urrency", 1),
            &["/currency"],
        ),
        (
            &of(&settlement, "verify"),
            r#"{"force":true}"#.to_owned(),
            &["/force"],
        ),
        (
            &of(&settlement, "verify"),
            r#"{"a":1,"a":1}"#.to_owned(),
            &["/a"],
        ),
        (
            &of(&settlement, "cancel"),
            r#"{"reason":1,"by":"me"}"#.to_owned(),
            &["/reason", "/by"],
        ),
        (
            &of(&settlement, "cancel"),
            r#"{"reason":"a","reason":"b"}"#.to_owned(),
            &["/reason"],
        ),
    ] {
        assert_invalid(&body, &post(&fixture, target, body.as_bytes())?, places);
    }
    for value in bad_texts() {
        let answer = post(
            &fixture,
            &of(&settlement, "cancel"),
            json!({ "reason": value }).to_string().as_bytes(),
        )?;
        assert_invalid(&format!("the reason {value:.60}"), &answer, &["/reason"]);
    }
    Ok(())
}

fn full_proposal() -> Value {
    let mut body = proposal(100);
    body["uetr"] = json!(Uuid::new_v4().to_string());
    body["reference"] = json!("Tranche 4");
    body["expires_at"] = json!(instant(OffsetDateTime::now_utc() + Duration::days(1)));
    body
}

/// The same member twice with the same value.
fn doubled(body: &Value, name: &str) -> String {
    body.to_string()
        .replacen('{', &format!("{{\"{name}\":{},", body[name]), 1)
}
