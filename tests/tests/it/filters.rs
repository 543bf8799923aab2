//! The filters of `GET /v1/settlements`: each lets through what it says, alone and with others, and finds it in an index.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{
    EUR_FACILITY, SECURED_FACILITY, USD_FACILITY, find_person, idempotency_key, value_date,
};
use uuid::Uuid;

use crate::direct::quote;
use crate::settlements::{of, proposal, propose, verify};
use crate::support::all_triggers_off;

/// All settlements that a query lists, over pages of this many.
fn listed(fixture: &Fixture, person: &str, query: &str, limit: usize) -> Result<Vec<Value>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let target = format!("/v1/settlements?limit={limit}&{query}{cursor}");
        let answer = fixture.person(person).get(&target)?;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let page = answer.json();
        all.extend(page["data"].as_array().context("a page")?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(all),
        }
    }
}

/// Settlements that differ in everything that there is a filter for.
fn world(fixture: &Fixture) -> Result<()> {
    for number in 0..12_u64 {
        let mut body = proposal(100 + number);
        if number % 3 == 1 {
            body["facility_id"] = json!(EUR_FACILITY.id);
            body["currency"] = json!("EUR");
        }
        if number % 4 == 1 {
            body["uetr"] = json!(Uuid::new_v4());
        }
        if number % 2 == 1 {
            body["reference"] = json!(format!("Tranche {} & 100%", number % 4));
        }
        if number % 5 == 2 {
            body["value_date"] = json!("2030-02-28");
        }
        let maker = if number % 3 == 2 { "dave" } else { "alice" };
        let id = propose(fixture, maker, &body)?;
        match number % 4 {
            0 => verify(fixture, &id)?,
            1 => {
                let canceller = fixture.person(maker);
                let answer = canceller.post_empty(&of(&id, "cancel"), &idempotency_key())?;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
            _ => {}
        }
    }
    propose(fixture, "mallory", &proposal(7)).map(drop)
}

type Predicate = Box<dyn Fn(&Value) -> bool>;

/// Filters with what each lets through. No two of one name are given together.
fn filters(all: &[Value]) -> Result<Vec<(&'static str, String, Predicate)>> {
    let text =
        |settlement: &Value, name: &str| settlement[name].as_str().unwrap_or_default().to_owned();
    let equals = |name: &'static str, value: String| -> Predicate {
        Box::new(move |settlement| settlement[name] == json!(value))
    };
    let middle = &all[all.len() / 2];
    let (created, updated) = (text(middle, "created_at"), text(middle, "updated_at"));
    let uetr = all
        .iter()
        .map(|one| text(one, "uetr"))
        .find(|it| !it.is_empty());
    let uetr = uetr.context("one has a UETR")?;
    let alice = find_person("alice")?.sub.to_string();
    let mut filters = vec![
        (
            "status",
            "status=PENDING".to_owned(),
            equals("status", "PENDING".to_owned()),
        ),
        (
            "status",
            "status=PENDING&status=VERIFIED".to_owned(),
            Box::new(|one: &Value| one["status"] != "CANCELLED") as Predicate,
        ),
        (
            "status",
            "status=SETTLED".to_owned(),
            Box::new(|_: &Value| false),
        ),
        (
            "currency",
            "currency=EUR".to_owned(),
            equals("currency", "EUR".to_owned()),
        ),
        (
            "currency",
            "currency=XXX".to_owned(),
            Box::new(|_: &Value| false),
        ),
        (
            "value_date",
            "value_date=2030-02-28".to_owned(),
            equals("value_date", "2030-02-28".to_owned()),
        ),
        (
            "value_date",
            format!("value_date={}", value_date()),
            equals("value_date", value_date()),
        ),
        (
            "reference",
            "reference=Tranche%201%20%26%20100%25".to_owned(),
            equals("reference", "Tranche 1 & 100%".to_owned()),
        ),
        (
            "reference",
            "reference=Tranche".to_owned(),
            Box::new(|_: &Value| false),
        ),
        ("not_created_by", format!("not_created_by={alice}"), {
            let alice = json!(alice);
            Box::new(move |one: &Value| one["created_by"] != alice)
        }),
        (
            "created_by",
            format!("created_by={alice}"),
            equals("created_by", alice),
        ),
        ("uetr", format!("uetr={uetr}"), equals("uetr", uetr)),
    ];
    for facility in [USD_FACILITY, EUR_FACILITY, SECURED_FACILITY] {
        let id = facility.id.to_string();
        filters.push((
            "facility_id",
            format!("facility_id={id}"),
            equals("facility_id", id),
        ));
    }
    for (name, at, bound) in [
        ("created_after", "created_at", created.clone()),
        ("created_before", "created_at", created),
        ("updated_after", "updated_at", updated),
    ] {
        let after = name.ends_with("after");
        filters.push((
            name,
            format!("{name}={bound}"),
            Box::new(move |one: &Value| {
                let at = one[at].as_str().unwrap_or_default();
                if after { at > &*bound } else { at < &*bound }
            }),
        ));
    }
    Ok(filters)
}

#[test]
fn filters_let_through_what_they_say_alone_and_in_pairs() -> Result<()> {
    let fixture = Fixture::new()?;
    world(&fixture)?;
    // What is listed by changes is final.
    fixture.seal()?;
    let all = listed(&fixture, "carol", "", 100)?;
    assert_eq!(all.len(), 12);
    let filters = filters(&all)?;
    let ids = |settlements: &[&Value]| -> Vec<String> {
        settlements
            .iter()
            .map(|one| one["id"].to_string())
            .collect()
    };
    let (mut tried, mut some) = (0, 0);
    for (place, (name, query, passes)) in filters.iter().enumerate() {
        for (other, second, also) in &filters[place..] {
            let both = format!("{query}&{second}");
            let query = match (name == other, query == second) {
                (_, true) => query,
                (true, _) => continue,
                _ => &both,
            };
            let mut expected: Vec<&Value> =
                all.iter().filter(|one| passes(one) && also(one)).collect();
            if query.contains("updated_after") {
                expected.sort_by_key(|one| (one["updated_at"].to_string(), one["id"].to_string()));
            }
            let found = listed(
                &fixture,
                "carol",
                query,
                if tried % 2 == 0 { 2 } else { 100 },
            )?;
            assert_eq!(
                ids(&found.iter().collect::<Vec<_>>()),
                ids(&expected),
                "{query}"
            );
            tried += 1;
            some += usize::from(!found.is_empty());
        }
    }
    assert!(tried > 120 && some > 40, "{some} of {tried}");
    // Filters let nothing through that is another allocator's.
    for (_, query, _) in &filters {
        let theirs = listed(&fixture, "mallory", query, 100)?;
        assert!(theirs.len() < 2, "{query}: {theirs:?}");
    }
    Ok(())
}

/// Before the log's first round nothing is final, and nothing is listed by changes. A cursor of one order is none of
/// the other.
#[test]
fn what_is_not_final_is_not_listed_by_changes() -> Result<()> {
    let fixture = Fixture::new()?;
    let id = propose(&fixture, "alice", &proposal(100))?;
    propose(&fixture, "alice", &proposal(200))?;
    let alice = fixture.person("alice");
    let changes = "/v1/settlements?limit=1&updated_after=2000-01-01T00:00:00Z";
    let page = alice.get(changes)?.json();
    assert_eq!(
        page,
        json!({ "data": [], "final_through": null, "next_cursor": null })
    );
    fixture.seal()?;
    let page = alice.get(changes)?.json();
    assert_eq!(page["data"][0]["id"], id);
    let newest = alice.get("/v1/settlements?limit=1")?.json();
    for (target, cursor) in [
        ("/v1/settlements?limit=1", &page["next_cursor"]),
        (changes, &newest["next_cursor"]),
    ] {
        let cursor = cursor.as_str().context("a cursor")?;
        let answer = alice.get(&format!("{target}&cursor={cursor}"))?;
        assert_eq!(answer.status, 422, "{target}: {}", answer.text());
        assert_eq!(answer.json()["errors"][0]["parameter"], "cursor");
    }
    Ok(())
}

/// What a filter finds must not cost all that the allocator ever settled: each that few settlements pass is a condition
/// of an index, past row-level security.
#[test]
fn filters_are_conditions_of_an_index() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    admin.batch_execute(&format!("begin; {}", all_triggers_off()))?;
    // A few are open, each twentieth has a UETR, each second a reference, and a day has a hundred value dates.
    admin.batch_execute(
        "insert into capital.settlement
            (allocator_id, facility_id, secured, amount_minor, currency, value_date, uetr, reference, version,
             previous_status, status, created_by, created_at, updated_at)
        select m.allocator_id, f.facility_id, false, 100, f.currency, date '2030-01-01' + n / 100,
            case when n % 20 = 0 then gen_random_uuid() end, case when n % 2 = 0 then 'Tranche ' || n end,
            case when n % 500 = 0 then 1 else 2 end, case when n % 500 > 0 then 'PENDING' end,
            case when n % 500 = 0 then 'PENDING' else 'CANCELLED' end,
            m.sub, at, at + interval '1 minute'
        from generate_series(1, 20000) as n
        cross join lateral (values (timestamptz '2026-01-01' + n * interval '1 minute')) as t (at)
        join capital.member as m on m.sub in (
            'a1000000-0000-4000-8000-000000000001', 'b1000000-0000-4000-8000-000000000001')
        join capital.facility as f on not f.secured and (f.currency = 'USD') = (n % 3 > 0)",
    )?;
    admin.batch_execute("commit; analyze capital.settlement")?;
    let mut owner = fixture.owner()?;
    let carol = fixture.person("carol");
    let allocator = carol.person.allocator.id;
    owner.batch_execute(&format!(
        "set enable_seqscan = off; begin isolation level serializable;
         select auth.authenticate_member({})",
        quote(&carol.token())
    ))?;
    let mut used = BTreeSet::new();
    for (filter, order, index) in [
        (
            "null, null, null, null, null, null",
            "newest",
            "settlement_allocator_created_idx",
        ),
        (
            "array['PENDING', 'VERIFIED'], null, null, null, null, null",
            "newest",
            "settlement_allocator_open_idx",
        ),
        (
            "null, null, null, '2030-02-28', null, null",
            "none",
            "settlement_allocator_value_date_idx",
        ),
        (
            "null, null, null, null, '97ed4827-7b6f-4491-a06f-b548d5a7512d', null",
            "none",
            "settlement_allocator_uetr_key",
        ),
        (
            "null, null, null, null, null, 'Tranche 4'",
            "none",
            "settlement_allocator_reference_idx",
        ),
        (
            "null, null, null, null, null, null",
            "changes",
            "settlement_allocator_updated_idx",
        ),
    ] {
        let order = match order {
            "newest" => "order by s.created_at desc, s.settlement_id desc limit 51",
            "changes" => {
                "and s.updated_at > '2026-01-01' and (s.updated_at, s.settlement_id) > ('2026-01-02', null::uuid)
                 order by s.updated_at, s.settlement_id limit 51"
            }
            _ => "",
        };
        let sql = format!(
            "explain select s from capital.settlements_where(
                '{allocator}', {filter}, null, null, null, null) as s where true {order}"
        );
        let plan: Vec<String> = owner
            .query(&sql, &[])?
            .iter()
            .map(|row| row.get(0))
            .collect();
        let plan = plan.join("\n");
        assert!(plan.contains(index), "{filter}: {plan}");
        assert!(plan.contains("Index Cond:"), "{filter}: {plan}");
        assert!(
            !plan.contains("Sort") || order.is_empty(),
            "{filter}: {plan}"
        );
        assert!(!plan.contains("Function Scan"), "{filter}: inlined, {plan}");
        used.insert(index);
    }
    assert_eq!(used.len(), 6);
    Ok(())
}
