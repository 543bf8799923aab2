//! Risk runs, from the risk profiles of facilities to an auditor who computes the runs again.

mod charts;
mod cover;
pub(crate) mod fixture;
mod refusals;
pub(crate) mod trust;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use shared::commitment::{Actor, Request};
use tests::sample_data::{AURORA, EUR_FACILITY, USD_FACILITY, find_person, idempotency_key};

use crate::metrics::metrics;
use crate::support::{assert_books, count};
use fixture::{
    ROUTE, SCENARIOS, ask, audit, held_in, matrix, opened, path, profile, quick, ran,
    rated_position, record,
};

#[test]
fn a_run_is_recorded_with_all_that_it_takes_to_compute_it_again() -> Result<()> {
    let fixture = rated_position()?;
    // A second name, whose probability of default is its rating's; and one that is not of this currency.
    let second = opened(&fixture)?;
    record(&fixture, "ratings.recorded", &matrix())?;
    let mut rated = profile(second);
    rated.as_object_mut().context("an object")?.remove("pd_ppb");
    rated["rating"] = json!("B");
    rated["lgd"] = json!({"mean_ppb": 600_000_000});
    record(&fixture, "facility.risk_updated", &rated)?;
    held_in(&fixture, second, 500_000)?;
    let size = fixture.seal()?;

    let answer = ask(&fixture, "carol", &quick())?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let run = answer.json();
    assert_eq!(answer.header("location"), Some(&*path(&run)?));
    assert_eq!(run["allocator_id"], AURORA.id.to_string());
    assert_eq!(run["created_by"], find_person("carol")?.sub.to_string());
    assert_eq!(run["log_size"], size);
    let result = &run["result"];
    let mut names = [USD_FACILITY.id.to_string(), second.to_string()];
    names.sort();
    assert_eq!(result["names"], json!(names));
    assert_eq!(result["settings"]["run"], run["id"]);
    assert_eq!(result["settings"]["scenarios"], SCENARIOS);
    assert_eq!(result["settings"]["levels"], json!([990_000, 999_000]));
    assert_adds_up(result)?;

    let read = fixture.person("bob").get(&path(&run)?)?;
    assert_eq!(read.status, 200, "{}", read.text());
    let read = read.json();
    assert_eq!(read["result"], *result);
    assert_eq!(read["commitment_id"], run["commitment"]["id"]);
    let mut lines = [
        format!(
            "name {} 1000000 0 20000000 beta 400000000 200000000 - 450000000\n",
            USD_FACILITY.id
        ),
        format!("name {second} 500000 0 70000000 fixed 600000000 1 450000000\n"),
    ];
    lines.sort();
    let snapshot = format!(
        "optkas-risk-snapshot/1\ncurrency USD\nfactors 1\nratings 2\n\
         migrate 900000000 80000000 20000000 0 30000000\nmigrate 50000000 880000000 70000000 -25000000 0\n\
         names 2\n{}",
        lines.concat()
    );
    assert_eq!(read["snapshot"], snapshot);
    assert_eq!(audit(&fixture, &read)?.0, 0);
    let line = metrics(&fixture, "create-risk-run", &answer)?;
    assert_eq!(
        (&line["scenarios"], &line["names"]),
        (&json!(0), &json!(2)),
        "exact: no scenarios are drawn"
    );
    assert!(line["compute_ms"].is_u64(), "{line}");
    assert_books(&mut fixture.admin()?)
}

/// Contributions add up to the shortfall, and the figures are in their order.
fn assert_adds_up(result: &Value) -> Result<()> {
    let minor = |value: &Value| -> Result<i64> { Ok(value.as_str().context("digits")?.parse()?) };
    for level in result["levels"].as_array().context("levels")? {
        let mut sum = 0;
        for contribution in level["contributions_minor"]
            .as_array()
            .context("contributions")?
        {
            sum += minor(contribution)?;
        }
        assert_eq!(sum, minor(&level["es"]["value_minor"])?, "{level}");
        assert!(sum >= minor(&level["var"]["value_minor"])?, "{level}");
    }
    Ok(())
}

#[test]
fn the_auditor_finds_any_change_to_a_run() -> Result<()> {
    let fixture = rated_position()?;
    let run = fixture.person("carol").get(&path(&ran(&fixture)?)?)?.json();
    let (code, said) = audit(&fixture, &run)?;
    assert_eq!((code, &said["facts"]["recomputed"]), (0, &json!("equal")));
    let text = |run: &Value, place: &str| {
        run.pointer(place)
            .map(|value| value.as_str().unwrap_or_default().to_owned())
    };
    for place in [
        "/result/levels/0/var/value_minor",
        "/result/levels/1/es/high_minor",
        "/snapshot",
    ] {
        let mut changed = run.clone();
        let was = text(&run, place).context("a text")?;
        *changed.pointer_mut(place).context("a place")? =
            json!(was.replacen('0', "1", 1) + if was.contains('0') { "" } else { "0" });
        let (code, said) = audit(&fixture, &changed)?;
        assert_eq!(
            (code, &said["verdict"]),
            (1, &json!("tampered")),
            "{place}: {said}"
        );
    }
    Ok(())
}

/// Each member of the file, and each value within it, in turn. What the program vouches for is what it finds changed.
#[test]
fn the_auditor_says_what_it_vouches_for_and_finds_a_change_in_any_of_it() -> Result<()> {
    let fixture = rated_position()?;
    let run = fixture.person("carol").get(&path(&ran(&fixture)?)?)?.json();
    let (_, said) = audit(&fixture, &run)?;
    let names = |fact: &str| -> Result<BTreeSet<String>> {
        Ok(serde_json::from_value(said["facts"][fact].clone())?)
    };
    let (vouched, others) = (names("vouched_for")?, names("not_vouched_for")?);
    let members: BTreeSet<String> = run.as_object().context("a run")?.keys().cloned().collect();
    assert_eq!(
        vouched.union(&others).cloned().collect::<BTreeSet<_>>(),
        members
    );
    let mut places = Vec::new();
    values(&run, "", &mut places);
    let mut tried = BTreeSet::new();
    for place in &places {
        let member = place.split('/').nth(1).context("a member")?.to_owned();
        let mut changed = run.clone();
        let value = changed.pointer_mut(place).context("a place")?;
        *value = match &*value {
            Value::Number(number) => json!(number.as_i64().context("an integer")? + 1),
            // The last digit, or the end of the snapshot's last line.
            Value::String(text) if member != "request" => {
                let end = text.trim_end();
                let last = if end.ends_with('1') { "2" } else { "1" };
                json!(format!(
                    "{}{last}{}",
                    &end[..end.len() - 1],
                    &text[end.len()..]
                ))
            }
            Value::String(_) => {
                json!(json!({"currency": "USD", "scenarios": SCENARIOS + 1}).to_string())
            }
            other => json!([other, "another"]),
        };
        let (code, said) = audit(&fixture, &changed)?;
        let found = code == 1 || said["verdict"] != "verified";
        assert_eq!(found, vouched.contains(&member), "{place}: {said}");
        tried.insert(member);
    }
    assert_eq!(tried, members);
    // A member more within the results is a change of them as well.
    let mut more = run.clone();
    more["result"]["more"] = json!(1);
    assert_eq!(audit(&fixture, &more)?.0, 1);
    Ok(())
}

/// The pointers of all values that have no members; of an array's elements, those of the first and the last.
fn values(value: &Value, at: &str, places: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, inner) in members {
                values(inner, &format!("{at}/{name}"), places);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            let last = elements.len() - 1;
            for place in BTreeSet::from([0, last]) {
                values(&elements[place], &format!("{at}/{place}"), places);
            }
        }
        _ => places.push(at.to_owned()),
    }
}

#[test]
fn a_key_makes_one_run_for_ever() -> Result<()> {
    let fixture = rated_position()?;
    let carol = fixture.person("carol");
    let key = idempotency_key();
    let first = carol.post(ROUTE, &key, &quick())?;
    assert_eq!(first.status, 201, "{}", first.text());
    // The positions have changed since; the answer is the first one.
    fixture::held(&fixture, 700)?;
    let again = carol.post(ROUTE, &key, &quick())?;
    assert_eq!(again.status, 409, "{}", again.text());
    let mut original = again.json()["original"]["body"].take();
    assert_eq!(original, first.json());
    original["result"].take();
    let other = carol.post(ROUTE, &key, &json!({"currency": "EUR"}))?;
    assert_eq!(other.status, 422, "{}", other.text());
    assert_eq!(
        other.json()["type"],
        "urn:optkas:problem:idempotency-key-reused"
    );
    assert_eq!(
        count(&mut fixture.admin()?, "select count(*) from risk.run")?,
        1
    );
    // The run's id and its default seed follow from the commitment, so that no one can choose them by their results.
    let settings = &first.json()["result"]["settings"];
    let id = settings["run"].as_str().context("an id")?.to_owned();
    assert_eq!(
        settings["seed"],
        risk::parameters::Settings::of_run(&id).seed
    );
    let sub = find_person("carol")?.sub.to_string();
    let actor = Actor::Human(sub.parse().context("a sub")?);
    let request = Request {
        actor: &actor,
        operation: "create-risk-run",
        resource: "",
    };
    let commitment = request.commitment_id(&key.parse().context("a key")?);
    let derived: String = fixture
        .admin()?
        .query_one(
            "select fixed.risk_run_id($1)::text",
            &[&commitment.as_bytes().as_slice()],
        )?
        .get(0);
    assert_eq!(derived, id);
    Ok(())
}

#[test]
fn runs_are_listed_newest_first_without_their_long_members() -> Result<()> {
    let fixture = rated_position()?;
    let runs = [ran(&fixture)?, ran(&fixture)?, ran(&fixture)?];
    let carol = fixture.person("carol");
    let page = carol.get(&format!("{ROUTE}?limit=2"))?.json();
    let ids = |page: &Value| -> Vec<Value> {
        let runs = page["data"].as_array();
        runs.into_iter()
            .flatten()
            .map(|run| run["id"].clone())
            .collect()
    };
    assert_eq!(ids(&page), [runs[2]["id"].clone(), runs[1]["id"].clone()]);
    let level = &page["data"][0]["result"]["levels"][1];
    assert_eq!(level["es"], runs[2]["result"]["levels"][1]["es"]);
    for left_out in ["names", "histogram"] {
        assert_eq!(page["data"][0]["result"].get(left_out), None);
    }
    assert_eq!(level.get("contributions_minor"), None);
    let cursor = page["next_cursor"].as_str().context("a cursor")?;
    let rest = carol
        .get(&format!("{ROUTE}?limit=2&cursor={cursor}"))?
        .json();
    assert_eq!(ids(&rest), [runs[0]["id"].clone()]);
    assert_eq!(rest["next_cursor"], Value::Null);
    Ok(())
}

#[test]
fn the_settings_are_those_that_were_asked_for() -> Result<()> {
    let fixture = rated_position()?;
    for (method, copula) in [
        ("exact", json!({"kind": "gaussian"})),
        ("exact", json!({"kind": "student_t", "degrees": 4})),
        ("plain", json!({"kind": "student_t", "degrees": 4})),
        ("importance", json!({"kind": "gaussian"})),
        ("sobol", json!({"kind": "gaussian"})),
    ] {
        let body = json!({
            "currency": "USD", "levels": [950_000, 975_000, 990_000], "scenarios": 32_000,
            "copula": copula, "method": method, "seed": 7,
        });
        let run = ask(&fixture, "dave", &body)?.json();
        let settings = &run["result"]["settings"];
        for member in ["levels", "scenarios", "copula", "method", "seed"] {
            assert_eq!(settings[member], body[member], "{run}");
        }
        // What was done instead is said: exact with a t copula is plain.
        let is_plain = method == "exact" && copula["kind"] == "student_t";
        let done = if is_plain { "plain" } else { method };
        assert_eq!(run["result"]["method"], done, "{run}");
        assert_eq!(run["result"]["scenarios"] == 0, done == "exact", "{run}");
        let gains = run["result"]["levels"][2]["gain_ppm"].is_u64();
        assert_eq!(gains, done == "importance", "{run}");
        let read = fixture.person("dave").get(&path(&run)?)?.json();
        assert_eq!(audit(&fixture, &read)?.0, 0, "{method}");
    }
    Ok(())
}

#[test]
fn risk_profiles_are_versioned_and_the_latest_counts() -> Result<()> {
    let fixture = rated_position()?;
    let before = ran(&fixture)?;
    let mut worse = profile(USD_FACILITY.id);
    worse["pd_ppb"] = json!(500_000_000);
    record(&fixture, "facility.risk_updated", &worse)?;
    let after = ran(&fixture)?;
    assert_ne!(
        before["result"]["snapshot_sha256"],
        after["result"]["snapshot_sha256"]
    );
    let inputs = |run: &Value| -> Result<Value> {
        Ok(fixture.person("carol").get(&path(run)?)?.json()["inputs"]["positions"][0]["profile_version"].take())
    };
    assert_eq!((inputs(&before)?, inputs(&after)?), (json!(1), json!(2)));
    // Even the owner can change nothing of it.
    for table in ["profile", "matrix", "matrix_row", "run"] {
        for change in ["delete from", "truncate"] {
            let refused = fixture
                .admin()?
                .batch_execute(&format!("{change} risk.{table}"));
            assert!(refused.is_err(), "{change} {table}");
        }
    }
    Ok(())
}

#[test]
fn a_run_takes_positions_of_its_currency_only() -> Result<()> {
    let fixture = rated_position()?;
    record(&fixture, "facility.risk_updated", &profile(EUR_FACILITY.id))?;
    let refused = ask(&fixture, "carol", &json!({"currency": "EUR"}))?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(refused.json()["type"], "urn:optkas:problem:no-positions");
    Ok(())
}

/// A book that changes during the computation is computed again: a recorded run is never of an outdated book.
#[test]
fn a_book_that_changes_during_a_run_is_computed_again() -> Result<()> {
    let fixture = rated_position()?;
    let id = crate::settlements::escrowed(&fixture, 250)?;
    ran(&fixture)?;
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and usename = 'create_risk_run' and state = 'idle'
            and query ~ 'create_risk_run' and query_start > now() - interval '10 seconds'";
    let queries = "select count(*) from auth.verified_token";
    let tokens = count(&mut fixture.admin()?, queries)?;
    let answer = std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            ask(
                &fixture,
                "bob",
                &json!({"currency": "USD", "scenarios": 5_000_000, "method": "plain"}),
            )
        });
        // Once bob's token is known and the session idle, the book has been answered and is being computed.
        crate::locks::until("the book is answered", || {
            let mut admin = fixture.admin()?;
            Ok(count(&mut admin, queries)? > tokens && count(&mut admin, waiting)? == 1)
        })?;
        fixture::complete(
            &fixture,
            &crate::settlements::report("settlement.completed", &id, 250),
        )?;
        running
            .join()
            .map_err(|_| anyhow::anyhow!("the thread panicked"))?
    })?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let read = fixture.person("bob").get(&path(&answer.json())?)?.json();
    let snapshot = read["snapshot"].as_str().context("a text")?;
    assert!(snapshot.contains(" 1000250 "), "{snapshot}");
    assert_eq!(audit(&fixture, &read)?.0, 0);
    Ok(())
}

/// As many as fit into a reply, and the rest on the next page.
#[test]
fn an_audit_trail_with_long_rows_is_paged_by_size() -> Result<()> {
    let fixture = rated_position()?;
    let rows = "select count(*) from audit.trail where allocator_id = 'a0000000-0000-4000-8000-000000000001'";
    let all = count(&mut fixture.admin()?, rows)?;
    // As long as the runs of a large book would be.
    fixture.admin()?.batch_execute(
        "alter table audit.trail disable trigger all;
         update audit.trail set changes = jsonb_set(changes::jsonb, '{0,new,more}', to_jsonb(repeat('x', 900000)))::json
         where allocator_id is not null",
    )?;
    let (mut listed, mut pages, mut cursor) = (0, 0, String::new());
    loop {
        let page = fixture
            .person("carol")
            .get(&format!("/v1/audit?limit=100{cursor}"))?;
        assert!(
            page.status == 200 && page.body.len() < 3_000_000,
            "{}",
            page.body.len()
        );
        let page = page.json();
        listed += i64::try_from(page["data"].as_array().context("entries")?.len())?;
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed, all);
    assert!(pages >= 3, "{pages}");
    Ok(())
}

#[test]
fn another_allocator_sees_nothing_of_a_run() -> Result<()> {
    let fixture = rated_position()?;
    let run = ran(&fixture)?;
    let mallory = fixture.person("mallory");
    let theirs = mallory.get(&path(&run)?)?;
    assert_eq!(theirs.status, 404, "{}", theirs.text());
    assert_eq!(mallory.get(ROUTE)?.json()["data"], json!([]));
    let none = ask(&fixture, "mallory", &quick())?;
    assert_eq!(
        none.json()["type"],
        "urn:optkas:problem:no-positions",
        "{}",
        none.text()
    );
    Ok(())
}
