//! Each rule that the tests end with is seen to fail when it is broken. The ends of the range of money are refusals,
//! not errors.

use anyhow::Result;
use serde_json::json;
use tests::fixture::Fixture;
use tests::sample_data::{PLATFORM, delivery};
use uuid::Uuid;

use crate::collateral::secured_facility::SecuredFacility;
use crate::settlements::{AMOUNT, escrowed, pending, verified};
use crate::support::{all_triggers_off, assert_books, broken_rules};

/// Damage that only a superuser without triggers can do, and the rule that finds it.
const DAMAGE: [(&str, &str); 32] = [
    (
        "update capital.posting set amount_minor = amount_minor + side, moved_minor = moved_minor + 1,
             balance_after_minor = balance_after_minor + side
         where account_version = 1 and side = 1",
        "a journal sums to zero in each currency",
    ),
    ("delete from capital.posting", "a journal has postings"),
    (
        "update capital.account set balance_minor = balance_minor + 1 where kind = 'available'",
        "a balance is the sum of its postings",
    ),
    (
        "alter table capital.account drop constraint account_balance_sign;
         update capital.account set balance_minor = -1 where kind = 'available'",
        "no balance is negative",
    ),
    (
        "alter table capital.settlement drop constraint settlement_room_taken;
         update capital.settlement set amount_minor = amount_minor + 1 where status = 'VERIFIED'",
        "what is reserved, escrowed or a position is what the settlements say",
    ),
    (
        "update capital.facility_slot set utilised_minor = utilised_minor + 1",
        "a facility has committed what its settlements say, within its limit",
    ),
    (
        "delete from capital.facility_slot where utilised_minor = 0",
        "a facility has committed what its settlements say, within its limit",
    ),
    (
        "update capital.facility_slot set utilised_minor = utilised_minor + case slot
            when (select min(room_slots[1]) from capital.settlement) then -1 else 1 end
         where slot in (
            (select min(room_slots[1]) from capital.settlement),
            (select (min(room_slots[1]) + 1) % 64 from capital.settlement)
         ) and facility_id = (select facility_id from capital.settlement order by room_slots[1] limit 1)",
        "a slot has what settlements took from it",
    ),
    (
        "delete from ledger.commitment_outcome where outcome = 'accepted'",
        "a claim has an outcome of its own transaction",
    ),
    (
        "update ledger.commitment_outcome set xid = '1'",
        "a claim has an outcome of its own transaction",
    ),
    ("delete from ledger.commitment_ledger", "an outcome has a claim"),
    (
        "update capital.settlement set version = 2, previous_status = 'PENDING', status = 'CANCELLED'
         where status = 'PENDING'",
        "a settlement is where its last transition led",
    ),
    (
        "delete from capital.settlement_transition where seq = 2",
        "transitions are numbered without a gap",
    ),
    (
        "update capital.settlement_transition set commitment_key = (select key from ledger.commitment_ledger limit 1)",
        "a commitment makes one transition",
    ),
    (
        "update capital.journal set commitment_key = (select key from ledger.commitment_ledger limit 1)",
        "a commitment makes one journal",
    ),
    (
        "update audit.trail set xid = '1'",
        "an audit row has a commitment of its own transaction",
    ),
    (
        "update audit.trail set changes = replace(changes::text, '\"amount_minor\":', '\"amount\":')::json",
        "an audit row has the hash of what it says",
    ),
    (
        "update audit.trail set at = at + interval '1 second'",
        "an audit row has the hash of what it says",
    ),
    (
        "update ledger.commitment_outcome set outcome = 'refused', status = null, refusal = 'expired'",
        "a refused commitment changed nothing",
    ),
    ("delete from audit.trail", "an accepted commitment changed something"),
    ("delete from collateral.holding", "a holding is a pledge in force"),
    (
        "update collateral.pledge set released_on = pledged_on, release_id = (select release_id from collateral.release)
         where released_on is null",
        "a holding is a pledge in force",
    ),
    (
        "update collateral.holding set value_minor = value_minor + 1",
        "a holding has the latest papers of its asset",
    ),
    (
        "delete from collateral.custody_receipt",
        "a holding has the latest papers of its asset",
    ),
    (
        "update collateral.kind_sum set value_minor = value_minor + 1",
        "the sums are those of the holdings",
    ),
    (
        "update collateral.obligor_sum set holdings = holdings + 1",
        "the sums are those of the holdings",
    ),
    ("delete from collateral.obligor_kind_sum", "the sums are those of the holdings"),
    (
        "update collateral.cover set pledges = pledges + 1",
        "cover counts the pledges in force",
    ),
    (
        "alter table collateral.pledge drop constraint pledge_fingerprint_once;
         update collateral.pledge set fingerprint = sha256('')",
        "one thing is pledged once at a time",
    ),
    (
        "delete from collateral.release_pledge",
        "a pledge ended by a release that two people made",
    ),
    (
        "alter table collateral.release drop constraint release_status_members;
         update collateral.release set approved_by = created_by",
        "a pledge ended by a release that two people made",
    ),
    (
        "delete from collateral.borrowing_base",
        "a step in a secured facility rests on a base that bore it",
    ),
];

#[test]
fn every_rule_notices_its_damage() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    pending(&fixture, AMOUNT)?;
    verified(&fixture, AMOUNT)?;
    escrowed(&fixture, AMOUNT)?;
    let facility = SecuredFacility::good(&fixture, &[1_000, 1_000, 1_000])?;
    facility.drawn(100)?;
    facility.released(&facility.release(&facility.pledged[..1]))?;
    assert_books(&mut admin)?;
    for (damage, rule) in DAMAGE {
        let mut damaged = admin.transaction()?;
        damaged.batch_execute(&all_triggers_off())?;
        damaged.batch_execute(damage)?;
        let broken = broken_rules(&mut damaged)?;
        assert!(
            broken.iter().any(|(known, _)| known == rule),
            "{damage}: {broken:?}"
        );
        damaged.rollback()?;
    }
    assert_books(&mut admin)
}

/// Which leg of a journal is posted first depends on the accounts' random ids: several allocators see both.
#[test]
fn no_withdrawal_exceeds_the_deposits_whichever_leg_is_posted_first() -> Result<()> {
    let fixture = Fixture::new()?;
    for _ in 0..8 {
        let allocator = Uuid::new_v4().to_string();
        let movement = |amount: u64| {
            json!({
                "allocator_id": allocator, "amount_minor": amount.to_string(), "currency": "USD", "reference": "all",
            })
        };
        for (kind, data, status) in [
            (
                "allocator.onboarded",
                json!({ "allocator_id": allocator, "legal_name": "Cirrus" }),
                200,
            ),
            ("capital.withdrawn", movement(1), 409),
            ("capital.deposited", movement(10), 200),
            ("capital.withdrawn", movement(11), 409),
            ("capital.withdrawn", movement(10), 200),
        ] {
            let answer = fixture.agent(PLATFORM).deliver(&delivery(kind, &data))?;
            assert_eq!(answer.status, status, "{kind} {data}: {}", answer.text());
            if status == 409 {
                let problem = answer.json();
                assert_eq!(problem["type"], "urn:optkas:problem:insufficient-capital");
                let there = if data == movement(1) { "0" } else { "10" };
                assert_eq!(problem["available_minor"], there, "{problem}");
                assert_eq!(problem["required_minor"], data["amount_minor"], "{problem}");
            }
        }
    }
    assert_books(&mut fixture.admin()?)
}

#[test]
fn a_deposit_beyond_what_an_account_holds_is_refused_without_a_5xx() -> Result<()> {
    let fixture = Fixture::new()?;
    let most = json!({
        "allocator_id": tests::sample_data::AURORA.id.to_string(), "amount_minor": "999999999999999999",
        "currency": "USD", "reference": "everything",
    });
    let mut statuses = Vec::new();
    for _ in 0..10 {
        let answer = fixture
            .agent(PLATFORM)
            .deliver(&delivery("capital.deposited", &most))?;
        statuses.push(answer.status);
    }
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    assert_books(&mut fixture.admin()?)
}
