//! What people are called: it stands beside ids in replies to reads, and in no record. Erased, it is nowhere.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Response, Transport as _};
use tests::sample_data::{
    AURORA, BOREALIS, PEOPLE, PLATFORM, USD_FACILITY, delivery, find_person, idempotency_key,
};
use uuid::Uuid;

use crate::collateral::secured_facility::SecuredFacility;
use crate::direct::quote;
use crate::mutations::{GRANTED, accepted, refused};
use crate::risk_runs::fixture::{held, path, profile, ran, record};
use crate::settlements::{AMOUNT, of, pending, verified};

fn platform(fixture: &Fixture, kind: &str, data: &Value) -> Result<Response> {
    fixture.agent(PLATFORM).deliver(&delivery(kind, data))
}

/// The data of a naming event for that person.
fn naming(person: &str, text: &str) -> Result<Value> {
    let person = find_person(person)?;
    Ok(json!({
        "allocator_id": person.allocator.id, "sub": person.sub,
        "display_name": {"text": text, "salt": Uuid::new_v4().simple().to_string()},
    }))
}

fn erasing(person: &str) -> Result<Value> {
    let person = find_person(person)?;
    Ok(json!({ "allocator_id": person.allocator.id, "sub": person.sub }))
}

fn name_of(person: &str) -> Result<Value> {
    Ok(json!(find_person(person)?.display_name))
}

fn json_of(fixture: &Fixture, person: &str, target: &str) -> Result<Value> {
    let answer = fixture.person(person).get(target)?;
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    Ok(answer.json())
}

/// The pairs of an id and a name in a reply: whatever stands as `x_id` beside `x_name`, `x_by` beside `x_by_name`, and
/// the `id` of an actor beside its `name`.
fn named(value: &Value, all: &mut BTreeSet<(String, Option<String>)>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|one| named(one, all)),
        Value::Object(members) => {
            for (member, name) in members {
                let id = match member.strip_suffix("_name") {
                    Some(stem) if stem.ends_with("_by") => members.get(stem),
                    Some(stem) => members.get(&format!("{stem}_id")),
                    None if member == "name" && members.contains_key("kind") => members.get("id"),
                    None if member == "name" && members.contains_key("sub") => members.get("sub"),
                    None => None,
                };
                if let Some(id) = id.and_then(Value::as_str) {
                    all.insert((id.to_owned(), name.as_str().map(str::to_owned)));
                }
                named(name, all);
            }
        }
        _ => {}
    }
}

/// A world with everything that names a person; every read in it, as routes.
fn world(fixture: &Fixture) -> Result<Vec<String>> {
    let settlement = verified(fixture, AMOUNT)?;
    let mut facility = SecuredFacility::good(fixture, &[1_000, 500])?;
    facility.admit(BOREALIS)?;
    let release = facility.released(&facility.release(&facility.pledged[..1]))?;
    facility.file(|filing| filing)?;
    facility.requested(&facility.termination())?;
    held(fixture, AMOUNT)?;
    record(fixture, "facility.risk_updated", &profile(USD_FACILITY.id))?;
    let run = path(&ran(fixture)?)?;
    let one = json_of(fixture, "alice", &format!("/v1/settlements/{settlement}"))?;
    let commitment = one["transitions"][1]["commitment_id"]
        .as_str()
        .context("a commitment")?;
    let secured = format!("/v1/facilities/{}", facility.terms.facility);
    let release = release["id"].as_str().context("an id")?;
    Ok(vec![
        "/v1/me".to_owned(),
        "/v1/settlements?limit=100".to_owned(),
        "/v1/settlements?limit=100&updated_after=2000-01-01T00:00:00Z".to_owned(),
        format!("/v1/settlements/{settlement}"),
        "/v1/audit?limit=100".to_owned(),
        "/v1/positions".to_owned(),
        format!("/v1/commitments/{commitment}"),
        "/v1/facilities?limit=100".to_owned(),
        secured.clone(),
        format!("{secured}/collateral"),
        format!("/v1/releases/{release}"),
        "/v1/releases?limit=100".to_owned(),
        "/v1/risk-runs".to_owned(),
        run,
    ])
}

#[test]
fn names_stand_beside_ids_in_what_is_read() -> Result<()> {
    let fixture = Fixture::new()?;
    let reads = world(&fixture)?;
    let mut all = BTreeSet::new();
    for target in &reads {
        named(&json_of(&fixture, "alice", target)?, &mut all);
    }
    let mut known: BTreeSet<(String, Option<String>)> = PEOPLE
        .iter()
        .filter(|person| person.allocator == AURORA)
        .map(|person| (person.sub.to_string(), Some(person.display_name.to_owned())))
        .collect();
    known.insert((AURORA.id.to_string(), Some(AURORA.name.to_owned())));
    known.insert((
        USD_FACILITY.id.to_string(),
        Some(USD_FACILITY.name.to_owned()),
    ));
    for one in ["alice", "bob"] {
        let person = find_person(one)?;
        let pair = (person.sub.to_string(), Some(person.display_name.to_owned()));
        assert!(all.contains(&pair), "{one} is named");
    }
    // Whoever is named is named so; agents and jobs have no name here.
    for (id, name) in &all {
        let right = known.iter().find(|(known, _)| known == id);
        match right {
            Some((_, right)) => assert_eq!(name, right, "{id}"),
            None => assert!(
                name.is_none() || id.parse::<Uuid>().is_ok(),
                "{id} is called {name:?}"
            ),
        }
    }
    let one = json_of(&fixture, "carol", &reads[3])?;
    let actors: Vec<_> = one["transitions"]
        .as_array()
        .context("transitions")?
        .iter()
        .map(|step| &step["actor"]["name"])
        .collect();
    assert_eq!(actors, [&name_of("alice")?, &name_of("bob")?]);
    assert_eq!(
        [
            &one["allocator_name"],
            &one["facility_name"],
            &one["created_by_name"],
            &one["verified_by_name"]
        ],
        [
            &json!(AURORA.name),
            &json!(USD_FACILITY.name),
            &name_of("alice")?,
            &name_of("bob")?
        ]
    );
    assert_eq!(
        json_of(&fixture, "carol", "/v1/me")?["name"],
        name_of("carol")?
    );
    let release = json_of(&fixture, "carol", &reads[10])?;
    assert!(release["facility_name"].is_string());
    for (by, name) in [
        ("created_by", "created_by_name"),
        ("approved_by", "approved_by_name"),
    ] {
        let person = PEOPLE
            .iter()
            .find(|person| json!(person.sub) == release[by])
            .context("a member")?;
        assert_eq!(release[name], json!(person.display_name), "{release}");
    }
    let run = json_of(&fixture, "carol", &reads[13])?;
    assert!(run["created_by_name"].is_string(), "{run}");
    Ok(())
}

/// What a mutation answers is kept for ever, and what is kept for ever has no name.
#[test]
fn no_mutation_answers_or_records_a_name() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let names = PEOPLE.map(|person| person.display_name);
    for mutation in accepted(&fixture)?.into_iter().chain(refused(&fixture)?) {
        for request in [&mutation.request, &mutation.request, &mutation.altered] {
            let answer = fixture.send(request)?.text();
            for name in names.iter().chain([&GRANTED]) {
                assert!(!answer.contains(name), "{}: {answer}", mutation.name);
            }
        }
    }
    for name in names.into_iter().chain([GRANTED]) {
        let found = places(&mut admin, name)?;
        // Of two people the mutations change or erase the name.
        let gone = ["carol", "dave"].map(|person| name_of(person).ok());
        let expected: &[&str] = if gone.contains(&Some(json!(name))) {
            &[]
        } else {
            &["capital.member_name"]
        };
        assert_eq!(found, expected, "{name}");
    }
    Ok(())
}

/// The tables that have this text in any column of any row: ours, and PostgreSQL's own with its statistics.
fn places(admin: &mut Client, text: &str) -> Result<Vec<String>> {
    admin.batch_execute("analyze")?;
    let tables = admin.query(
        "select c.oid::regclass::text from pg_class as c
        where c.relkind in ('r', 'm') order by 1",
        &[],
    )?;
    let mut found = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let sql = format!(
            "select exists (select from {table} as t where strpos(t::text, {0}) > 0
                or strpos(t::text, encode(convert_to({0}, 'UTF8'), 'hex')) > 0)",
            quote(text)
        );
        if admin.query_one(&sql, &[])?.get(0) {
            found.push(table);
        }
    }
    assert!(!found.contains(&"pg_catalog.pg_statistic".to_owned()));
    Ok(found)
}

#[test]
fn an_erased_name_is_nowhere() -> Result<()> {
    let fixture = Fixture::new()?;
    let reads = world(&fixture)?;
    let (first, second, third) = (
        "Quendolin Abercorn",
        "Quendolin Birdwhistle",
        "Zebulon Crake",
    );
    let granted = |role: &str, text: &str| -> Result<Value> {
        let mut data = naming("alice", text)?;
        data["role"] = json!(role);
        Ok(data)
    };
    // Given, corrected, given with a role, and with a role that is refused: the first stays what it was.
    let named = delivery("member.named", &naming("alice", first)?);
    for _ in 0..2 {
        let answer = fixture.agent(PLATFORM).deliver(&named)?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.text().contains(first), "{}", answer.text());
    }
    let grant = delivery("member.granted", &granted("viewer", second)?);
    let answer = fixture.agent(PLATFORM).deliver(&grant)?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = platform(&fixture, "member.granted", &granted("viewer", third)?)?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert!(!answer.text().contains(third), "{}", answer.text());
    let me = json_of(&fixture, "alice", "/v1/me")?;
    assert_eq!(me["name"], second);
    // Everything that may keep what was read or said does so before.
    let key = idempotency_key();
    let body = json!({ "reason": "mistaken" });
    let settlement = pending(&fixture, AMOUNT)?;
    let cancel = fixture
        .person("alice")
        .post(&of(&settlement, "cancel"), &key, &body)?;
    assert_eq!(cancel.status, 200, "{}", cancel.text());
    let mut told = 0;
    for target in &reads {
        told += json_of(&fixture, "bob", target)?
            .to_string()
            .matches(second)
            .count();
    }
    assert!(told > 10, "{told}");
    fixture.seal()?;
    let mut admin = fixture.admin()?;
    assert_eq!(places(&mut admin, second)?, ["capital.member_name"]);
    for gone in [first, third] {
        assert_eq!(places(&mut admin, gone)?, [""; 0], "{gone}");
    }

    let answer = platform(&fixture, "member.name_erased", &erasing("alice")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(places(&mut admin, second)?, [""; 0]);
    for target in &reads {
        let reply = json_of(&fixture, "bob", target)?.to_string();
        assert!(!reply.contains(second), "{target}: {reply}");
    }
    let one = json_of(&fixture, "bob", &reads[3])?;
    assert_eq!(one["created_by"], json!(find_person("alice")?.sub));
    assert_eq!(one["created_by_name"], Value::Null);
    assert_eq!(one["verified_by_name"], name_of("bob")?);
    assert_eq!(json_of(&fixture, "alice", "/v1/me")?["name"], Value::Null);
    // A late repetition brings nothing back.
    for late in [&named, &grant] {
        assert_eq!(
            fixture.agent(PLATFORM).deliver(late)?.json()["duplicate"],
            true
        );
    }
    assert_eq!(json_of(&fixture, "alice", "/v1/me")?["name"], Value::Null);
    // Who erased it, and when, stays: the trail says it of the member.
    let erased = admin.query_one(
        "select count(*) from audit.trail as t cross join audit.changes(t) as c
        where table_name = 'capital.member' and row_key ->> 'sub' = $1::text
            and old_row ->> 'named_at' is not null and new_row ->> 'named_at' is null
            and actor_id = $2",
        &[&find_person("alice")?.sub.to_string(), &PLATFORM],
    )?;
    assert_eq!(erased.get::<_, i64>(0), 1);
    Ok(())
}

#[test]
fn a_name_belongs_to_a_member_of_that_allocator() -> Result<()> {
    let fixture = Fixture::new()?;
    let refusal = |kind: &str, data: &Value| -> Result<(u16, Value)> {
        let answer = platform(&fixture, kind, data)?;
        Ok((answer.status, answer.json()["resource"].clone()))
    };
    let mut elsewhere = naming("alice", "Alice Elsewhere")?;
    elsewhere["allocator_id"] = json!(BOREALIS.id);
    let mut nobody = naming("alice", "Nobody")?;
    nobody["sub"] = json!(Uuid::new_v4());
    for data in [&elsewhere, &nobody] {
        assert_eq!(refusal("member.named", data)?, (404, json!("member")));
    }
    let mut erased = erasing("alice")?;
    erased["allocator_id"] = json!(BOREALIS.id);
    assert_eq!(
        refusal("member.name_erased", &erased)?,
        (404, json!("name"))
    );
    assert_eq!(
        json_of(&fixture, "alice", "/v1/me")?["name"],
        name_of("alice")?
    );
    let answer = platform(&fixture, "member.name_erased", &erasing("alice")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        refusal("member.name_erased", &erasing("alice")?)?,
        (404, json!("name"))
    );
    let answer = platform(&fixture, "member.named", &naming("alice", "Alice Again")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(json_of(&fixture, "alice", "/v1/me")?["name"], "Alice Again");
    Ok(())
}

/// Aurora leads a facility that Borealis takes part in: neither learns the name of the other's people, whatever it
/// reads.
#[test]
fn nobody_sees_a_name_of_another_allocator() -> Result<()> {
    let fixture = Fixture::new()?;
    let reads = world(&fixture)?;
    pending(&fixture, AMOUNT)?;
    let mut seen = BTreeSet::new();
    for person in PEOPLE {
        let others = PEOPLE
            .iter()
            .filter(|other| other.allocator != person.allocator);
        let others: Vec<_> = others.collect();
        for target in &reads {
            let answer = fixture.person(person.name).get(target)?;
            let text = answer.text();
            for other in &others {
                assert!(!text.contains(other.display_name), "{target}: {text}");
            }
            if answer.status == 200 {
                seen.insert((person.allocator.id, target.clone()));
            }
        }
    }
    assert!(seen.iter().filter(|(id, _)| *id == BOREALIS.id).count() > 7);
    Ok(())
}
