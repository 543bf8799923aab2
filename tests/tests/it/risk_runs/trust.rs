//! An attacker runs SQL as the login of `create-risk-run`. With a person's token in force he can record a run of the
//! current inputs with invented results, which computing again shows to be wrong. He can write nothing else.

use anyhow::{Context as _, Result};
use risk::{
    parameters::{Copula, Method, Parameters, Settings},
    run,
    snapshot::Snapshot,
    units::Level,
};
use serde_json::{Value, json};
use shared::commitment::{Actor, Request};
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, USD_FACILITY, book, idempotency_key};

use super::fixture::{SCENARIOS, audit, held, path, quick, rated_position};
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
    direct.human(FUNCTION, person, key, &format!("{}, {result}", asked()))
}

/// The body of the request, as SQL.
fn asked() -> String {
    quote(&quick().to_string())
}

/// The engine's results for a book.
fn computed(book: &Reply) -> Result<Value> {
    drawn(book, |settings| settings)
}

/// The engine's results for a book, by other settings.
fn drawn(book: &Reply, other: impl FnOnce(Settings) -> Settings) -> Result<Value> {
    let text = |name: &str| book.body[name].as_str().context("a text");
    let portfolio = Snapshot::decode(text("snapshot")?.as_bytes())?;
    let settings = other(Settings {
        scenarios: SCENARIOS,
        ..Settings::of_run(text("run_id")?)
    });
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
            "run_result_of_request",
        ),
        ("/settings/run", json!("lucky"), "run_result_of_request"),
        ("/currency", json!("EUR"), "run_result_of_currency"),
        ("/model", json!("mine/1"), "run_result_of_model"),
        ("/model", json!(null), "run_result_of_model"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).context("a place")? = value;
        let stopped = stopped(&mut direct, &fixture, &key, &bad)?;
        assert!(
            stopped.starts_with("23514") && stopped.contains(constraint),
            "{pointer}: {stopped}"
        );
    }
    // Results without a snapshot, or of other inputs, are not results of this book.
    let mut own = good.clone();
    own["snapshot_sha256"] = json!("0".repeat(64));
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

/// The login draws until it likes the figure, or makes the run easier than it was asked for. The request decides.
#[test]
fn a_run_is_made_as_it_was_asked_for() -> Result<()> {
    let fixture = rated_position()?;
    let mut direct = Direct::new(&fixture);
    let key = idempotency_key();
    let book = claim(&mut direct, "carol", &key, &Value::Null)?;
    let level = |ppm| Level::from_ppm(ppm).context("a level");
    let chosen = [
        drawn(&book, |due| Settings {
            seed: 424_242,
            ..due
        })?,
        drawn(&book, |due| Settings {
            seed: due.seed + 1,
            ..due
        })?,
        drawn(&book, |due| Settings {
            scenarios: SCENARIOS + 1,
            ..due
        })?,
        drawn(&book, |due| Settings {
            method: Method::Importance,
            ..due
        })?,
        drawn(&book, |due| Settings {
            copula: Copula::StudentT { degrees: 4 },
            ..due
        })?,
        {
            let levels = vec![level(990_000)?];
            drawn(&book, |due| Settings { levels, ..due })?
        },
    ];
    for result in &chosen {
        let stopped = stopped(&mut direct, &fixture, &key, result)?;
        assert_eq!(
            stopped, "23514 run_result_of_request",
            "{}",
            result["settings"]
        );
    }
    // Settings that say nothing, or more than is asked.
    for settings in [json!(null), json!({}), json!([])] {
        let mut result = computed(&book)?;
        result["settings"] = settings;
        let stopped = stopped(&mut direct, &fixture, &key, &result)?;
        assert_eq!(
            stopped, "23514 run_result_of_request",
            "{}",
            result["settings"]
        );
    }
    let mut more = computed(&book)?;
    more["settings"]["more"] = json!(1);
    assert_eq!(
        stopped(&mut direct, &fixture, &key, &more)?,
        "23514 run_result_of_request"
    );
    // Whatever the login claims to have been asked, the log's entry is of the bytes that are recorded.
    let recorded = claim(&mut direct, "carol", &key, &computed(&book)?)?;
    assert_eq!(recorded.name(), "accepted");
    let sub = fixture.person("carol").person.sub.to_string();
    let actor = Actor::Human(sub.parse().context("a sub")?);
    let request = Request {
        actor: &actor,
        operation: FUNCTION,
        resource: "",
    };
    let due = request
        .fingerprint(quick().to_string().as_bytes())
        .to_string();
    let row = fixture.admin()?.query_one(
        "select convert_from(r.request, 'UTF8'), encode(l.fingerprint, 'hex'), o.leaf
         from risk.run as r
         join ledger.commitment_ledger as l on l.key = r.commitment_key
         join ledger.commitment_outcome as o on o.key = l.key",
        &[],
    )?;
    let (body, claimed, leaf): (String, String, String) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((body, &claimed), (quick().to_string(), &due));
    assert!(
        leaf.contains(&format!("\"fingerprint\":\"{due}\"")),
        "{leaf}"
    );
    Ok(())
}

/// What a request leaves open is as the engine has it.
#[test]
fn the_database_and_the_engine_agree_on_settings() -> Result<()> {
    let fixture = rated_position()?;
    let mut admin = fixture.admin()?;
    for (request, alter) in [
        ("{\"currency\": \"USD\"}", None),
        ("{\"currency\": \"USD\", \"levels\": null, \"seed\": null, \"copula\": null}", None),
        (
            "{\"currency\": \"USD\", \"levels\": [950000], \"scenarios\": 20000, \"method\": \"sobol\",
              \"copula\": {\"kind\": \"student_t\", \"degrees\": 5}, \"seed\": 9007199254740991}",
            Some(()),
        ),
    ] {
        for _ in 0..20 {
            let id = uuid::Uuid::new_v4();
            let settings: Value = serde_json::from_str(
                &admin
                    .query_one(
                        "select fixed.risk_settings($1, $2)::text",
                        &[&request.as_bytes(), &id],
                    )?
                    .get::<_, String>(0),
            )?;
            let due = Settings::of_run(&id.to_string());
            let due = match alter {
                None => due,
                Some(()) => Settings {
                    levels: vec![Level::from_ppm(950_000).context("a level")?],
                    scenarios: 20_000,
                    method: Method::Sobol,
                    copula: Copula::StudentT { degrees: 5 },
                    seed: 9_007_199_254_740_991,
                    ..due
                },
            };
            assert_eq!(settings, json!(due), "{request}");
        }
    }
    Ok(())
}

/// A result that no list can show is not recorded: it would stand in every list of that allocator for ever.
#[test]
fn a_result_does_not_break_the_list() -> Result<()> {
    let fixture = rated_position()?;
    let mut direct = Direct::new(&fixture);
    let key = idempotency_key();
    let book = claim(&mut direct, "carol", &key, &Value::Null)?;
    let long = "x".repeat(1_000_000);
    for (member, value) in [
        ("levels", json!({})),
        ("levels", json!(null)),
        ("levels", json!([1])),
        ("levels", json!([[{}]])),
        ("levels", json!([{ "var": long }])),
        ("expected_loss", json!(long)),
        ("more", json!(long)),
    ] {
        let mut result = computed(&book)?;
        result[member] = value;
        let stopped = stopped(&mut direct, &fixture, &key, &result)?;
        assert_eq!(stopped, "23514 run_result_summary_length", "{member}");
    }
    assert_eq!(
        claim(&mut direct, "carol", &key, &computed(&book)?)?.name(),
        "accepted"
    );
    assert_eq!(
        direct
            .read("list-risk-runs", "carol", "50, null, null")?
            .name(),
        "ok"
    );
    Ok(())
}

/// The barrier that stops these results.
fn stopped(
    direct: &mut Direct<'_>,
    fixture: &Fixture,
    key: &str,
    result: &Value,
) -> Result<String> {
    let rest = format!("{}, {}", asked(), quote(&result.to_string()));
    let arguments = human_arguments(fixture, "carol", key, &rest)?;
    Ok(barrier(
        direct
            .client(FUNCTION)?
            .simple_query(&call(FUNCTION, &arguments)),
    ))
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
    for made_up in [
        format!("'{{}}', {}", asked()),
        format!("{}, null", crate::direct::claim("k", "")),
    ] {
        let arguments = format!("{token}, {made_up}, null");
        let stopped = barrier(
            direct
                .client(FUNCTION)?
                .simple_query(&call(FUNCTION, &arguments)),
        );
        assert_eq!(stopped, "OPK04 claim-incomplete");
    }
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
