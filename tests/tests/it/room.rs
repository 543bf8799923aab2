//! The room of a facility, spread over slots: taken from several only where one does not suffice, refused only when all
//! together have not enough, and given back where it was taken.

use anyhow::{Context as _, Result};
use postgres::Client;
use serde_json::json;
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, PLATFORM, delivery, idempotency_key};
use uuid::Uuid;

use crate::direct::Direct;
use crate::random::Random;
use crate::settlements::admission;
use crate::support::assert_books;

const STEPS: usize = 150;

/// Not a multiple of the number of slots.
const LIMIT: i64 = 2_503;

fn slots(admin: &mut Client, facility: Uuid) -> Result<Vec<(i64, i64)>> {
    let rows = admin.query(
        "select limit_minor, utilised_minor from capital.facility_slot where facility_id = $1 order by slot",
        &[&facility],
    )?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn room_of(admin: &mut Client, settlement: &str) -> Result<Vec<(usize, i64)>> {
    let rows = admin.query(
        "select t.slot::int8, t.taken from capital.settlement as s
         cross join unnest(s.room_slots, s.room_taken) as t (slot, taken) where s.settlement_id = $1::text::uuid",
        &[&settlement],
    )?;
    rows.iter()
        .map(|row| Ok((usize::try_from(row.get::<_, i64>(0))?, row.get(1))))
        .collect()
}

/// Opens a facility that alice and bob may settle into.
fn opened(fixture: &Fixture) -> Result<Uuid> {
    let facility = Uuid::new_v4();
    let terms = json!({
        "facility_id": facility.to_string(), "name": "Spread", "currency": "USD", "limit_minor": LIMIT.to_string(),
        "escrow_agent_id": "escrow-one", "settlement_agent_id": "settle-one", "secured": false,
    });
    for (kind, data) in [
        ("facility.opened", terms),
        (
            "facility.admitted",
            admission(&facility.to_string(), AURORA),
        ),
    ] {
        let answer = fixture.agent(PLATFORM).deliver(&delivery(kind, &data))?;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
    Ok(facility)
}

#[test]
fn room_is_taken_from_as_few_slots_as_suffice_and_goes_back_where_it_was_taken() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let facility = opened(&fixture)?;
    let mut direct = Direct::new(&fixture);
    let mut random = Random::seeded("room");
    let mut before = slots(&mut admin, facility)?;
    assert_eq!(before.iter().map(|(limit, _)| limit).sum::<i64>(), LIMIT);
    let (mut held, mut single, mut several, mut refused) = (Vec::new(), 0, 0, 0);
    for step in 0..STEPS {
        if random.chance(3) && !held.is_empty() {
            let settlement: String = held.swap_remove(random.below(held.len()));
            let taken = room_of(&mut admin, &settlement)?;
            let rest = format!("'{settlement}', null");
            let reply = direct.human("cancel-settlement", "alice", &idempotency_key(), &rest)?;
            assert_eq!(reply.name(), "accepted");
            for (slot, amount) in taken {
                before[slot].1 -= amount;
            }
            assert_eq!(slots(&mut admin, facility)?, before, "step {step}");
            continue;
        }
        let most = if random.chance(4) { 900 } else { 60 };
        let amount = 1 + i64::try_from(random.below(most))?;
        let rest = format!("'{facility}', {amount}, 'USD', '2099-01-02', null, null, null");
        let created = direct.human("create-settlement", "alice", &idempotency_key(), &rest)?;
        let settlement = created.body["id"].as_str().context("an id")?.to_owned();
        let rest = format!("'{settlement}'");
        let reply = direct.human("verify-settlement", "bob", &idempotency_key(), &rest)?;
        let room = LIMIT - before.iter().map(|(_, utilised)| utilised).sum::<i64>();
        if amount > room {
            assert_eq!(reply.name(), "refused facility-limit", "step {step}");
            assert_eq!(reply.body["room_minor"], room.to_string());
            assert_eq!(room_of(&mut admin, &settlement)?, []);
            refused += 1;
        } else {
            assert_eq!(reply.name(), "accepted", "step {step}");
            let taken = room_of(&mut admin, &settlement)?;
            let home = settlement.parse::<Uuid>()?.as_bytes()[15] as usize % before.len();
            let free = |slot: usize| before[slot].0 - before[slot].1;
            if free(home) >= amount {
                assert_eq!(taken, [(home, amount)], "step {step}");
                single += 1;
            } else {
                // All but one of them are emptied: with fewer it would not have sufficed.
                let left = taken.iter().filter(|(slot, taken)| free(*slot) > *taken);
                assert!(left.count() <= 1, "step {step}: {taken:?}");
                several += usize::from(taken.len() > 1);
            }
            for (slot, amount) in taken {
                before[slot].1 += amount;
            }
            held.push(settlement);
        }
        assert_eq!(slots(&mut admin, facility)?, before, "step {step}");
    }
    assert!(
        single > 5 && several > 5 && refused > 5,
        "{single} {several} {refused}"
    );
    assert_books(&mut admin)
}
