//! A key takes effect once: a repeated request, at once or later, gets the original's outcome and has no second effect.

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::fixture::Fixture;
use tests::http::{Request, Response, Transport as _};
use tests::sample_data::idempotency_key;

use crate::endpoints::bearing;
use crate::mutations::{Mutation, accepted, refused, scale};
use crate::settlements::{AMOUNT, of, pending, proposal, report};
use crate::support::{assert_books, count, together};

const AT_ONCE: usize = 64;
/// The number of requests for a refusal, which is recorded in the same way.
const REFUSED_AT_ONCE: usize = 16;
const KEYS: &str = "select count(*) from ledger.commitment_ledger";
const CHANGES: &str = "select count(*) from audit.trail";

#[test]
fn of_64_equal_requests_at_once_one_takes_effect_and_63_are_duplicates() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 16)?;
    let mut admin = fixture.admin()?;
    for mutation in accepted(&fixture)?.into_iter().chain(refused(&fixture)?) {
        let (keys, changes) = (count(&mut admin, KEYS)?, count(&mut admin, CHANGES)?);
        let times = if mutation.refusal.is_none() {
            AT_ONCE
        } else {
            REFUSED_AT_ONCE
        };
        let answers = together(times, |_| fixture.send(&mutation.request))?;
        let (first, others) = split(&mutation, &answers);
        for other in &others {
            mutation.assert_duplicate(other, first);
        }
        assert_eq!(others.len(), times - 1, "{}", mutation.name);
        assert_eq!(count(&mut admin, KEYS)? - keys, 1, "{}", mutation.name);
        assert_changes_are_of(
            &mutation,
            first,
            count(&mut admin, CHANGES)? - changes,
            &mut admin,
        )?;
    }
    assert_books(&mut admin)
}

/// The one answer that is not a duplicate, and the others.
fn split<'a>(mutation: &Mutation, answers: &'a [Response]) -> (&'a Response, Vec<&'a Response>) {
    let (duplicates, firsts): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| {
        let body = answer.json();
        body["duplicate"] == true
            || body["type"] == "urn:optkas:problem:duplicate-request"
            || body["type"] == "urn:optkas:problem:delivery-refused"
    });
    let [first] = *firsts else {
        let texts: Vec<_> = firsts.iter().map(|answer| answer.text()).collect();
        assert_eq!(
            texts,
            ["one answer"],
            "{} was not answered once as the first",
            mutation.name
        );
        unreachable!()
    };
    mutation.assert_first(first);
    (first, duplicates)
}

/// All rows that have changed have changed under this one commitment.
fn assert_changes_are_of(
    mutation: &Mutation,
    first: &Response,
    changes: i64,
    admin: &mut postgres::Client,
) -> Result<()> {
    let body = first.json();
    let key = body["commitment"]["id"].as_str().unwrap_or_default();
    let sql = format!("select count(*) from audit.trail where commitment_key = '\\x{key}'");
    assert_eq!(changes, count(admin, &sql)?, "{}", mutation.name);
    assert_eq!(changes > 0, mutation.refusal.is_none(), "{}", mutation.name);
    Ok(())
}

#[test]
fn a_repetition_gets_the_original_and_another_request_under_the_key_is_refused() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let mut answered = Vec::new();
    for mutation in accepted(&fixture)?.into_iter().chain(refused(&fixture)?) {
        let first = fixture.send(&mutation.request)?;
        mutation.assert_first(&first);
        answered.push((mutation, first));
    }
    // Meanwhile all other requests were executed, and the settlements have moved on.
    let (keys, changes) = (count(&mut admin, KEYS)?, count(&mut admin, CHANGES)?);
    for (mutation, first) in &answered {
        mutation.assert_duplicate(&fixture.send(&mutation.request)?, first);
        mutation.assert_reused(&fixture.send(&mutation.altered)?);
        // The other request has not taken the original's place.
        mutation.assert_duplicate(&fixture.send(&mutation.request)?, first);
    }
    for (mutation, first) in answered.iter().filter(|(mutation, _)| !mutation.by_agent) {
        assert_found(&fixture, mutation, first)?;
    }
    assert_eq!(count(&mut admin, KEYS)?, keys);
    assert_eq!(count(&mut admin, CHANGES)?, changes);
    assert_books(&mut admin)
}

/// Whoever lost the reply finds its entry by what was sent; nobody else does, not even in the same allocator.
fn assert_found(fixture: &Fixture, mutation: &Mutation, first: &Response) -> Result<()> {
    let sent = &mutation.request;
    let (route, named) = fixture
        .routes()
        .find(&sent.method, sent.path())
        .context("a route")?;
    let header = |name: &str| sent.headers.iter().find(|(header, _)| header == name);
    let (_, key) = header("idempotency-key").context("a key")?;
    let (_, token) = header("authorization").context("a token")?;
    let key = key.trim_matches('"').replace('+', "%2B");
    let resource = named
        .get("id")
        .map(|id| format!("&resource_id={id}"))
        .unwrap_or_default();
    let target = format!(
        "/v1/commitments?operation={}&idempotency_key={key}{resource}",
        route.function
    );
    let find = Request::new("GET", &target);
    let found = fixture.send(&find.clone().header("authorization", token))?;
    assert_eq!(found.status, 200, "{}: {}", mutation.name, found.text());
    let (entry, body) = (found.json(), first.json());
    assert_eq!(entry["id"], body["commitment"]["id"], "{}", mutation.name);
    assert_eq!(
        entry["outcome"], body["commitment"]["outcome"],
        "{}",
        mutation.name
    );
    for other in ["carol", "dave", "mallory"] {
        let (sub, token) = (
            fixture.person(other).person.sub,
            fixture.person(other).token(),
        );
        if entry["actor"]["id"] == sub.to_string() {
            continue;
        }
        let answer = fixture.send(&bearing(&find, &token))?;
        assert_eq!(
            answer.status,
            404,
            "{other}, {}: {}",
            mutation.name,
            answer.text()
        );
    }
    Ok(())
}

#[test]
fn a_key_belongs_to_one_person_one_operation_and_one_resource() -> Result<()> {
    let fixture = Fixture::new()?;
    let [one, two, three, four] = [(); 4].map(|()| pending(&fixture, AMOUNT));
    let (one, two, three, four) = (one?, two?, three?, four?);
    let key = idempotency_key();
    for (person, path, status) in [
        ("alice", "/v1/settlements".to_owned(), 201),
        ("dave", "/v1/settlements".to_owned(), 201),
        ("mallory", "/v1/settlements".to_owned(), 201),
        ("bob", of(&one, "verify"), 200),
        ("bob", of(&two, "verify"), 200),
        ("bob", of(&one, "cancel"), 200),
        ("alice", of(&three, "cancel"), 200),
        ("dave", of(&four, "cancel"), 200),
    ] {
        let answer = if status == 201 {
            fixture
                .person(person)
                .post(&path, &key, &proposal(AMOUNT))?
        } else {
            fixture.person(person).post_empty(&path, &key)?
        };
        assert_eq!(answer.status, status, "{person} {path}: {}", answer.text());
    }
    // Agents name their own deliveries: the same name by two of them is two deliveries.
    let id = "delivery-0001";
    for (agent, kind) in [
        ("escrow-one", "escrow.funded"),
        ("settle-one", "settlement.completed"),
    ] {
        let mut event = report(kind, &two, AMOUNT);
        event["id"] = json!(id);
        let answer = fixture.agent(agent).deliver(&event)?;
        assert_eq!(
            (answer.status, &answer.json()["duplicate"]),
            (200, &json!(false)),
            "{agent}: {}",
            answer.text()
        );
    }
    assert_books(&mut fixture.admin()?)
}
