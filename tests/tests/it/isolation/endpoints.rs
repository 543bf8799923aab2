//! The real endpoints with a good token of another allocator: its requests see nothing of this allocator.

use anyhow::{Context, Result};
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{
    AURORA, BOREALIS, EUR_FACILITY, PLATFORM, USD_FACILITY, delivery, idempotency_key,
};

use super::settlements;

#[test]
fn another_allocators_settlement_is_not_there() -> Result<()> {
    let fixture = Fixture::new()?;
    let ids = settlements(&fixture)?;
    let (alice, mallory) = (fixture.person("alice"), fixture.person("mallory"));
    let nowhere = "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10";
    for aurora in [&ids[0], &ids[1]] {
        for action in ["", "/verify", "/cancel"] {
            let ask = |id: &str| -> Result<(u16, Value)> {
                let path = format!("/v1/settlements/{id}{action}");
                let answer = if action.is_empty() {
                    mallory.get(&path)?
                } else {
                    mallory.post_empty(&path, &idempotency_key())?
                };
                let mut body = answer.json();
                for of_this_request in ["request_id", "commitment"] {
                    body.as_object_mut()
                        .context("a problem")?
                        .remove(of_this_request);
                }
                Ok((answer.status, body))
            };
            let (status, problem) = ask(aurora)?;
            assert_eq!(
                (status, &problem["type"]),
                (404, &json!("urn:optkas:problem:not-found")),
                "{action}"
            );
            // A facility that does not exist and one of another allocator give the same answer.
            assert_eq!((status, problem), ask(nowhere)?, "{action}");
        }
        assert_eq!(alice.get(&format!("/v1/settlements/{aurora}"))?.status, 200);
    }
    assert_eq!(
        alice.get(&format!("/v1/settlements/{}", ids[1]))?.json()["status"],
        "PENDING"
    );
    Ok(())
}

#[test]
fn another_allocators_settlements_are_in_no_list() -> Result<()> {
    let fixture = Fixture::new()?;
    let ids = settlements(&fixture)?;
    let mallory = fixture.person("mallory");
    let listed = |query: &str| -> Result<Vec<String>> {
        let answer = mallory.get(&format!("/v1/settlements{query}"))?;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let body = answer.json();
        let settlements = body["data"].as_array().context("a list")?;
        assert!(
            settlements
                .iter()
                .all(|settlement| settlement["allocator_id"] == BOREALIS.id.to_string())
        );
        Ok(settlements
            .iter()
            .filter_map(|settlement| settlement["id"].as_str().map(str::to_owned))
            .collect())
    };
    let own = vec![ids[2].clone()];
    let none: Vec<String> = Vec::new();
    let page = fixture
        .person("alice")
        .get("/v1/settlements?limit=1")?
        .json();
    let cursor = page["next_cursor"]
        .as_str()
        .context("alice has two settlements")?;
    assert_eq!(listed("")?, own);
    assert_eq!(listed(&format!("?facility_id={}", USD_FACILITY.id))?, own);
    assert_eq!(listed(&format!("?facility_id={}", EUR_FACILITY.id))?, none);
    assert_eq!(listed("?status=SETTLED")?, none);
    // Alice's page ends before mallory's settlement, which is newer: the rest holds alice's own only.
    assert_eq!(listed(&format!("?cursor={cursor}"))?, none);
    assert_eq!(
        listed(&format!("?cursor={cursor}&facility_id={}", EUR_FACILITY.id))?,
        none
    );
    Ok(())
}

#[test]
fn another_allocators_commitments_audit_and_positions_are_not_there() -> Result<()> {
    let fixture = Fixture::new()?;
    settlements(&fixture)?;
    let (alice, mallory) = (fixture.person("alice"), fixture.person("mallory"));
    let entries = |person: &str| -> Result<Vec<Value>> {
        let answer = fixture.person(person).get("/v1/audit?limit=100")?;
        Ok(answer.json()["data"].as_array().context("entries")?.clone())
    };
    let (aurora, borealis) = (entries("alice")?, entries("mallory")?);
    assert!(!aurora.is_empty() && !borealis.is_empty());
    for (entries, stranger) in [(&aurora, BOREALIS), (&borealis, AURORA)] {
        let text = json!(entries).to_string();
        assert!(
            !text.contains(&stranger.id.to_string()),
            "{} is named in another's trail",
            stranger.name
        );
    }
    for entry in &aurora {
        let path = format!(
            "/v1/commitments/{}",
            entry["commitment_id"].as_str().context("a commitment")?
        );
        assert_eq!(
            (alice.get(&path)?.status, mallory.get(&path)?.status),
            (200, 404),
            "{path}"
        );
    }
    let own = alice.get("/v1/audit?limit=1")?.json();
    let cursor = own["next_cursor"].as_str().context("more than one entry")?;
    let rest = mallory
        .get(&format!("/v1/audit?limit=100&cursor={cursor}"))?
        .json();
    assert!(!rest.to_string().contains(&AURORA.id.to_string()));
    let positions = mallory.get("/v1/positions")?.json();
    let expected = json!([{
        "currency": "USD", "available_minor": "200000000", "reserved_minor": "0", "escrowed_minor": "0",
    }]);
    assert_eq!(
        (&positions["currencies"], &positions["data"]),
        (&expected, &json!([]))
    );
    Ok(())
}

/// What a member is told of itself is what counts now, and nothing of anybody else.
#[test]
fn a_member_is_told_its_own_allocator_and_roles() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let check = |admin: &mut Client| -> Result<()> {
        for name in ["alice", "bob", "carol", "dave", "mallory"] {
            let person = fixture.person(name);
            let row = admin.query_one(
                "select m.allocator_id::text, a.legal_name,
                    array(select r.role from capital.member_role as r where r.sub = m.sub order by r.role)
                from capital.member as m join capital.allocator as a on a.allocator_id = m.allocator_id
                where m.sub = $1",
                &[&person.person.sub],
            )?;
            let (allocator, legal_name): (String, String) = (row.get(0), row.get(1));
            let roles: Vec<String> = row.get(2);
            let expected = json!({
                "sub": person.person.sub.to_string(), "allocator_id": allocator,
                "allocator_name": legal_name, "roles": roles, "name": person.person.display_name,
                "aal": "aal1", "second_factor_at": null,
            });
            assert_eq!(person.get("/v1/me")?.json(), expected, "{name}");
        }
        Ok(())
    };
    check(&mut admin)?;
    let sub = fixture.person("dave").person.sub.to_string();
    let revoked = json!({ "allocator_id": AURORA.id.to_string(), "sub": sub, "role": "maker" });
    let answer = fixture
        .agent(PLATFORM)
        .deliver(&delivery("member.revoked", &revoked))?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    check(&mut admin)
}
