//! The transitions: one chain for each settlement, without gaps, of legal steps, by its own allocator.

use anyhow::Result;
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, BOREALIS};

use super::{STATES, is_legal, settlement_in};
use crate::direct::{Direct, attempt, committed, quote};

/// An INSERT under a commitment that exists.
fn insert(id: &str, allocator: &str, seq: i32, from: Option<&str>, to: &str) -> String {
    let from = from.map_or("null".to_owned(), quote);
    format!(
        "insert into capital.settlement_transition
            (settlement_id, seq, allocator_id, from_status, to_status, actor_kind, actor_id, commitment_key)
        select '{id}', {seq}, '{allocator}', {from}, '{to}', 'human',
            'a1000000-0000-4000-8000-000000000001', commitment_key
        from capital.settlement_transition limit 1"
    )
}

#[test]
fn a_chain_of_transitions_has_no_gap_no_fork_no_illegal_link_and_no_foreign_link() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut direct = Direct::new(&fixture);
    let [pending, verified, cancelled] =
        ["PENDING", "VERIFIED", "CANCELLED"].map(|state| settlement_in(&mut direct, state));
    let (pending, verified, cancelled) = (pending?, verified?, cancelled?);
    let (aurora, borealis) = (AURORA.id.to_string(), BOREALIS.id.to_string());
    let attacks = [
        (
            "a gap",
            insert(&pending, &aurora, 3, Some("VERIFIED"), "ESCROWED"),
            "23503 settlement_transition_previous_fkey",
        ),
        (
            "a gap of two",
            insert(&pending, &aurora, 4, Some("ESCROWED"), "SETTLED"),
            "23503 settlement_transition_previous_fkey",
        ),
        (
            "out of order",
            insert(&verified, &aurora, 1, None, "PENDING"),
            "23505 settlement_transition_pkey",
        ),
        (
            "a fork",
            insert(&verified, &aurora, 2, Some("PENDING"), "CANCELLED"),
            "23505 settlement_transition_pkey",
        ),
        (
            "after the end",
            insert(&cancelled, &aurora, 4, Some("ESCROWED"), "SETTLED"),
            "23503 settlement_transition_previous_fkey",
        ),
        (
            "from where it is not",
            insert(&pending, &aurora, 2, Some("VERIFIED"), "ESCROWED"),
            "23514 settlement_transition_legal",
        ),
        (
            "from nowhere",
            insert(&pending, &aurora, 2, None, "PENDING"),
            "23514 settlement_transition_legal",
        ),
        (
            "number zero",
            insert(&pending, &aurora, 0, None, "PENDING"),
            "23514 settlement_transition_legal",
        ),
        (
            "to nowhere",
            insert(&pending, &aurora, 2, Some("PENDING"), "PAID"),
            "23514 settlement_transition_legal",
        ),
        (
            "of another allocator",
            insert(&pending, &borealis, 2, Some("PENDING"), "VERIFIED"),
            "23503 settlement_transition_settlement_fkey",
        ),
        (
            "of no settlement",
            insert(
                "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10",
                &aurora,
                1,
                None,
                "PENDING",
            ),
            "23503 settlement_transition_settlement_fkey",
        ),
        (
            "under no commitment",
            insert(&pending, &aurora, 2, Some("PENDING"), "VERIFIED").replace(
                "commitment_key\n        from",
                "sha256('nothing')\n        from",
            ),
            "23503 settlement_transition_commitment_fkey",
        ),
    ];
    let mut admin = fixture.admin()?;
    for (what, statement, expected) in attacks {
        let triggers_off =
            format!("alter table capital.settlement_transition disable trigger user; {statement}");
        assert_eq!(attempt(&mut admin, &triggers_off)?, expected, "{what}");
    }
    Ok(())
}

/// Replica mode skips foreign keys. The legal links are a CHECK, which still holds.
#[test]
fn an_illegal_link_fails_in_replica_mode_as_well() -> Result<()> {
    let fixture = Fixture::new()?;
    let pending = settlement_in(&mut Direct::new(&fixture), "PENDING")?;
    let mut admin = fixture.admin()?;
    for (from, to) in STATES
        .iter()
        .flat_map(|from| STATES.map(|to| (*from, to)))
        .filter(|(from, to)| !is_legal(from, to))
    {
        for seq in 1..=5 {
            let replica = format!(
                "set local session_replication_role = replica; {}",
                insert(&pending, &AURORA.id.to_string(), seq, Some(from), to)
            );
            let stopped = attempt(&mut admin, &replica)?;
            assert_eq!(
                stopped, "23514 settlement_transition_legal",
                "{from} to {to} as number {seq}"
            );
        }
    }
    Ok(())
}

/// Everything else is as a gateway function does it, including the claim and its outcome.
#[test]
fn a_settlement_and_its_chain_move_together_or_not_at_all() -> Result<()> {
    let fixture = Fixture::new()?;
    let pending = settlement_in(&mut Direct::new(&fixture), "PENDING")?;
    let settlement = format!(
        "update capital.settlement
        set version = 2, previous_status = 'PENDING', status = 'VERIFIED', verified_by = auth.sub(),
            room_slots = '{{0}}', room_taken = array[amount_minor], updated_at = clock_timestamp()
        where settlement_id = '{pending}'"
    );
    let link_at = |at: &str| {
        format!(
        "insert into capital.settlement_transition
            (settlement_id, seq, allocator_id, from_status, to_status, actor_kind, actor_id, commitment_key, at)
        values ('{pending}', 2, '{}', 'PENDING', 'VERIFIED', 'human', (auth.principal()).id,
            decode(current_setting('optkas.commitment'), 'hex'), {at})",
        AURORA.id
    )
    };
    let link = link_at(&format!(
        "(select updated_at from capital.settlement where settlement_id = '{pending}')"
    ));
    let mut owner = fixture.owner()?;
    for (what, statements, expected) in [
        (
            "the settlement alone",
            settlement.clone(),
            "23503 settlement_last_transition_fkey",
        ),
        (
            "the link alone",
            link.clone(),
            "OPK04 a settlement moves with its transition",
        ),
        (
            "both, at two times",
            format!("{settlement}; {}", link_at("clock_timestamp()")),
            "OPK04 a settlement moves with its transition",
        ),
        (
            "both, as it should be",
            format!("{settlement}; {link}"),
            "nothing",
        ),
    ] {
        assert_eq!(
            attempt(&mut owner, &committed(&fixture, "bob", &statements)?)?,
            expected,
            "{what}"
        );
    }
    Ok(())
}
