//! Collateral events and releases: bad members are refused before anything reaches a constraint.

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};
use tests::fixture::Fixture;
use tests::http::Response;
use tests::sample_data::{
    AURORA, COLLATERAL_AGENT, PLATFORM, SECURED_FACILITY, SecuredTerms, WebhookEvent,
    idempotency_key,
};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use super::values::{bad_currency_codes, bad_ids, bad_money, bad_texts, with, without, words};
use super::{approval, assert_invalid, ledger_rows, post, releases};

/// The content of collateral.yaml, whose header says how to read it.
struct Table(Value);

impl Table {
    fn load() -> Result<Self> {
        Ok(Self(serde_norway::from_str(include_str!(
            "collateral.yaml"
        ))?))
    }

    fn rows(value: &Value) -> Result<&Map<String, Value>> {
        value.as_object().context("a section has rows")
    }

    /// Values that break a form.
    fn bad(&self, form: &Value) -> Result<Vec<Value>> {
        if let Some(most) = form["amount_below"].as_str() {
            let others = bad_money().into_iter().filter(|value| *value != json!("0"));
            return Ok(others.chain([json!(most)]).collect());
        }
        if let (Some(least), Some(most)) =
            (form["integer"][0].as_i64(), form["integer"][1].as_i64())
        {
            let integers = [least - 1, most + 1, i64::MAX].map(Value::from);
            let others = json!([u64::MAX, 1.5, "30", true, null]);
            return Ok(integers.into_iter().chain(list(&others)?.clone()).collect());
        }
        Ok(match form.as_str() {
            Some("id") => bad_ids(),
            Some("text") => bad_texts(),
            Some("currency") => bad_currency_codes(),
            Some(name) => return self.bad(&self.0["forms"][name]),
            None => list(form)?
                .iter()
                .map(spelled_out)
                .chain(words(&[]))
                .collect(),
        })
    }

    fn hashes(&self) -> Result<Vec<Value>> {
        self.bad(&json!("sha256"))
    }
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value
        .as_array()
        .with_context(|| format!("not a list: {value}"))
}

/// The value that the table's shorthand stands for.
fn spelled_out(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(spelled_out).collect(),
        Value::Object(members) => {
            let times = value["times"]
                .as_u64()
                .and_then(|times| times.try_into().ok());
            match (times, &value["repeat"]) {
                (Some(times), Value::String(text)) => json!(text.repeat(times)),
                (Some(times), list) => json!(vec![spelled_out(&list[0]); times]),
                (None, _) => members
                    .iter()
                    .map(|(name, value)| (name.clone(), spelled_out(value)))
                    .collect(),
            }
        }
        Value::String(word) => match word.as_str() {
            "ID" => json!("6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
            "TODAY" => json!(today().to_string()),
            "EARLIER" => json!((today() - Duration::days(3)).to_string()),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

/// A well-formed event of that name, which would be accepted, or refused only for a business reason.
fn event(name: &str) -> Result<WebhookEvent> {
    let terms = SecuredTerms::new(AURORA);
    Ok(match name {
        "facility" => terms.opened(),
        "party" => terms.party(&terms.debtor),
        "rules" => terms.rules(),
        "filing" => terms.filing(today() - Duration::DAY),
        "amendment" => terms.amendment(Uuid::new_v4(), "continuation", today() - Duration::DAY),
        "agreement" => terms.agreement(today()),
        "pledge" => terms.pledge(Uuid::new_v4(), Uuid::new_v4(), today()),
        "valuation" => terms.valuation(today(), &[(Uuid::new_v4(), 1)]),
        "receipt" => terms.receipt(today(), &[Uuid::new_v4()]),
        "search" => terms.search(today() - Duration::DAY).with(
            "findings",
            json!([{
                "file_number": "1", "filed_at": "2001-01-01T00:00:00Z", "secured_party": "X",
            }]),
        ),
        other => bail!("there is no event {other}"),
    })
}

fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

fn sent(fixture: &Fixture, body: &Value) -> Result<Response> {
    let of_the_platform = ["facility.opened", "party.recorded", "rules.recorded"];
    let kind = body["type"].as_str().unwrap_or_default();
    let agent = if of_the_platform.contains(&kind) {
        PLATFORM
    } else {
        COLLATERAL_AGENT
    };
    fixture.agent(agent).deliver(body)
}

/// Sends an event whose members of these names, below /data, are wrong.
fn assert_event_invalid(fixture: &Fixture, event: &WebhookEvent, wrong: &[&str]) -> Result<()> {
    let places: Vec<String> = wrong.iter().map(|name| format!("/data/{name}")).collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let what = format!("{:.300}", event.data);
    assert_invalid(&what, &sent(fixture, &event.delivery())?, &places);
    Ok(())
}

#[test]
fn each_bad_member_of_a_collateral_event_is_named() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let table = Table::load()?;
    for (name, members) in Table::rows(&table.0["members"])? {
        let good = event(name)?.delivery();
        for (member, form) in Table::rows(members)? {
            let pointer = format!("/data/{member}");
            let bad = table
                .bad(form)?
                .into_iter()
                .map(|value| with(&good, &pointer, value));
            for body in bad.chain([without(&good, &pointer)]) {
                let what = format!("{pointer}: {body:.300}");
                assert_invalid(&what, &sent(&fixture, &body)?, &[&pointer]);
            }
        }
        let unknown = with(&good, "/data/note", json!("x"));
        assert_invalid(name, &sent(&fixture, &unknown)?, &["/data/note"]);
    }
    for (name, members) in Table::rows(&table.0["optional"])? {
        for (member, form) in Table::rows(members)? {
            for value in table.bad(form)? {
                assert_event_invalid(&fixture, &event(name)?.with(member, value), &[member])?;
            }
        }
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

#[test]
fn members_go_together() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let table = Table::load()?;
    for row in list(&table.0["together"])? {
        let mut event = event(row[0].as_str().unwrap_or_default())?;
        for (member, value) in Table::rows(&row[1])? {
            event = event.with(member, spelled_out(value));
        }
        let wrong: Vec<&str> = list(&row[2])?.iter().filter_map(Value::as_str).collect();
        assert_event_invalid(&fixture, &event, &wrong)?;
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

#[test]
fn each_bad_member_of_a_release_is_named() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let (id, other) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let good =
        json!({ "kind": "assets", "filing_id": other, "pledge_ids": [id], "reason": "Paid off" });
    for (pointer, values) in [
        ("/kind", words(&["", "all", "Assets"])),
        ("/filing_id", bad_ids()),
        ("/reason", bad_texts()),
        (
            "/pledge_ids",
            vec![
                json!([]),
                json!({}),
                json!(id),
                json!(null),
                json!(vec![id.clone(); 1_001]),
            ],
        ),
        ("/pledge_ids/0", bad_ids()),
    ] {
        for value in values {
            let mut body = good.clone();
            *body.pointer_mut(pointer).expect("a member of it") = value;
            let answer = post(&fixture, &releases(), body.to_string().as_bytes())?;
            assert_invalid(&format!("{body:.200}"), &answer, &[pointer]);
        }
        if pointer != "/pledge_ids/0" {
            let body = without(&good, pointer).to_string();
            assert_invalid(
                &body,
                &post(&fixture, &releases(), body.as_bytes())?,
                &[pointer],
            );
        }
    }
    let of_all = json!({ "kind": "termination", "filing_id": other, "reason": "Paid off" });
    for (body, places) in [
        (
            with(&good, "/pledge_ids", json!([id, id])),
            &["/pledge_ids/1"][..],
        ),
        (with(&of_all, "/pledge_ids", json!([id])), &["/pledge_ids"]),
        (with(&of_all, "/pledge_ids", json!([])), &["/pledge_ids"]),
        (with(&good, "/created_by", json!(id)), &["/created_by"]),
        (json!({}), &["/kind", "/filing_id", "/reason"]),
    ] {
        let answer = post(&fixture, &releases(), body.to_string().as_bytes())?;
        assert_invalid(&body.to_string(), &answer, places);
    }
    for value in Table::load()?.hashes()? {
        let body = json!({ "content_sha256": value });
        let answer = post(&fixture, &approval(&id), body.to_string().as_bytes())?;
        assert_invalid(&body.to_string(), &answer, &["/content_sha256"]);
    }
    assert_invalid(
        "nothing",
        &post(&fixture, &approval(&id), b"{}")?,
        &["/content_sha256"],
    );
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

#[test]
fn malformed_facility_and_release_ids_are_answered_with_404() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let dave = fixture.person("dave");
    for id in [
        "x",
        "%00",
        "%27",
        "..",
        "null",
        "6F9619FF-8B86-4D01-B42D-00CF4FC964FF",
    ] {
        for part in ["", "/collateral"] {
            let answer = dave.get(&format!("/v1/facilities/{id}{part}"))?;
            assert_eq!(answer.status, 404, "{id}{part}: {}", answer.text());
        }
        for (path, body) in [
            (
                format!("/v1/facilities/{id}/releases"),
                json!({ "kind": "termination", "filing_id": Uuid::new_v4().to_string(), "reason": "x" }),
            ),
            (approval(id), json!({ "content_sha256": "0".repeat(64) })),
        ] {
            let answer = dave.post(&path, &idempotency_key(), &body)?;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        }
    }
    let collateral = format!("/v1/facilities/{}/collateral", SECURED_FACILITY.id);
    for path in ["/v1/facilities", &collateral] {
        for (query, parameter) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=1&limit=1", "limit"),
            ("cursor=", "cursor"),
            ("cursor=AAAA", "cursor"),
            ("cursor=6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "cursor"),
            ("secured=true", "secured"),
        ] {
            let target = format!("{path}?{query}");
            assert_invalid(&target, &dave.get(&target)?, &[parameter]);
        }
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}
