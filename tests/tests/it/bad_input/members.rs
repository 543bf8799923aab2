//! Bodies: each member's rule, broken in each way, is told by its JSON Pointer.

use anyhow::Result;
use serde_json::{Value, json};
use tests::http::Transport as _;
use tests::rig::Rig;
use tests::world::{AURORA, Kind, PLATFORM, delivery};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{assert_invalid, ledger_rows, no_money, post, there, with, without};
use crate::endpoints::event;
use crate::settlements::{facility, of, proposal};

#[test]
fn a_proposal_is_told_what_is_wrong_with_each_member() -> Result<()> {
    let rig = Rig::new()?;
    let before = ledger_rows(&rig)?;
    let good = full_proposal();
    for (pointer, values) in [
        ("/amount_minor", no_money()),
        ("/currency", no_currencies()),
        ("/facility_id", no_ids()),
        ("/uetr", no_uetrs()),
        ("/reference", no_texts(true)),
        ("/value_date", no_value_dates()),
        ("/expires_at", no_expiries()),
    ] {
        for value in values {
            let answer = post(
                &rig,
                "/v1/settlements",
                with(&good, pointer, value.clone()).to_string().as_bytes(),
            )?;
            assert_invalid(&format!("{pointer} {value:.60}"), &answer, &[pointer]);
        }
    }
    for pointer in ["/amount_minor", "/currency", "/facility_id", "/value_date"] {
        let answer = post(
            &rig,
            "/v1/settlements",
            without(&good, pointer).to_string().as_bytes(),
        )?;
        assert_invalid(&format!("without {pointer}"), &answer, &[pointer]);
    }
    // Who it is from and what becomes of it are not the caller's to say.
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
        let answer = post(&rig, "/v1/settlements", body.to_string().as_bytes())?;
        assert_invalid(&format!("the member {name:?}"), &answer, &[&pointer]);
    }
    assert_eq!(
        ledger_rows(&rig)?,
        before,
        "nothing of it reached the ledger"
    );
    assert_eq!(
        post(&rig, "/v1/settlements", good.to_string().as_bytes())?.status,
        201,
        "the body that all this varies"
    );
    Ok(())
}

#[test]
fn all_that_is_wrong_is_told_at_once() -> Result<()> {
    let rig = Rig::new()?;
    let settlement = there(&rig)?;
    let create = "/v1/settlements".to_owned();
    for (target, body, places) in [
        (&create, "{}".to_owned(), &["/amount_minor", "/currency", "/facility_id", "/value_date"][..]),
        (
            &create,
            r#"{"amount_minor":1.5,"currency":"usd","facility_id":"1","value_date":"soon","x":[{"a":1,"a":2}]}"#.to_owned(),
            &["/amount_minor", "/currency", "/facility_id", "/value_date", "/x", "/x/0/a"],
        ),
        (&create, doubled(&full_proposal(), "amount_minor"), &["/amount_minor"]),
        (&create, doubled(&full_proposal(), "currency").replacen("currency", "\\u0063urrency", 1), &["/currency"]),
        (&of(&settlement, "verify"), r#"{"force":true}"#.to_owned(), &["/force"]),
        (&of(&settlement, "verify"), r#"{"a":1,"a":1}"#.to_owned(), &["/a"]),
        (&of(&settlement, "cancel"), r#"{"reason":1,"by":"me"}"#.to_owned(), &["/reason", "/by"]),
        (&of(&settlement, "cancel"), r#"{"reason":"a","reason":"b"}"#.to_owned(), &["/reason"]),
    ] {
        assert_invalid(&body, &post(&rig, target, body.as_bytes())?, places);
    }
    for value in no_texts(true) {
        let answer = post(
            &rig,
            &of(&settlement, "cancel"),
            json!({ "reason": value }).to_string().as_bytes(),
        )?;
        assert_invalid(&format!("the reason {value:.60}"), &answer, &["/reason"]);
    }
    Ok(())
}

#[test]
fn an_agent_is_told_what_is_wrong_with_each_member() -> Result<()> {
    let rig = Rig::new()?;
    let before = ledger_rows(&rig)?;
    let member = json!({ "allocator_id": AURORA.id.to_string(), "sub": Uuid::new_v4().to_string(), "role": "viewer" });
    let bank = json!({ "agent_id": "third-bank", "kind": "escrow", "name": "Third Bank" });
    let opened = facility(&Uuid::new_v4().to_string(), 1_000);
    let funded = event(Kind::Escrow);
    let failed = delivery(
        "escrow.failed",
        &json!({
            "settlement_id": funded["data"]["settlement_id"], "facility_id": funded["data"]["facility_id"], "reason": "no funds",
        }),
    );
    let onboarded =
        json!({ "allocator_id": Uuid::new_v4().to_string(), "legal_name": "Corvus Re" });
    let table: Vec<(&str, Value, &str, Vec<Value>)> = vec![
        (
            PLATFORM,
            event(Kind::Platform),
            "/data/amount_minor",
            no_money(),
        ),
        (
            PLATFORM,
            event(Kind::Platform),
            "/data/currency",
            no_currencies(),
        ),
        (
            PLATFORM,
            event(Kind::Platform),
            "/data/allocator_id",
            no_ids(),
        ),
        (
            PLATFORM,
            event(Kind::Platform),
            "/data/reference",
            no_texts(false),
        ),
        (
            PLATFORM,
            event(Kind::Platform),
            "/occurred_at",
            no_occurrences(),
        ),
        (
            PLATFORM,
            delivery("allocator.onboarded", &onboarded),
            "/data/legal_name",
            no_texts(false),
        ),
        (
            PLATFORM,
            delivery("member.granted", &member),
            "/data/role",
            words(&["", "owner", "Maker", "maker "]),
        ),
        (
            PLATFORM,
            delivery("member.revoked", &member),
            "/data/sub",
            no_ids(),
        ),
        (
            PLATFORM,
            delivery("agent.registered", &bank),
            "/data/agent_id",
            words(&["", "ab", "Bank", "1bank", "a_b", "bank\u{0}"]),
        ),
        (
            PLATFORM,
            delivery("agent.registered", &bank),
            "/data/kind",
            words(&["", "platform", "bank"]),
        ),
        (
            PLATFORM,
            delivery("facility.opened", &opened),
            "/data/limit_minor",
            no_money(),
        ),
        (
            PLATFORM,
            delivery("facility.opened", &opened),
            "/data/escrow_agent",
            words(&["", "X", "a b c"]),
        ),
        (
            "escrow-one",
            funded.clone(),
            "/data/settlement_id",
            no_ids(),
        ),
        (
            "escrow-one",
            funded.clone(),
            "/data/amount_minor",
            no_money(),
        ),
        (
            "escrow-one",
            funded.clone(),
            "/occurred_at",
            no_occurrences(),
        ),
        ("escrow-one", failed, "/data/reason", no_texts(false)),
        (
            "settle-one",
            event(Kind::Settlement),
            "/data/currency",
            no_currencies(),
        ),
        (
            "settle-one",
            event(Kind::Settlement),
            "/data/facility_id",
            no_ids(),
        ),
        (
            "settle-one",
            event(Kind::Settlement),
            "/id",
            words(&["", "a b", "é", "a\u{0}"]),
        ),
    ];
    for (agent, good, pointer, values) in table {
        for body in values
            .iter()
            .map(|value| with(&good, pointer, value.clone()))
            .chain([without(&good, pointer)])
        {
            assert_invalid(
                &format!("{agent} {pointer}: {body}"),
                &signed(&rig, agent, &body)?,
                &[pointer],
            );
        }
        // One level up as well: what the type does not know.
        for unknown in ["/data/note", "/note"] {
            let body = with(&good, unknown, json!("x"));
            assert_invalid(
                &format!("{agent} {unknown}"),
                &signed(&rig, agent, &body)?,
                &[unknown],
            );
        }
    }
    for (agent, kind) in [
        ("escrow-one", "settlement.completed"),
        ("settle-one", "escrow.funded"),
        (PLATFORM, "escrow.funded"),
        (PLATFORM, ""),
    ] {
        let body = with(&event(Kind::Escrow), "/type", json!(kind));
        assert_invalid(
            &format!("{agent} {kind:?}"),
            &signed(&rig, agent, &body)?,
            &["/type"],
        );
    }
    for data in [json!(null), json!("{}"), json!([]), json!(7)] {
        let body = with(&event(Kind::Platform), "/data", data);
        assert_invalid(
            &body.to_string(),
            &signed(&rig, PLATFORM, &body)?,
            &["/data"],
        );
    }
    assert_eq!(
        ledger_rows(&rig)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

/// Signed over these very bytes, under the body's id where a header can bear it.
fn signed(rig: &Rig, agent: &str, body: &Value) -> Result<tests::http::Response> {
    rig.send(&rig.agent(agent).agent.sign(&body.to_string()))
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

fn words(words: &[&str]) -> Vec<Value> {
    words
        .iter()
        .map(|word| json!(word))
        .chain([json!(null), json!(7), json!(["viewer"])])
        .collect()
}

fn no_currencies() -> Vec<Value> {
    words(&[
        "", "usd", "Usd", "US", "USDX", "ABC", "XXX", "XAU", "840", "USD\u{0}", " USD",
    ])
}

fn no_ids() -> Vec<Value> {
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

/// A UETR may be left out or null.
fn no_uetrs() -> Vec<Value> {
    let other_versions = [
        "6f9619ff-8b86-1d01-b42d-00cf4fc964ff",
        "6f9619ff-8b86-7d01-b42d-00cf4fc964ff",
        "6f9619ff-8b86-4d01-c42d-00cf4fc964ff",
    ];
    let ids = no_ids().into_iter().filter(|value| !value.is_null());
    ids.chain(other_versions.map(Value::from))
        .chain([json!(Uuid::nil().to_string())])
        .collect()
}

fn no_texts(optional: bool) -> Vec<Value> {
    let long = "x".repeat(141);
    let texts = words(&[
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
    ]);
    texts
        .into_iter()
        .filter(|text| !(optional && text.is_null()))
        .collect()
}

fn no_value_dates() -> Vec<Value> {
    let today = OffsetDateTime::now_utc().date();
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
        &day(today + Duration::days(3_660)),
    ])
}

fn no_expiries() -> Vec<Value> {
    let now = OffsetDateTime::now_utc();
    let bad = words(&[
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
    ]);
    bad.into_iter().filter(|value| !value.is_null()).collect()
}

fn no_occurrences() -> Vec<Value> {
    words(&[
        "",
        "yesterday",
        "2026-01-01",
        "2026-02-30T00:00:00Z",
        &instant(OffsetDateTime::now_utc() + Duration::seconds(330)),
    ])
}

fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
