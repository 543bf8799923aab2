//! Random operations; after each, balances, facilities, states and positions equal those of a plain model, now and as
//! of any earlier instant.

mod ledger;
mod moves;
mod operations;

use std::collections::BTreeMap;

use anyhow::Result;
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Transport as _;

use self::ledger::Ledger;
use self::operations::Operations;
use crate::direct::Direct;
use crate::random::Random;
use crate::support::{assert_books, count};

const STEPS: usize = 500;

/// An allocator's number in the model, and a person who reads its positions.
const EYES: [(usize, &str); 2] = [(0, "carol"), (1, "mallory")];

/// Balances other than zero: an account is opened at its first use.
fn not_zero(positions: &Value) -> BTreeMap<String, String> {
    let mut balances = BTreeMap::new();
    for row in positions["currencies"].as_array().into_iter().flatten() {
        for kind in ["available", "reserved", "escrowed"] {
            let name = format!("{kind} {}", row["currency"]);
            balances.insert(name, row[format!("{kind}_minor")].to_string());
        }
    }
    for row in positions["data"].as_array().into_iter().flatten() {
        let name = format!("position {} {}", row["facility_id"], row["currency"]);
        balances.insert(name, row["position_minor"].to_string());
    }
    balances.retain(|_, balance| balance != r#""0""#);
    balances
}

fn balances_in(admin: &mut Client) -> Result<BTreeMap<String, i64>> {
    let rows = admin.query(
        "select concat_ws(' ', allocator_id, kind, currency, facility_id), balance_minor
        from capital.account where balance_minor <> 0
        union all
        select 'committed ' || facility_id, sum(utilised_minor)::int8 from capital.facility_slot
        group by facility_id
        union all
        select settlement_id || ' ' || status, amount_minor from capital.settlement",
        &[],
    )?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[test]
fn random_operations_leave_the_books_that_a_plain_model_has() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let mut random = Random::seeded("model");
    let mut ledger = Ledger::default();
    let mut operations = Operations::start(&fixture, &mut ledger)?;
    let mut eyes = Direct::new(&fixture);
    let mut remembered = Vec::new();
    for step in 0..STEPS {
        let what = operations.step(&mut random, &mut ledger)?;
        assert_eq!(
            balances_in(&mut admin)?,
            ledger.balances(),
            "step {step}: {what}"
        );
        for (allocator, person) in EYES {
            let reply = eyes.read("list-positions", person, "null")?.body;
            assert_eq!(
                not_zero(&reply),
                not_zero(&ledger.positions(allocator)),
                "step {step}: {what}"
            );
        }
        if step % 20 == 0 {
            assert_books(&mut admin)?;
            let now: String = admin
                .query_one("select ledger.rfc3339(clock_timestamp())", &[])?
                .get(0);
            remembered.push((now, EYES.map(|(allocator, _)| ledger.positions(allocator))));
        }
    }
    assert_books(&mut admin)?;
    operations.assert_everything_happened();
    let effects = "select count(*) from ledger.commitment_outcome where outcome = 'accepted'";
    assert_eq!(
        count(&mut admin, effects)?,
        operations.accepted(),
        "one effect a key"
    );
    for (instant, positions) in remembered {
        for ((_, person), expected) in EYES.iter().zip(positions) {
            let request = fixture
                .person(person)
                .request("GET", &format!("/v1/positions?as_of={instant}"));
            let reply = fixture.send(&request)?.json();
            assert_eq!(reply["as_of"], json!(instant));
            assert_eq!(
                not_zero(&reply),
                not_zero(&expected),
                "{person} as of {instant}"
            );
        }
    }
    Ok(())
}
