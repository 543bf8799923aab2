//! A dry run tells what a verification would be refused for, changes nothing, and tells nobody more than he may see.
//! What was refused is there for the maker to see.

use anyhow::{Context as _, Result};
use postgres::SimpleQueryMessage;
use serde_json::{Value, json};
use tests::deployment::login;
use tests::fixture::Fixture;
use tests::http::Response;
use tests::sample_data::{
    AURORA, BOREALIS, EUR_FACILITY, PLATFORM, USD_FACILITY, delivery, idempotency_key, value_date,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::collateral::secured_facility::{SecuredFacility, refusal};
use crate::direct::{Direct, Reply, barrier, call, token};
use crate::settlements::{admission, of, pending, proposal, propose, verified};
use crate::support::assert_books;

/// The dry run that came just before a verification told what became of it.
pub(crate) fn assert_as_told(told: &Reply, reply: &Reply, what: &str) {
    let reasons = told.body["reasons"].as_array();
    match (reply.outcome.as_str(), reasons) {
        ("accepted", Some(reasons)) => {
            assert_eq!(reasons, &[] as &[Value], "{what}");
            assert_eq!(told.body["would_be"], "accepted", "{what}");
        }
        ("refused", Some(reasons)) => {
            let mut first = reply.body.clone();
            first["refusal"] = json!(reply.refusal);
            let members = first.as_object_mut().expect("a refusal has members");
            members.remove("commitment");
            assert_eq!(reasons.first(), Some(&first), "{what}");
            assert_eq!(told.body["would_be"], "refused", "{what}");
        }
        // Who may not see the settlement is told nothing else, by the dry run too.
        (outcome, _) => {
            assert_eq!(
                (outcome, told.name().as_str()),
                ("refused", "refused not-found"),
                "{what}"
            );
        }
    }
}

/// The same, of the endpoints.
pub(crate) fn assert_answered_as_told(told: &Response, answer: &Response) {
    assert_eq!(told.status, 200, "{}", told.text());
    let (told, mut answered) = (told.json(), answer.json());
    if answer.status < 300 {
        assert_eq!(told["would_be"], "accepted", "{told}");
        assert_eq!(told["reasons"], json!([]));
        for member in ["borrowing_base", "notice"] {
            assert_eq!(told[member], answered[member], "{member}");
        }
        return;
    }
    let members = answered.as_object_mut().expect("a problem");
    members.remove("commitment");
    members.remove("request_id");
    assert_eq!(told["would_be"], "refused");
    assert_eq!(told["reasons"][0], answered);
}

/// The names of what a dry run tells.
fn told(fixture: &Fixture, person: &str, settlement: &str) -> Result<(Value, String)> {
    let answer = fixture
        .person(person)
        .get(&of(settlement, "verification"))?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let names: Vec<_> = body["reasons"]
        .as_array()
        .context("reasons")?
        .iter()
        .filter_map(|problem| problem["type"].as_str())
        .map(|name| name.trim_start_matches("urn:optkas:problem:").to_owned())
        .collect();
    Ok((body, names.join(", ")))
}

/// Every row of every table, condensed; without the memo of tokens, which every request may write.
fn everything(fixture: &Fixture) -> Result<Vec<String>> {
    let mut admin = fixture.admin()?;
    let tables = admin.query(
        "select c.oid::regclass::text from pg_class as c
         where c.relkind = 'r' and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
            and c.oid <> 'auth.verified_token'::regclass
         order by 1",
        &[],
    )?;
    let mut all = Vec::new();
    for table in &tables {
        let table: String = table.get(0);
        let sql = format!(
            "select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} as t"
        );
        let digest: String = admin.query_one(&sql, &[])?.get(0);
        all.push(format!("{table} {digest}"));
    }
    assert!(all.len() > 40, "{all:?}");
    Ok(all)
}

#[test]
fn a_dry_run_tells_every_reason_at_once_and_writes_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    let huge = pending(&fixture, 999_999_999_999_999_999)?;
    let good = pending(&fixture, 1_000)?;
    let moved = verified(&fixture, 1_000)?;
    let expiring = {
        let mut body = proposal(1_000);
        let day = OffsetDateTime::now_utc().date() + Duration::days(30);
        body["expires_at"] = json!(format!("{day}T00:00:00Z"));
        propose(&fixture, "alice", &body)?
    };
    fixture.admin()?.batch_execute(&format!(
        "set session_replication_role = replica;
         alter table capital.settlement disable trigger all;
         update capital.settlement set created_at = '2019-01-01', expires_at = '2020-01-01'
         where settlement_id = '{expiring}';
         alter table capital.settlement enable trigger all;"
    ))?;
    let before = everything(&fixture)?;
    let mut direct = Direct::new(&fixture);
    for (person, settlement, expected) in [
        ("bob", &good, ""),
        ("alice", &good, "role-missing, four-eyes"),
        ("carol", &good, "role-missing"),
        ("bob", &huge, "facility-limit, insufficient-capital"),
        (
            "alice",
            &huge,
            "role-missing, four-eyes, facility-limit, insufficient-capital",
        ),
        ("bob", &moved, "illegal-transition"),
        (
            "alice",
            &moved,
            "role-missing, four-eyes, illegal-transition",
        ),
        ("bob", &expiring, "expired"),
    ] {
        let (body, names) = told(&fixture, person, settlement)?;
        assert_eq!(names, expected, "{person}: {body}");
        assert_eq!(body["settlement_id"], **settlement);
        // Again, as the login itself: the transaction cannot write any more.
        let client = direct.client("get-verification")?;
        client.batch_execute("begin")?;
        let arguments = format!("{}, '{settlement}'", token(&fixture, person)?);
        client.simple_query(&call("get-verification", &arguments))?;
        let fixed = barrier(client.batch_execute("set transaction read write"));
        assert!(fixed.starts_with("25001"), "{fixed}");
        client.batch_execute("rollback")?;
    }
    assert_eq!(everything(&fixture)?, before);

    // The figures are those that the member reads elsewhere.
    let (body, _) = told(&fixture, "carol", &huge)?;
    let facility = fixture
        .person("carol")
        .get(&format!("/v1/facilities/{}", USD_FACILITY.id))?
        .json();
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<i64>().ok());
    let room = number(&facility["limit_minor"])
        .zip(number(&facility["utilised_minor"]))
        .map(|(limit, utilised)| (limit - utilised).to_string());
    assert_eq!(body["reasons"][1]["room_minor"].as_str(), room.as_deref());
    let positions = fixture.person("carol").get("/v1/positions")?.json();
    let dollars = positions["currencies"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["currency"] == "USD"))
        .context("dollars")?;
    assert_eq!(
        body["reasons"][2]["available_minor"],
        dollars["available_minor"]
    );
    assert_books(&mut fixture.admin()?)
}

/// An allocator without any capital in the currency is told so.
#[test]
fn a_dry_run_needs_no_account() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut body = proposal(1);
    body["facility_id"] = json!(EUR_FACILITY.id.to_string());
    body["currency"] = json!("EUR");
    let answer = fixture
        .person("mallory")
        .post("/v1/settlements", &idempotency_key(), &body)?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json()["id"].as_str().context("an id")?.to_owned();
    let accounts = "select count(*) from capital.account where currency = 'EUR' and kind = 'available'
        and allocator_id = (select allocator_id from capital.settlement where settlement_id = $1::text::uuid)";
    let has: i64 = fixture.admin()?.query_one(accounts, &[&id])?.get(0);
    assert_eq!(has, 0);
    let (body, names) = told(&fixture, "mallory", &id)?;
    assert!(names.ends_with("insufficient-capital"), "{body}");
    let last = body["reasons"].as_array().and_then(|all| all.last());
    assert_eq!(last.context("a reason")?["available_minor"], "0");
    Ok(())
}

/// What belongs to others is 404. Of a facility that is not there any more, neither room nor collateral is told.
#[test]
fn a_dry_run_is_no_oracle() -> Result<()> {
    let fixture = Fixture::new()?;
    let theirs = pending(&fixture, 1_000)?;
    let strange = |id: &str| -> Result<Value> {
        let answer = fixture.person("mallory").get(&of(id, "verification"))?;
        assert_eq!(answer.status, 404, "{}", answer.text());
        let mut body = answer.json();
        body.as_object_mut()
            .context("a problem")?
            .remove("request_id");
        Ok(body)
    };
    assert_eq!(strange(&theirs)?, strange(&Uuid::new_v4().to_string())?);

    let say = |kind: &str, facility: &str| {
        let data = admission(facility, BOREALIS);
        fixture.agent(PLATFORM).deliver(&delivery(kind, &data))
    };
    let mut secured = SecuredFacility::good(&fixture, &[1_000])?;
    secured.admit(BOREALIS)?;
    secured.maker = "mallory";
    let facility = secured.terms.facility.to_string();
    let waiting = secured.proposed(999_999_999_999_999)?;
    let (seen, names) = told(&fixture, "mallory", &waiting)?;
    assert_eq!(
        names, "four-eyes, collateral-deficient, facility-limit, insufficient-capital",
        "{seen}"
    );
    assert_eq!(seen["borrowing_base"]["base_minor"], "850");
    assert_eq!(refusal(&say("facility.excluded", &facility)?), "");
    let (hidden, names) = told(&fixture, "mallory", &waiting)?;
    assert_eq!(
        names, "four-eyes, not-found, insufficient-capital",
        "{hidden}"
    );
    assert_eq!(hidden["reasons"][1]["resource"], "facility");
    assert_eq!(hidden["borrowing_base"], json!(null));
    assert_eq!(hidden["notice"], json!(null));
    // The capital is her own allocator's.
    let positions = fixture.person("mallory").get("/v1/positions")?.json();
    let dollars = positions["currencies"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["currency"] == "USD"))
        .context("dollars")?;
    assert_eq!(
        hidden["reasons"][2]["available_minor"],
        dollars["available_minor"]
    );
    Ok(())
}

fn detail(fixture: &Fixture, person: &str, settlement: &str) -> Result<Vec<Value>> {
    let answer = fixture
        .person(person)
        .get(&format!("/v1/settlements/{settlement}"))?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let refusals = answer.json()["refusals"].take();
    Ok(refusals.as_array().context("refusals")?.clone())
}

#[test]
fn refusals_are_there_for_the_makers_to_see() -> Result<()> {
    let fixture = Fixture::new()?;
    let huge = pending(&fixture, 999_999_999_999_999_999)?;
    let own = {
        let mut body = proposal(1_000);
        body["value_date"] = json!(value_date());
        propose(&fixture, "mallory", &body)?
    };
    assert_eq!(detail(&fixture, "alice", &huge)?, [] as [Value; 0]);
    let mut expected = Vec::new();
    for (person, action) in [
        ("alice", "verify"),
        ("bob", "verify"),
        // Another allocator's: recorded for it, and for nobody else to see.
        ("mallory", "verify"),
        ("carol", "cancel"),
        ("bob", "cancel"),
        ("bob", "verify"),
    ] {
        let client = fixture.person(person);
        let answer = client.post_empty(&of(&huge, action), &idempotency_key())?;
        if person == "mallory" || answer.status == 200 {
            continue;
        }
        let mut problem = answer.json();
        let members = problem.as_object_mut().context("a problem")?;
        members.remove("request_id");
        let commitment = members.remove("commitment").context("a commitment")?;
        expected.insert(
            0,
            json!({
                "commitment_id": commitment["id"], "operation": format!("{action}-settlement"),
                "actor": {
                    "kind": "human", "id": client.person.sub.to_string(), "name": client.person.display_name,
                },
                "at": commitment["committed_at"], "problem": problem,
            }),
        );
    }
    assert_eq!(expected.len(), 4);
    for person in ["alice", "carol"] {
        assert_eq!(detail(&fixture, person, &huge)?, expected, "{person}");
    }
    assert_eq!(
        expected[0]["problem"]["type"],
        "urn:optkas:problem:illegal-transition"
    );
    // Each is a commitment that its allocator reads.
    for one in &expected {
        let id = one["commitment_id"].as_str().context("an id")?;
        let entry = fixture
            .person("alice")
            .get(&format!("/v1/commitments/{id}"))?
            .json();
        assert_eq!(entry["outcome"], "refused");
        assert_eq!(entry["resource_id"], huge);
    }
    // Alice tried mallory's, which adds nothing to what mallory sees.
    fixture
        .person("bob")
        .post_empty(&of(&own, "verify"), &idempotency_key())?;
    assert_eq!(detail(&fixture, "mallory", &own)?, [] as [Value; 0]);
    Ok(())
}

/// However often, and at whatever length, somebody was refused: the reply is the newest that it has room for.
#[test]
fn refusals_are_bounded() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlement = pending(&fixture, 1_000)?;
    let mut direct = Direct::new(&fixture);
    for _ in 0..25 {
        let rest = format!("'{settlement}'");
        let reply = direct.human("verify-settlement", "carol", &idempotency_key(), &rest)?;
        assert_eq!(reply.name(), "refused role-missing");
    }
    let refusals = detail(&fixture, "alice", &settlement)?;
    assert_eq!(refusals.len(), 20);
    let at: Vec<_> = refusals.iter().map(|one| one["at"].as_str()).collect();
    assert!(at.is_sorted_by(|newer, older| newer >= older), "{at:?}");

    // As no request of today makes them: each longer than half of what a reply has room for.
    fixture.admin()?.batch_execute(&format!(
        "begin; set session_replication_role = replica;
         alter table ledger.commitment_ledger disable trigger all;
         alter table ledger.commitment_outcome disable trigger all;
         with made as (
             insert into ledger.commitment_ledger
                 (key, fingerprint, principal_kind, principal_id, operation, resource, attempt)
             select sha256(n::text::bytea), sha256(''), 'human', gen_random_uuid()::text, 'verify-settlement',
                 '{settlement}', 'a'
             from generate_series(1, 4) as n
             returning key
         )
         insert into ledger.commitment_outcome
             (key, principal_kind, principal_id, allocator_id, outcome, refusal, body, epoch, leaf)
         select key, 'human', gen_random_uuid()::text, '{}', 'refused', 'four-eyes',
             jsonb_build_object('commitment', 1, 'filler', repeat('x', 1500000)), 1,
             '{{\"resource_id\":\"{settlement}\"}}'
         from made;
         alter table ledger.commitment_ledger enable trigger all;
         alter table ledger.commitment_outcome enable trigger all;
         commit",
        AURORA.id
    ))?;
    let reply = direct.read("get-settlement", "alice", &format!("'{settlement}'"))?;
    let shown = reply.body["refusals"].as_array().context("refusals")?;
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[0]["problem"]["refusal"], "four-eyes");
    Ok(())
}

/// Who may not verify, or may not verify this one, makes the database compute nothing of the collateral: that is the
/// dearest part, and the first reason is the answer.
#[test]
fn who_is_refused_for_a_role_costs_no_borrowing_base() -> Result<()> {
    let fixture = Fixture::new()?;
    let secured = SecuredFacility::good(&fixture, &[1_000])?;
    let settlement = secured.proposed(100)?;
    fixture.admin()?.batch_execute(&format!(
        "alter role {} set track_functions = 'all'",
        login("verify-settlement")
    ))?;
    let mut direct = Direct::new(&fixture);
    for (person, expected, computed) in [
        ("carol", "refused role-missing", "0"),
        ("alice", "refused role-missing", "0"),
        ("bob", "accepted", "1"),
    ] {
        direct
            .client("verify-settlement")?
            .batch_execute("begin isolation level serializable")?;
        let rest = format!("'{settlement}'");
        let reply = direct.human("verify-settlement", person, &idempotency_key(), &rest)?;
        let calls = direct.client("verify-settlement")?.simple_query(
            "select coalesce(sum(calls), 0) from pg_stat_xact_user_functions where funcname = 'cover_verdict'",
        )?;
        direct
            .client("verify-settlement")?
            .batch_execute("rollback")?;
        assert_eq!(reply.name(), expected, "{person}");
        let calls = calls.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        assert_eq!(calls, Some(computed), "{person}");
    }
    Ok(())
}

/// What others were refused does not slow a reader down: the index finds the settlement's own, in their order, past
/// row-level security and by a plan that knows no values.
#[test]
fn refusals_are_found_in_the_index() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut owner = fixture.admin()?;
    owner.batch_execute(
        "set role optkas_owner; set enable_seqscan = off; set plan_cache_mode = force_generic_plan;
         prepare refusals(uuid, text) as
             select o.key from ledger.commitment_outcome as o
             where o.allocator_id = $1 and o.refused_resource = $2
             order by o.committed_at desc limit 20",
    )?;
    let plan = owner.query("explain execute refusals(null, null)", &[])?;
    let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("commitment_outcome_refused_idx"), "{plan}");
    assert!(
        plan.contains("Index Cond: ((allocator_id = $1) AND (refused_resource = $2))"),
        "{plan}"
    );
    assert!(!plan.contains("Sort"), "{plan}");
    Ok(())
}
