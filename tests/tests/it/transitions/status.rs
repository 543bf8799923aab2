//! The settlement's own row: every pair of states that is no step, by UPDATE.

use std::collections::HashMap;

use anyhow::Result;
use postgres::Client;
use tests::fixture::Fixture;

use super::{LEGAL, STATES, is_legal, settlement_in};
use crate::direct::{Direct, attempt, quote};
use crate::support::assert_books;

const CHECK: &str = "23514 settlement_status_transition";
const PINNED: &str =
    "OPK04 capital.settlement changes by one transition at a time, and in nothing else";
const FOUR_EYES: &str = "23514 settlement_verified_by_other";
const LAST_TRANSITION: &str = "23503 settlement_last_transition_fkey";

/// Ways to reach the table: the statements before the attack.
fn doors(fixture: &Fixture) -> Result<Vec<(&'static str, Client, String)>> {
    let owner = format!(
        "select auth.authenticate_member({})",
        quote(&fixture.person("alice").token())
    );
    Ok(vec![
        ("the owner", fixture.owner()?, owner),
        (
            "triggers off",
            fixture.admin()?,
            "alter table capital.settlement disable trigger user".to_owned(),
        ),
        (
            "replica",
            fixture.admin()?,
            "set local session_replication_role = replica".to_owned(),
        ),
    ])
}

fn one_in_each_state(fixture: &Fixture) -> Result<HashMap<&'static str, String>> {
    let mut direct = Direct::new(fixture);
    STATES
        .into_iter()
        .map(|state| Ok((state, settlement_in(&mut direct, state)?)))
        .collect()
}

#[test]
fn an_illegal_step_fails_for_every_actor() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlements = one_in_each_state(&fixture)?;
    for (who, mut client, door) in doors(&fixture)? {
        for (from, to) in STATES.iter().flat_map(|from| STATES.map(|to| (*from, to))) {
            let id = &settlements[from];
            let honest = format!(
                "update capital.settlement set version = version + 1, previous_status = status, status = '{to}'
                where settlement_id = '{id}'"
            );
            let bare = format!(
                "update capital.settlement set status = '{to}'
                where settlement_id = '{id}'"
            );
            if !is_legal(from, to) {
                assert_eq!(
                    attempt(&mut client, &format!("{door}; {honest}"))?,
                    CHECK,
                    "{who}: {from} to {to}"
                );
            }
            if from != to {
                let stopped = attempt(&mut client, &format!("{door}; {bare}"))?;
                // Only the trigger sees the row before. Without it, a state can be replaced by one that is reached the
                // same way; the comparison with the last transition finds that.
                let expected = match who {
                    "triggers off" if stopped == LAST_TRANSITION => LAST_TRANSITION,
                    "triggers off" if stopped == FOUR_EYES => FOUR_EYES,
                    "triggers off" => CHECK,
                    _ => PINNED,
                };
                assert_eq!(stopped, expected, "{who}: {from} to {to}, and nothing else");
            }
        }
    }
    assert_books(&mut fixture.admin()?)
}

/// The row looks legal: previous state and version are those of a legal step to that state.
#[test]
fn a_forged_previous_state_does_not_make_a_step_legal() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlements = one_in_each_state(&fixture)?;
    for (who, mut client, door) in doors(&fixture)? {
        for (from, (version, previous, to)) in STATES
            .iter()
            .flat_map(|from| LEGAL.map(|step| (*from, step)))
        {
            let id = &settlements[from];
            let forged = format!(
                "update capital.settlement set version = {version}, previous_status = '{previous}', status = '{to}'
                where settlement_id = '{id}'"
            );
            if previous == from {
                continue;
            }
            // Rolled back in every case.
            let stopped = attempt(
                &mut client,
                &format!("{door}; {forged}; set constraints all immediate; select 1/0"),
            )?;
            let expected = match who {
                "triggers off" if stopped == FOUR_EYES => FOUR_EYES,
                "triggers off" => LAST_TRANSITION,
                _ => PINNED,
            };
            // With triggers off a settlement can be set back to a state that it has been in; the row then
            // contradicts its transitions, which assert_books and every auditor compares.
            let rewound = who == "triggers off" && was_in(&mut fixture.admin()?, id, version, to)?;
            let expected = if rewound {
                "22012 division by zero"
            } else {
                expected
            };
            assert_eq!(
                stopped, expected,
                "{who}: {from} to {to} as if from {previous}"
            );
        }
    }
    assert_books(&mut fixture.admin()?)
}

fn was_in(admin: &mut Client, id: &str, version: i32, state: &str) -> Result<bool> {
    let sql = format!(
        "select from capital.settlement_transition
        where settlement_id = '{id}' and seq = {version} and to_status = '{state}'"
    );
    Ok(!admin.query(&sql, &[])?.is_empty())
}

#[test]
fn the_agreed_terms_of_a_settlement_never_change() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlements = one_in_each_state(&fixture)?;
    let changes = [
        "amount_minor = amount_minor + 1",
        "allocator_id = 'b0000000-0000-4000-8000-000000000001'",
        "facility_id = 'f0000000-0000-4000-8000-000000000002'",
        "currency = 'EUR'",
        "value_date = value_date + 1",
        "uetr = gen_random_uuid()",
        "reference = 'another'",
        "expires_at = '9999-01-01T00:00:00Z'",
        "created_by = 'a1000000-0000-4000-8000-000000000002'",
        "verified_by = gen_random_uuid()",
        "room_slots = array[15]",
        "room_taken = array[1]",
        "created_at = created_at - interval '1 day'",
        "settlement_id = gen_random_uuid()",
        "version = version + 1",
        "version = version",
    ];
    for (who, mut client, door) in doors(&fixture)?
        .into_iter()
        .filter(|(who, ..)| *who != "triggers off")
    {
        for (state, id) in &settlements {
            for change in changes {
                let update = format!(
                    "{door}; update capital.settlement set {change} where settlement_id = '{id}'"
                );
                assert_eq!(
                    attempt(&mut client, &update)?,
                    PINNED,
                    "{who}: {change}, {state}"
                );
            }
            let delete =
                format!("{door}; delete from capital.settlement where settlement_id = '{id}'");
            assert_eq!(
                attempt(&mut client, &delete)?,
                "OPK04 capital.settlement is append-only: DELETE refused",
                "{who}"
            );
        }
    }
    Ok(())
}

/// Whoever reaches the table verifies nothing alone: the row itself holds the four eyes.
#[test]
fn no_settlement_is_verified_by_its_maker_or_by_nobody() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlements = one_in_each_state(&fixture)?;
    let (mut client, door) = (
        fixture.admin()?,
        "alter table capital.settlement disable trigger all",
    );
    for (from, version, previous, to) in [
        ("PENDING", 2, "PENDING", "VERIFIED"),
        ("VERIFIED", 2, "PENDING", "VERIFIED"),
        ("VERIFIED", 3, "VERIFIED", "ESCROWED"),
        ("PENDING", 4, "ESCROWED", "SETTLED"),
    ] {
        for verifier in ["created_by", "null"] {
            let id = &settlements[from];
            let alone = format!(
                "{door}; update capital.settlement
                set version = {version}, previous_status = '{previous}', status = '{to}', verified_by = {verifier},
                    room_slots = case when {verifier} is not null then '{{0}}'::int4[] end,
                    room_taken = case when {verifier} is not null then array[amount_minor] end
                where settlement_id = '{id}'"
            );
            assert_eq!(attempt(&mut client, &alone)?, FOUR_EYES, "{to}, {verifier}");
        }
    }
    // The verifier is a member of the settlement's own allocator.
    let stranger = format!(
        "alter table capital.settlement disable trigger user; update capital.settlement
        set version = 2, previous_status = 'PENDING', status = 'VERIFIED', verified_by = gen_random_uuid(),
            room_slots = '{{0}}', room_taken = array[amount_minor]
        where settlement_id = '{}'",
        settlements["PENDING"]
    );
    assert_eq!(
        attempt(&mut client, &stranger)?,
        "23503 settlement_verified_by_fkey"
    );
    Ok(())
}

/// What is VERIFIED has taken room for its amount; what is not has taken none.
#[test]
fn no_settlement_is_verified_without_room_for_its_amount() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlements = one_in_each_state(&fixture)?;
    let mut client = fixture.admin()?;
    let door = "alter table capital.settlement disable trigger all";
    for (state, room) in [
        (
            "PENDING",
            "room_slots = '{0}', room_taken = array[amount_minor]",
        ),
        ("PENDING", "room_slots = '{0}'"),
        ("VERIFIED", "room_slots = null, room_taken = null"),
        ("VERIFIED", "room_taken = null"),
        ("VERIFIED", "room_slots = '{}', room_taken = '{}'"),
        ("VERIFIED", "room_taken = array[amount_minor - 1]"),
        ("VERIFIED", "room_taken = array[amount_minor + 1]"),
        ("VERIFIED", "room_taken = array[null::int8]"),
        (
            "ESCROWED",
            "room_slots = '{1,0}', room_taken = array[1, amount_minor - 1]",
        ),
        (
            "ESCROWED",
            "room_slots = '{1,1}', room_taken = array[1, amount_minor - 1]",
        ),
        (
            "ESCROWED",
            "room_slots = '{0,1}', room_taken = array[-1, amount_minor + 1]",
        ),
        (
            "ESCROWED",
            "room_slots = '{0,1}', room_taken = array[0, amount_minor]",
        ),
        (
            "SETTLED",
            "room_slots = '{0,1}', room_taken = array[amount_minor]",
        ),
        (
            "SETTLED",
            "room_slots = '{0,null}', room_taken = array[1, amount_minor - 1]",
        ),
    ] {
        let forged = format!(
            "{door}; update capital.settlement set {room} where settlement_id = '{}'",
            settlements[state]
        );
        assert_eq!(
            attempt(&mut client, &forged)?,
            "23514 settlement_room_taken",
            "{state}: {room}"
        );
    }
    Ok(())
}
