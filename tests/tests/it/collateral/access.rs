//! Who sees a facility's collateral, and who may speak of it.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::http::Response;
use tests::rig::Rig;
use tests::world::{
    AURORA, BOREALIS, COLLATERAL_AGENT, PLATFORM, Secured, Told, delivery, idempotency_key,
};
use uuid::Uuid;

use super::scene::{Scene, refusal};
use crate::direct::{Direct, Reply, quote};
use crate::settlements::{of, propose};
use crate::support::{assert_books, count};

fn read(rig: &Rig, person: &str, facility: Uuid, part: &str) -> Result<Response> {
    rig.person(person)
        .get(&format!("/v1/facilities/{facility}{part}"))
}

fn listed(rig: &Rig, person: &str) -> Result<Vec<String>> {
    let answer = rig.person(person).get("/v1/facilities?limit=100")?.json();
    let facilities = answer["facilities"].as_array().context("facilities")?;
    Ok(facilities
        .iter()
        .filter_map(|facility| facility["id"].as_str().map(str::to_owned))
        .collect())
}

/// A reply without what names the one request.
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
fn a_facility_is_there_for_who_leads_it_or_has_a_settlement_in_it() -> Result<()> {
    let rig = Rig::new()?;
    let scene = Scene::good(&rig, &[1_000])?;
    let facility = scene.terms.facility;
    let release = scene.requested(&scene.release(&scene.pledged))?;
    let parts = ["", "/collateral"];
    let not_there = |person: &str| -> Result<()> {
        for part in parts {
            let answer = read(&rig, person, facility, part)?;
            assert_eq!(answer.status, 404, "{person} {part}");
            // Not there and not yours cannot be told apart.
            let nowhere = read(&rig, person, Uuid::new_v4(), part)?;
            assert_eq!(nameless(&answer), nameless(&nowhere), "{person} {part}");
        }
        assert!(!listed(&rig, person)?.contains(&facility.to_string()));
        Ok(())
    };
    not_there("mallory")?;
    for person in ["alice", "bob", "carol"] {
        for part in parts {
            assert_eq!(read(&rig, person, facility, part)?.status, 200, "{person}");
        }
        assert!(listed(&rig, person)?.contains(&facility.to_string()));
    }

    let body = json!({
        "facility_id": facility.to_string(), "amount_minor": "7", "currency": "USD", "value_date": scene.day(9).to_string(),
    });
    let settlement = propose(&rig, "mallory", &body)?;
    for part in parts {
        assert_eq!(read(&rig, "mallory", facility, part)?.status, 200);
    }
    assert!(listed(&rig, "mallory")?.contains(&facility.to_string()));
    // She sees it, and lets nothing go.
    let asked = scene.request_by("mallory", &scene.release(&scene.pledged))?;
    assert_eq!((asked.status, &*refusal(&asked)), (403, "not-lead"));
    assert_eq!(
        refusal(&scene.approve_by("mallory", &release)?),
        "not-found"
    );

    let cancelled = rig
        .person("mallory")
        .post_empty(&of(&settlement, "cancel"), &idempotency_key())?;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    not_there("mallory")?;
    let asked = scene.request_by("mallory", &scene.release(&scene.pledged))?;
    assert_eq!(refusal(&asked), "not-found");
    assert_books(&mut rig.admin()?)
}

#[test]
fn an_allocator_beside_the_lead_draws_on_the_same_base() -> Result<()> {
    let rig = Rig::new()?;
    let mut scene = Scene::good(&rig, &[1_000])?;
    let eyes = json!({
        "allocator_id": BOREALIS.id.to_string(), "sub": crate::direct::ERIN.sub.to_string(), "role": "checker",
    });
    let granted = rig
        .agent(PLATFORM)
        .deliver(&delivery("member.granted", &eyes))?;
    assert_eq!(granted.status, 200, "{}", granted.text());
    scene.drawn(500)?;
    scene.maker = "mallory";
    let token = rig
        .issuer()
        .minter()
        .token(crate::direct::ERIN.sub, crate::direct::ERIN.name);
    let verify = |amount: u64| -> Result<Response> {
        let request = tests::http::Request::new("POST", &of(&scene.proposed(amount)?, "verify"))
            .header("authorization", &format!("Bearer {token}"))
            .header("idempotency-key", &idempotency_key());
        tests::http::Transport::send(&rig, &request)
    };
    assert_eq!(refusal(&verify(351)?), "availability-short");
    let answer = verify(350)?;
    assert_eq!(refusal(&answer), "");
    assert_eq!(answer.json()["borrowing_base"]["drawn_minor"], "500");
    Ok(())
}

/// Pages of facilities and of pledges: each thing once, in one order.
#[test]
fn facilities_and_pledges_come_a_page_at_a_time() -> Result<()> {
    let rig = Rig::new()?;
    let scene = Scene::good(&rig, &[1, 2, 3, 4, 5])?;
    for _ in 0..4 {
        Scene::open(&rig)?;
    }
    let pages = |path: &str, list: &str, id: &str| -> Result<Vec<String>> {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = rig
                .person("carol")
                .get(&format!("{path}?limit=2{cursor}"))?;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let mut body = answer.json();
            let page = body[list].take();
            let page = page.as_array().context("a page")?;
            assert!(!page.is_empty() && page.len() <= 2, "{page:?}");
            seen.extend(
                page.iter()
                    .filter_map(|it| it[id].as_str().map(str::to_owned)),
            );
            match body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(seen),
            }
        }
    };
    let pledges = pages(
        &format!("/v1/facilities/{}/collateral", scene.terms.facility),
        "pledges",
        "pledge_id",
    )?;
    let mut expected: Vec<String> = scene
        .pledged
        .iter()
        .map(|it| it.pledge.to_string())
        .collect();
    expected.sort();
    assert_eq!(pledges, expected);
    let facilities = pages("/v1/facilities", "facilities", "id")?;
    assert!(facilities.is_sorted(), "{facilities:?}");
    let led = format!(
        "select count(*) from capital.facility where lead_allocator_id = '{}'",
        AURORA.id
    );
    assert_eq!(
        facilities.len(),
        usize::try_from(count(&mut rig.admin()?, &led)?)?
    );
    Ok(())
}

/// As its login could: whoever has the secret of one agent speaks for no other, and for no other's facility.
#[test]
fn a_collateral_agent_speaks_of_the_facilities_that_name_it() -> Result<()> {
    const OTHER: &str = "collateral-two";
    let rig = Rig::new()?;
    let mut scene = Scene::good(&rig, &[1_000])?;
    let registered = json!({ "agent_id": OTHER, "kind": "collateral", "name": "Second Agency" });
    let answer = rig
        .agent(PLATFORM)
        .deliver(&delivery("agent.registered", &registered))?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let theirs = Secured::new(AURORA);
    scene.onboard(&theirs.opened().with("collateral_agent", OTHER))?;
    scene.onboard(&theirs.party(&theirs.debtor))?;

    let mut direct = Direct::new(&rig);
    let mut say = |agent: &str, told: &Told| -> Result<Reply> {
        let rest = format!("'{}', now(), {}", told.kind, quote(&told.data.to_string()));
        direct.agent("collateral-webhook", agent, &idempotency_key(), &rest)
    };
    let (ours, their_search) = (scene.new_pledge(), theirs.search(scene.today));
    assert_eq!(say(OTHER, &ours)?.name(), "refused not-found");
    assert_eq!(
        say(COLLATERAL_AGENT, &their_search)?.name(),
        "refused not-found"
    );
    assert_eq!(say(OTHER, &their_search)?.name(), "accepted");
    assert_eq!(say(COLLATERAL_AGENT, &ours)?.name(), "accepted");
    // Nor is any other agent one of collateral, the facility's own included.
    for agent in ["escrow-one", "settle-one", PLATFORM] {
        let reply = say(agent, &scene.new_pledge())?;
        assert_eq!(reply.name(), "refused not-found", "{agent}");
        assert_eq!(reply.body.get("commitment"), None, "{agent}");
    }
    scene.pledged.clear();
    assert_books(&mut rig.admin()?)
}

/// The platform says who the parties are; what was filed it does not say, and the agent not who they are.
#[test]
fn the_platform_and_the_agent_each_say_their_part() -> Result<()> {
    let rig = Rig::new()?;
    let scene = Scene::good(&rig, &[1_000])?;
    let party = scene.terms.party(&scene.terms.debtor);
    for (agent, told) in [
        (COLLATERAL_AGENT, &party),
        (COLLATERAL_AGENT, &scene.terms.rules()),
        (COLLATERAL_AGENT, &scene.terms.opened()),
        (PLATFORM, &scene.new_pledge()),
        (PLATFORM, &scene.terms.filing(scene.today)),
    ] {
        let answer = rig.agent(agent).deliver(&told.event())?;
        assert_eq!(
            answer.status,
            422,
            "{agent} {}: {}",
            told.kind,
            answer.text()
        );
        assert_eq!(answer.json()["errors"][0]["pointer"], "/type");
    }
    Ok(())
}

#[test]
fn a_secured_facility_names_an_agent_and_a_lead_that_are_there() -> Result<()> {
    let rig = Rig::new()?;
    let terms = Secured::new(AURORA);
    for (member, value, refused) in [
        ("collateral_agent", "escrow-one", "agent-kind"),
        ("collateral_agent", "collateral-nine", "agent-kind"),
        (
            "lead_allocator_id",
            &*Uuid::new_v4().to_string(),
            "not-found",
        ),
    ] {
        let told = terms.opened().with(member, value);
        let answer = rig.agent(PLATFORM).deliver(&told.event())?;
        assert_eq!(refusal(&answer), refused, "{value}: {}", answer.text());
        if refused == "agent-kind" {
            assert_eq!(answer.json()["member"], member);
            assert_eq!(answer.json()["required"], "collateral");
        }
    }
    // Nothing is left of them: the id is free.
    let opened = rig.agent(PLATFORM).deliver(&terms.opened().event())?;
    assert_eq!(refusal(&opened), "");
    let again = rig.agent(PLATFORM).deliver(&terms.opened().event())?;
    assert_eq!(refusal(&again), "already-exists");
    Ok(())
}

#[test]
fn a_setting_names_no_facility() -> Result<()> {
    let rig = Rig::new()?;
    let scene = Scene::good(&rig, &[1_000])?;
    scene.requested(&scene.release(&scene.pledged))?;
    let mut owner = rig.owner()?;
    let set = format!(
        "select set_config('optkas.facility', '{}', true)",
        scene.terms.facility
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
        let token = quote(&rig.person(name).token());
        format!("select auth.authenticate_member({token});")
    };
    assert_eq!(seen("")?, 0);
    assert_eq!(seen(&as_person("mallory"))?, 0);
    assert!(seen(&as_person("alice"))? > 0, "there is something to see");
    Ok(())
}
