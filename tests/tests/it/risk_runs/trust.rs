//! An attacker runs SQL as the login of `create-risk-run`. With a person's token in force he can record a run of the
//! current inputs with invented results, which computing again shows to be wrong. He can write nothing else.

use anyhow::{Context as _, Result};
use risk::{
    parameters::{Parameters, Settings},
    run,
    snapshot::Snapshot,
};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, USD_FACILITY, book, idempotency_key};

use super::fixture::{audit, held, path, rated_position};
use crate::direct::{Direct, Reply, barrier, call, human_arguments, quote};
use crate::support::count;

const FUNCTION: &str = "create-risk-run";

pub(crate) fn claim(
    direct: &mut Direct<'_>,
    person: &str,
    key: &str,
    result: &Value,
) -> Result<Reply> {
    let result = if result.is_null() {
        "null".to_owned()
    } else {
        quote(&result.to_string())
    };
    direct.human(FUNCTION, person, key, &format!("'USD', {result}"))
}

/// The engine's results for a book.
fn computed(book: &Reply) -> Result<Value> {
    let text = |name: &str| book.body[name].as_str().context("a text");
    let portfolio = Snapshot::decode(text("snapshot")?.as_bytes())?;
    let settings = Settings {
        scenarios: 20_000,
        ..Settings::of_run(text("run_id")?)
    };
    Ok(json!(run(&portfolio, &Parameters::parse(settings)?)))
}

/// Makes this number of facilities with a profile and a small position of Aurora's, as the superuser, without checks.
pub(super) fn many(fixture: &Fixture, names: u32) -> Result<()> {
    let sql = book(names, AURORA.id, USD_FACILITY.id);
    Ok(fixture.admin()?.batch_execute(&sql)?)
}

/// A run of that person's allocator, recorded without a function in front.
pub(crate) fn recorded(direct: &mut Direct<'_>, person: &str) -> Result<Reply> {
    let key = idempotency_key();
    let book = claim(direct, person, &key, &Value::Null)?;
    claim(direct, person, &key, &computed(&book)?)
}

#[test]
fn results_of_an_outdated_book_are_not_recorded() -> Result<()> {
    let fixture = rated_position()?;
    let mut direct = Direct::new(&fixture);
    let key = idempotency_key();
    let book = claim(&mut direct, "carol", &key, &Value::Null)?;
    assert_eq!(book.name(), "ok");
    let old = computed(&book)?;
    held(&fixture, 5)?;
    let rows = "select count(*) from ledger.commitment_ledger";
    let before = count(&mut fixture.admin()?, rows)?;
    let moved = claim(&mut direct, "carol", &key, &old)?;
    assert_eq!(
        (moved.name(), &moved.body["run_id"]),
        ("ok".to_owned(), &book.body["run_id"])
    );
    assert_ne!(moved.body["snapshot"], book.body["snapshot"]);
    assert_eq!(
        count(&mut fixture.admin()?, rows)?,
        before,
        "nothing is claimed"
    );
    let new = computed(&moved)?;
    let recorded = claim(&mut direct, "carol", &key, &new)?;
    assert_eq!(
        (recorded.name(), recorded.status),
        ("accepted".to_owned(), Some(201))
    );
    // Another attempt after a lost reply gets the recorded run.
    let again = claim(&mut direct, "carol", &key, &new)?;
    assert_eq!(again.outcome, "duplicate");
    Ok(())
}

#[test]
fn results_of_another_run_book_or_currency_are_refused() -> Result<()> {
    let fixture = rated_position()?;
    let mut direct = Direct::new(&fixture);
    let key = idempotency_key();
    let book = claim(&mut direct, "carol", &key, &Value::Null)?;
    let good = computed(&book)?;
    let other_run = claim(&mut direct, "carol", &idempotency_key(), &Value::Null)?;
    for (pointer, value, constraint) in [
        (
            "/settings/run",
            other_run.body["run_id"].clone(),
            "run_result_of_run",
        ),
        ("/settings/run", json!("lucky"), "run_result_of_run"),
        ("/currency", json!("EUR"), "run_result_of_currency"),
        ("/model", json!("mine/1"), "run_result_of_model"),
        ("/model", json!(null), "run_result_of_model"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).context("a place")? = value;
        let rest = format!("'USD', {}", quote(&bad.to_string()));
        let arguments = human_arguments(&fixture, "carol", &key, &rest)?;
        let stopped = barrier(
            direct
                .client(FUNCTION)?
                .simple_query(&call(FUNCTION, &arguments)),
        );
        assert!(
            stopped.starts_with("23514") && stopped.contains(constraint),
            "{pointer}: {stopped}"
        );
    }
    // Results without a snapshot, or of other inputs, are not results of this book.
    let mut own = good.clone();
    own["snapshot"] = json!("0".repeat(64));
    for result in [json!({}), json!([]), json!("x"), own] {
        assert_eq!(
            claim(&mut direct, "carol", &key, &result)?.name(),
            "ok",
            "{result}"
        );
    }
    assert_eq!(
        count(&mut fixture.admin()?, "select count(*) from risk.run")?,
        0
    );
    Ok(())
}

/// Wrong results of the right inputs can be recorded, but computing again shows that they are wrong.
#[test]
fn invented_results_are_found_by_computing_again() -> Result<()> {
    let fixture = rated_position()?;
    let mut direct = Direct::new(&fixture);
    let key = idempotency_key();
    let book = claim(&mut direct, "carol", &key, &Value::Null)?;
    let mut result = computed(&book)?;
    result["levels"][0]["var"]["value_minor"] = json!("1");
    let recorded = claim(&mut direct, "carol", &key, &result)?;
    assert_eq!(recorded.name(), "accepted");
    let read = fixture.person("carol").get(&path(&recorded.body)?)?.json();
    let (code, said) = audit(&fixture, &read)?;
    assert_eq!(
        (code, &said["findings"][0]["kind"]),
        (1, &json!("result-differs")),
        "{said}"
    );
    assert_eq!(said["findings"][0]["fields"][0]["name"], "levels[0].var");
    Ok(())
}

#[test]
fn a_run_is_refused_in_another_name_or_under_an_incomplete_claim() -> Result<()> {
    let fixture = rated_position()?;
    let mut direct = Direct::new(&fixture);
    let book = claim(&mut direct, "mallory", &idempotency_key(), &Value::Null)?;
    assert_eq!(book.name(), "refused no-positions", "{book:?}");
    assert!(!book.body.to_string().contains(&AURORA.id.to_string()));
    let token = crate::direct::token(&fixture, "carol")?;
    let made_up = format!("{token}, '{{}}', 'USD', null");
    let stopped = barrier(
        direct
            .client(FUNCTION)?
            .simple_query(&call(FUNCTION, &made_up)),
    );
    assert_eq!(stopped, "OPK04 claim-incomplete");
    Ok(())
}

/// A large book, to show that the database's part ends in time.
#[test]
fn a_run_takes_a_thousand_names() -> Result<()> {
    let fixture = rated_position()?;
    many(&fixture, 999)?;
    let answer = super::ask(&fixture, "carol", &super::quick())?;
    assert_eq!(answer.status, 201, "{:.300}", answer.text());
    let names = answer.json()["result"]["names"].as_array().map(Vec::len);
    assert_eq!(names, Some(1_000));
    let read = fixture.person("carol").get(&path(&answer.json())?)?.json();
    assert_eq!(audit(&fixture, &read)?.0, 0);
    Ok(())
}
