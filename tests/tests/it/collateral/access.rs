//! Who sees a facility's collateral, and who may report on it.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Response;
use tests::sample_data::{
    AURORA, BOREALIS, COLLATERAL_AGENT, PLATFORM, SecuredTerms, USD_FACILITY, WebhookEvent,
    delivery, idempotency_key,
};
use uuid::Uuid;

use super::secured_facility::{SecuredFacility, refusal};
use crate::direct::{Direct, Reply, quote};
use crate::settlements::{admission, facility, fund, of, proposal, propose, report, verify};
use crate::support::{assert_books, count};

fn read(fixture: &Fixture, person: &str, facility_id: Uuid, part: &str) -> Result<Response> {
    fixture
        .person(person)
        .get(&format!("/v1/facilities/{facility_id}{part}"))
}

fn listed(fixture: &Fixture, person: &str) -> Result<Vec<String>> {
    let answer = fixture
        .person(person)
        .get("/v1/facilities?limit=100")?
        .json();
    let facilities = answer["data"].as_array().context("facilities")?;
    Ok(facilities
        .iter()
        .filter_map(|facility| facility["id"].as_str().map(str::to_owned))
        .collect())
}

/// A reply without the request's own id.
fn nameless(answer: &Response) -> Value {
    let mut body = answer.json();
    for name in ["request_id", "commitment"] {
        if let Some(body) = body.as_object_mut() {
            body.remove(name);
        }
    }
    body
}

#[test]
fn a_facility_is_visible_to_its_lead_and_to_admitted_allocators() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let facility_id = facility.terms.facility;
    let release = facility.requested(&facility.release(&facility.pledged))?;
    let id = release["id"].as_str().context("an id")?;
    let parts = ["", "/collateral", &format!("/filings/{}", facility.filing)];
    let by_id = |person: &str, id: &str| fixture.person(person).get(&format!("/v1/releases/{id}"));
    let not_there = |person: &str| -> Result<()> {
        for part in parts {
            let answer = read(&fixture, person, facility_id, part)?;
            assert_eq!(answer.status, 404, "{person} {part}");
            // A facility that does not exist and one of another allocator give the same answer.
            let nowhere = read(&fixture, person, Uuid::new_v4(), part)?;
            assert_eq!(nameless(&answer), nameless(&nowhere), "{person} {part}");
        }
        let (answer, nowhere) = (
            by_id(person, id)?,
            by_id(person, &Uuid::new_v4().to_string())?,
        );
        assert_eq!(answer.status, 404, "{person}");
        assert_eq!(nameless(&answer), nameless(&nowhere), "{person}");
        assert!(!listed(&fixture, person)?.contains(&facility_id.to_string()));
        Ok(())
    };
    not_there("mallory")?;
    for person in ["alice", "bob", "carol"] {
        for part in parts {
            assert_eq!(
                read(&fixture, person, facility_id, part)?.status,
                200,
                "{person}"
            );
        }
        assert_eq!(
            by_id(person, id)?.json()["created_by"],
            release["created_by"]
        );
        assert!(listed(&fixture, person)?.contains(&facility_id.to_string()));
    }

    let body = json!({
        "facility_id": facility_id.to_string(), "amount_minor": "7", "currency": "USD",
        "value_date": facility.day(9).to_string(),
    });
    // Whatever she proposes, the facility is not there. Not even its currency is told.
    for currency in ["USD", "EUR"] {
        let mut body = body.clone();
        body["currency"] = json!(currency);
        let refused = proposed_by_mallory(&fixture, &body)?;
        assert_eq!(refused.status, 404, "{}", refused.text());
        body["facility_id"] = json!(Uuid::new_v4().to_string());
        let nowhere = proposed_by_mallory(&fixture, &body)?;
        assert_eq!(nameless(&refused), nameless(&nowhere));
    }
    not_there("mallory")?;

    // Once admitted she sees it before she proposes, with its currency and its room.
    let admission = admission(&facility_id.to_string(), BOREALIS);
    let say = |kind: &str| fixture.agent(PLATFORM).deliver(&delivery(kind, &admission));
    assert_eq!(refusal(&say("facility.excluded")?), "not-admitted");
    assert_eq!(refusal(&say("facility.admitted")?), "");
    assert_eq!(refusal(&say("facility.admitted")?), "already-exists");
    let shown = read(&fixture, "mallory", facility_id, "")?;
    assert_eq!(shown.status, 200);
    for member in ["currency", "limit_minor", "utilised_minor"] {
        assert!(shown.json()[member].is_string(), "{member}");
    }
    let collateral = read(&fixture, "mallory", facility_id, "/collateral")?;
    assert_eq!(collateral.status, 200);
    // She sees that a release is asked for, and not by whom.
    assert_eq!(collateral.json()["releases"][0]["id"], release["id"]);
    assert_eq!(collateral.json()["releases"][0]["created_by"], Value::Null);
    assert!(release["created_by"].is_string());
    assert!(listed(&fixture, "mallory")?.contains(&facility_id.to_string()));
    // She may read the facility, but not release from it.
    let asked = facility.request_by("mallory", &facility.release(&facility.pledged))?;
    assert_eq!((asked.status, &*refusal(&asked)), (403, "not-lead"));
    assert_eq!(
        refusal(&facility.approve_by("mallory", &release)?),
        "not-found"
    );

    // What she proposed keeps nothing open for her.
    let settlement = propose(&fixture, "mallory", &body)?;
    assert_eq!(refusal(&say("facility.excluded")?), "");
    not_there("mallory")?;
    let own = fixture
        .person("mallory")
        .get(&format!("/v1/settlements/{settlement}"))?;
    assert_eq!(own.status, 200);
    let cancelled = fixture
        .person("mallory")
        .post_empty(&of(&settlement, "cancel"), &idempotency_key())?;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    let asked = facility.request_by("mallory", &facility.release(&facility.pledged))?;
    assert_eq!(refusal(&asked), "not-found");
    assert_books(&mut fixture.admin()?)
}

fn proposed_by_mallory(fixture: &Fixture, body: &Value) -> Result<Response> {
    fixture
        .person("mallory")
        .post("/v1/settlements", &idempotency_key(), body)
}

#[test]
fn an_admitted_allocator_finds_a_facility_before_it_proposes() -> Result<()> {
    let fixture = Fixture::new()?;
    let id = Uuid::new_v4().to_string();
    for (kind, data) in [
        ("facility.opened", facility(&id, 1_000)),
        ("facility.admitted", admission(&id, AURORA)),
    ] {
        let answer = fixture.agent(PLATFORM).deliver(&delivery(kind, &data))?;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let found = || -> Result<Option<Value>> {
        let page = fixture.person("alice").get("/v1/facilities?limit=100")?;
        let page = page.json();
        let all = page["data"].as_array().context("facilities")?;
        Ok(all.iter().find(|one| one["id"] == id).cloned())
    };
    let expect = |utilised: &str, room: &str| -> Result<()> {
        let one = found()?.context("the facility is listed")?;
        let expected = [
            ("name", "Northern Lights Warehouse"),
            ("currency", "USD"),
            ("limit_minor", "1000"),
            ("utilised_minor", utilised),
            ("room_minor", room),
        ];
        for (member, value) in expected {
            assert_eq!(one[member], value, "{member}: {one}");
        }
        Ok(())
    };
    expect("0", "1000")?;
    assert!(!listed(&fixture, "mallory")?.contains(&id));
    // What is listed is all that a proposal needs.
    let mut body = proposal(400);
    body["facility_id"] = json!(id);
    let settlement = propose(&fixture, "alice", &body)?;
    expect("0", "1000")?;
    verify(&fixture, &settlement)?;
    expect("400", "600")
}

/// Alice's allocator is admitted to the US dollar facility, and leads none.
#[test]
fn an_excluded_allocator_verifies_nothing_more_and_sees_what_holds_its_money() -> Result<()> {
    let fixture = Fixture::new()?;
    let room = USD_FACILITY.id;
    let (running, waiting) = (
        propose(&fixture, "alice", &proposal(100))?,
        propose(&fixture, "alice", &proposal(100))?,
    );
    verify(&fixture, &running)?;
    let excluded = delivery("facility.excluded", &admission(&room.to_string(), AURORA));
    assert_eq!(fixture.agent(PLATFORM).deliver(&excluded)?.status, 200);
    let refused = fixture
        .person("bob")
        .post_empty(&of(&waiting, "verify"), &idempotency_key())?;
    assert_eq!(refusal(&refused), "not-found");
    assert_eq!(refused.json()["resource"], "facility");
    let again =
        fixture
            .person("alice")
            .post("/v1/settlements", &idempotency_key(), &proposal(1))?;
    assert_eq!(refusal(&again), "not-found");

    // What is verified goes on, and the facility is seen for as long as it has the money.
    assert_eq!(read(&fixture, "carol", room, "")?.status, 200);
    fund(&fixture, &running, 100)?;
    let completed = delivery("settlement.completed", &report("", &running, 100)["data"]);
    assert_eq!(fixture.agent("settle-one").deliver(&completed)?.status, 200);
    assert_eq!(read(&fixture, "carol", room, "")?.status, 200);
    assert!(listed(&fixture, "carol")?.contains(&room.to_string()));

    // Without money in it, it is gone: a verified settlement that is cancelled gives its room back.
    let other = Fixture::new()?;
    let settlement = propose(&other, "alice", &proposal(100))?;
    verify(&other, &settlement)?;
    assert_eq!(other.agent(PLATFORM).deliver(&excluded)?.status, 200);
    assert_eq!(read(&other, "carol", room, "")?.status, 200);
    let cancelled = other
        .person("alice")
        .post_empty(&of(&settlement, "cancel"), &idempotency_key())?;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    assert_eq!(read(&other, "carol", room, "")?.status, 404);
    // Nor is its name seen any more, beside the id that the settlement keeps.
    let shown = other
        .person("carol")
        .get(&format!("/v1/settlements/{settlement}"))?
        .json();
    assert_eq!(shown["facility_id"], json!(room));
    assert_eq!(shown["facility_name"], Value::Null);
    let utilised = format!(
        "select sum(utilised_minor)::int8 from capital.facility_slot where facility_id = '{room}'"
    );
    assert_eq!(count(&mut other.admin()?, &utilised)?, 0);
    assert_books(&mut other.admin()?)?;
    assert_books(&mut fixture.admin()?)
}

#[test]
fn an_allocator_beside_the_lead_draws_on_the_same_base() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::good(&fixture, &[1_000])?;
    let eyes = json!({
        "allocator_id": BOREALIS.id.to_string(), "sub": crate::direct::ERIN.sub.to_string(), "role": "checker",
    });
    let granted = fixture
        .agent(PLATFORM)
        .deliver(&delivery("member.granted", &eyes))?;
    assert_eq!(granted.status, 200, "{}", granted.text());
    facility.drawn(500)?;
    facility.admit(BOREALIS)?;
    facility.maker = "mallory";
    let token = fixture
        .issuer()
        .minter()
        .token(crate::direct::ERIN.sub, crate::direct::ERIN.name);
    let verify = |amount: u64| -> Result<Response> {
        let request = tests::http::Request::new("POST", &of(&facility.proposed(amount)?, "verify"))
            .header("authorization", &format!("Bearer {token}"))
            .header("idempotency-key", &idempotency_key());
        tests::http::Transport::send(&fixture, &request)
    };
    assert_eq!(refusal(&verify(351)?), "availability-short");
    let answer = verify(350)?;
    assert_eq!(refusal(&answer), "");
    assert_eq!(answer.json()["borrowing_base"]["drawn_minor"], "500");
    Ok(())
}

/// A filing, and a release whatever became of it, by itself: as the lists show it, in its own facility alone.
#[test]
fn a_filing_and_a_release_are_read_by_themselves() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000, 1_000])?;
    let other = SecuredFacility::good(&fixture, &[])?;
    facility.amend("continuation", -1, |event| event)?;
    let release = facility.requested(&facility.release(&facility.pledged[..1]))?;
    let by_itself = |of: &SecuredFacility<'_>, part: String| -> Result<Response> {
        read(&fixture, "carol", of.terms.facility, &part)
    };
    let listed = facility.collateral()?;

    let answer = by_itself(&facility, format!("/filings/{}", facility.filing))?;
    let mut filing = answer.json();
    let members = filing.as_object_mut().context("a filing")?;
    assert_eq!(
        members.remove("facility_id"),
        Some(json!(facility.terms.facility.to_string()))
    );
    assert_eq!(members.remove("notice"), Some(listed["notice"].clone()));
    assert_eq!(filing, listed["filings"][0]);
    let elsewhere = by_itself(&other, format!("/filings/{}", facility.filing))?;
    assert_eq!(refusal(&elsewhere), "not-found");

    let id = release["id"].as_str().context("an id")?;
    let path = format!("/v1/releases/{id}");
    let carol = fixture.person("carol");
    assert_eq!(carol.get(&path)?.json(), listed["releases"][0]);
    // The list has what waits; what was decided is still there to be read.
    facility.approve_by(facility.checker, &release)?;
    assert_eq!(facility.collateral()?["releases"], json!([]));
    let answer = carol.get(&path)?.json();
    assert_eq!(answer["status"], "APPROVED");
    assert_eq!(answer["content_sha256"], release["content_sha256"]);
    for path in ["/filings/x", "/filings/x/y"] {
        assert_eq!(by_itself(&facility, path.to_owned())?.status, 404, "{path}");
    }
    assert_eq!(carol.get("/v1/releases/x")?.status, 404);
    Ok(())
}

/// Pages of facilities and of pledges: each thing once, in one order.
#[test]
fn facilities_and_pledges_are_paged() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1, 2, 3, 4, 5])?;
    for _ in 0..4 {
        SecuredFacility::open(&fixture)?;
    }
    let pages = |path: &str, list: &str| -> Result<Vec<String>> {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = fixture
                .person("carol")
                .get(&format!("{path}?limit=2{cursor}"))?;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let mut body = answer.json();
            let page = body[list].take();
            let page = page.as_array().context("a page")?;
            assert!(!page.is_empty() && page.len() <= 2, "{page:?}");
            seen.extend(
                page.iter()
                    .filter_map(|it| it["id"].as_str().map(str::to_owned)),
            );
            match body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(seen),
            }
        }
    };
    let pledges = pages(
        &format!("/v1/facilities/{}/collateral", facility.terms.facility),
        "pledges",
    )?;
    let mut expected: Vec<String> = facility
        .pledged
        .iter()
        .map(|it| it.pledge.to_string())
        .collect();
    expected.sort();
    assert_eq!(pledges, expected);
    let facilities = pages("/v1/facilities", "data")?;
    assert!(facilities.is_sorted(), "{facilities:?}");
    let led = format!(
        "select (select count(*) from capital.facility where lead_allocator_id = '{0}')
            + (select count(*) from capital.admission where allocator_id = '{0}')",
        AURORA.id
    );
    assert_eq!(
        facilities.len(),
        usize::try_from(count(&mut fixture.admin()?, &led)?)?
    );
    Ok(())
}

/// Called as the endpoint's login: the secret of one agent serves for no other agent, and for no other agent's
/// facility.
#[test]
fn a_collateral_agent_reports_only_on_facilities_that_name_it() -> Result<()> {
    const OTHER: &str = "collateral-two";
    let fixture = Fixture::new()?;
    let mut facility = SecuredFacility::good(&fixture, &[1_000])?;
    let registered = json!({ "agent_id": OTHER, "kind": "collateral", "name": "Second Agency" });
    let answer = fixture
        .agent(PLATFORM)
        .deliver(&delivery("agent.registered", &registered))?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let theirs = SecuredTerms::new(AURORA);
    facility.onboard(&theirs.opened().with("collateral_agent_id", OTHER))?;
    facility.onboard(&theirs.party(&theirs.debtor))?;

    let mut direct = Direct::new(&fixture);
    let mut say = |agent: &str, event: &WebhookEvent| -> Result<Reply> {
        let rest = format!("'{}', {}", event.kind, quote(&event.data.to_string()));
        direct.agent("collateral-webhook", agent, &idempotency_key(), &rest)
    };
    let (ours, their_search) = (facility.new_pledge(), theirs.search(facility.day(-1)));
    assert_eq!(say(OTHER, &ours)?.name(), "refused not-found");
    assert_eq!(
        say(COLLATERAL_AGENT, &their_search)?.name(),
        "refused not-found"
    );
    assert_eq!(say(OTHER, &their_search)?.name(), "accepted");
    assert_eq!(say(COLLATERAL_AGENT, &ours)?.name(), "accepted");
    // Agents of other kinds cannot report on collateral, not even those of the facility.
    for agent in ["escrow-one", "settle-one", PLATFORM] {
        let reply = say(agent, &facility.new_pledge())?;
        assert_eq!(reply.name(), "refused not-found", "{agent}");
        assert_eq!(reply.body.get("commitment"), None, "{agent}");
    }
    facility.pledged.clear();
    assert_books(&mut fixture.admin()?)
}

/// The platform records parties but no filings; the agent records filings but no parties.
#[test]
fn the_platform_and_the_agent_cannot_send_each_others_events() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let party = facility.terms.party(&facility.terms.debtor);
    for (agent, event) in [
        (COLLATERAL_AGENT, &party),
        (COLLATERAL_AGENT, &facility.terms.rules()),
        (COLLATERAL_AGENT, &facility.terms.opened()),
        (PLATFORM, &facility.new_pledge()),
        (PLATFORM, &facility.terms.filing(facility.day(-1))),
    ] {
        let answer = fixture.agent(agent).deliver(&event.delivery())?;
        assert_eq!(
            answer.status,
            422,
            "{agent} {}: {}",
            event.kind,
            answer.text()
        );
        assert_eq!(answer.json()["errors"][0]["pointer"], "/type");
    }
    Ok(())
}

#[test]
fn a_secured_facility_names_a_known_agent_and_a_known_lead() -> Result<()> {
    let fixture = Fixture::new()?;
    let terms = SecuredTerms::new(AURORA);
    for (member, value, refused) in [
        ("collateral_agent_id", "escrow-one", "agent-kind"),
        ("collateral_agent_id", "collateral-nine", "agent-kind"),
        (
            "lead_allocator_id",
            &*Uuid::new_v4().to_string(),
            "not-found",
        ),
    ] {
        let event = terms.opened().with(member, value);
        let answer = fixture.agent(PLATFORM).deliver(&event.delivery())?;
        assert_eq!(refusal(&answer), refused, "{value}: {}", answer.text());
        if refused == "agent-kind" {
            assert_eq!(answer.json()["member"], member);
            assert_eq!(answer.json()["required_kind"], "collateral");
        }
    }
    // The refused facilities leave nothing behind: their id is free.
    let opened = fixture
        .agent(PLATFORM)
        .deliver(&terms.opened().delivery())?;
    assert_eq!(refusal(&opened), "");
    let again = fixture
        .agent(PLATFORM)
        .deliver(&terms.opened().delivery())?;
    assert_eq!(refusal(&again), "already-exists");
    Ok(())
}

#[test]
fn a_session_setting_opens_no_facility() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    facility.requested(&facility.release(&facility.pledged))?;
    let mut owner = fixture.owner()?;
    let set = format!(
        "select set_config('optkas.facility', '{}', true)",
        facility.terms.facility
    );
    let rows =
        "select (select count(*) from collateral.party) + (select count(*) from collateral.filing)
        + (select count(*) from collateral.pledge) + (select count(*) from collateral.holding)
        + (select count(*) from collateral.release) + (select count(*) from collateral.rules)";
    let mut seen = |presented: &str| -> Result<i64> {
        owner.batch_execute(&format!(
            "begin isolation level serializable; {presented} {set}"
        ))?;
        let seen = count(&mut owner, rows)?;
        owner.batch_execute("rollback")?;
        Ok(seen)
    };
    let as_person = |name: &str| {
        let token = quote(&fixture.person(name).token());
        format!("select auth.authenticate_member({token});")
    };
    assert_eq!(seen("")?, 0);
    assert_eq!(seen(&as_person("mallory"))?, 0);
    assert!(seen(&as_person("alice"))? > 0, "there is something to see");
    Ok(())
}
