//! A facility that is not secured: its settlements rest on no collateral, and none is recorded of it.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::SecuredTerms;

use super::secured_facility::refusal;
use crate::direct::barrier;

#[test]
fn an_unsecured_facility_takes_no_collateral_and_checks_none() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlement = crate::settlements::pending(&fixture, 100)?;
    let answer = fixture
        .person("bob")
        .post_empty(
            &crate::settlements::of(&settlement, "verify"),
            &tests::sample_data::idempotency_key(),
        )?
        .json();
    assert_eq!(answer["secured"], false);
    assert_eq!(answer.get("borrowing_base"), None);
    let facility = tests::sample_data::USD_FACILITY.id;
    let read = |path: &str| -> Result<Value> {
        let path = format!("/v1/facilities/{facility}{path}");
        Ok(fixture.person("alice").get(&path)?.json())
    };
    assert_eq!(read("")?["secured"], false);
    assert_eq!(
        read("/collateral")?,
        json!({ "facility_id": facility.to_string(), "secured": false })
    );
    // No party, no rules and no agent's event are recorded of it.
    let mut terms = SecuredTerms::new(tests::sample_data::AURORA);
    terms.facility = facility;
    for event in [terms.party(&terms.debtor), terms.rules()] {
        let answer = fixture
            .agent(tests::sample_data::PLATFORM)
            .deliver(&event.delivery())?;
        assert_eq!(refusal(&answer), "unsecured", "{}", event.kind);
    }
    let today = time::OffsetDateTime::now_utc().date();
    let answer = fixture
        .agent(tests::sample_data::COLLATERAL_AGENT)
        .deliver(&terms.search(today - time::Duration::DAY).delivery())?;
    assert_eq!(refusal(&answer), "not-found");
    // A settlement cannot differ from its facility in being secured.
    let mut admin = fixture.admin()?;
    let turned = admin.batch_execute(&format!(
        "alter table capital.settlement disable trigger user;
         update capital.settlement set secured = true where settlement_id = '{settlement}'"
    ));
    assert_eq!(barrier(turned), "23503 settlement_facility_secured_fkey");
    Ok(())
}
