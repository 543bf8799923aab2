//! Changing the past, and changing the present without leaving a row.

use anyhow::Result;
use postgres::Client;
use tests::fixture::Fixture;

use super::{audited, everything};
use crate::direct::{attempt, committed, quote};

const APPEND_ONLY: [&str; 24] = [
    "audit.trail",
    "auth.retired_key",
    "capital.journal",
    "capital.posting",
    "capital.settlement_transition",
    "collateral.agreement",
    "collateral.amendment",
    "collateral.asset",
    "collateral.borrowing_base",
    "collateral.custody_receipt",
    "collateral.filing",
    "collateral.filing_party",
    "collateral.release_pledge",
    "collateral.rule_kind",
    "collateral.rules",
    "collateral.search",
    "collateral.search_finding",
    "collateral.valuation",
    "ledger.commitment_ledger",
    "ledger.commitment_outcome",
    "risk.matrix",
    "risk.matrix_row",
    "risk.profile",
    "risk.run",
];

const REPLICA: &str = "set local session_replication_role = replica";

/// The owner, presenting alice, and the superuser, in normal and in replica mode.
fn intruders(fixture: &Fixture) -> Result<Vec<(&'static str, Client, String)>> {
    let alice = format!(
        "select auth.authenticate_member({})",
        quote(&fixture.person("alice").token())
    );
    Ok(vec![
        ("the owner", fixture.owner()?, alice),
        ("the superuser", fixture.admin()?, "select 1".to_owned()),
        (
            "the superuser in replica mode",
            fixture.admin()?,
            REPLICA.to_owned(),
        ),
    ])
}

#[test]
fn history_tables_are_append_only() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    for (who, mut client, door) in intruders(&fixture)? {
        for table in APPEND_ONLY {
            let column = if table == "ledger.commitment_outcome" {
                "outcome"
            } else {
                "commitment_key"
            };
            let column = match table {
                "ledger.commitment_ledger" => "attempt",
                "auth.retired_key" => "reason",
                "capital.posting" => "amount_minor",
                "risk.matrix_row" => "version",
                _ if table.starts_with("collateral.") => "facility_id",
                _ => column,
            };
            for (verb, statement) in [
                ("UPDATE", format!("update {table} set {column} = {column}")),
                (
                    "UPDATE",
                    format!("update {table} set {column} = {column} where false"),
                ),
                ("DELETE", format!("delete from {table}")),
            ] {
                assert_eq!(
                    attempt(&mut client, &format!("{door}; {statement}"))?,
                    format!("OPK04 {table} is append-only: {verb} refused"),
                    "{who}: {statement}"
                );
            }
        }
    }
    Ok(())
}

/// TRUNCATE fires no row trigger and asks no policy.
#[test]
fn no_table_can_be_truncated() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut tables = audited(&mut fixture.admin()?)?;
    tables.extend(APPEND_ONLY.map(str::to_owned));
    for (who, mut client, door) in intruders(&fixture)? {
        for table in &tables {
            let stopped = attempt(&mut client, &format!("{door}; truncate {table} cascade"))?;
            assert!(
                stopped.starts_with("OPK04")
                    && stopped.ends_with("is append-only: TRUNCATE refused"),
                "{who}: {table}: {stopped}"
            );
        }
    }
    Ok(())
}

/// A released asset can be pledged once more; nothing else of a pledge can change.
const PLEDGED_AGAIN: &str = "
    insert into collateral.pledge
        (facility_id, pledge_id, asset_id, fingerprint, filing_id, agreement_id, debtor_party_id, pledged_on,
        commitment_key)
    select facility_id, gen_random_uuid(), asset_id, fingerprint, filing_id, agreement_id, debtor_party_id, released_on,
        commitment_key
    from collateral.pledge where released_on is not null";

/// By another member than the one who asked.
const APPROVED: &str = "
    update collateral.release as r set status = 'APPROVED', approved_at = now(), approved_by = (
        select m.sub from capital.member as m
        where m.allocator_id = r.allocator_id and m.sub <> r.created_by limit 1
    )
    where r.status = 'REQUESTED'";

/// A change in each table that its own constraints would allow.
fn change(table: &str) -> String {
    let column = match table {
        "auth.expected_claims" => "audience",
        "capital.account" => "currency",
        "capital.agent" | "capital.facility" => "name",
        "capital.admission" => "admitted_at",
        "capital.allocator" => "legal_name",
        "capital.facility_slot" => "utilised_minor",
        "auth.signing_key" => "retired_at",
        "capital.member" => "allocator_id",
        "capital.member_role" => "granted_at",
        "collateral.party" => return format!("update {table} set version = version + 1"),
        "collateral.pledge" => return PLEDGED_AGAIN.to_owned(),
        "collateral.release" => return APPROVED.to_owned(),
        _ if table.starts_with("collateral.") => "facility_id",
        // A settlement's own constraints allow nothing but a step.
        _ => {
            return format!(
                "update {table} set version = version + 1, previous_status = status, status = 'CANCELLED'
                where status = 'PENDING'"
            );
        }
    };
    format!("update {table} set {column} = {column}")
}

#[test]
fn nothing_changes_without_a_commitment_of_the_same_transaction() -> Result<()> {
    const NO_CLAIM: &str = "OPK04 change-without-claim";
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let mut admin = fixture.admin()?;
    let known: String = admin
        .query_one(
            "select encode(key, 'hex') from ledger.commitment_ledger limit 1",
            &[],
        )?
        .get(0);
    let tables = audited(&mut admin)?;
    for table in tables
        .iter()
        .filter(|table| !APPEND_ONLY.contains(&&***table))
    {
        let change = change(table);
        assert_eq!(attempt(&mut admin, &change)?, NO_CLAIM, "{table}");
        assert_eq!(
            attempt(&mut admin, &format!("{REPLICA}; {change}"))?,
            NO_CLAIM,
            "{table} in replica mode"
        );
        for key in [&known, &"ab".repeat(32)] {
            let claimed = format!("select set_config('optkas.commitment', '{key}', true)");
            assert_eq!(
                attempt(&mut admin, &format!("{claimed}; {change}"))?,
                NO_CLAIM,
                "{table}"
            );
        }
    }
    Ok(())
}

/// A claim without its outcome, or an outcome of another transaction's claim, would be a key without an answer.
#[test]
fn a_claim_commits_with_its_outcome_or_not_at_all() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut owner = fixture.owner()?;
    let whole = committed(&fixture, "alice", "select 1")?;
    let (claim, _) = whole.rsplit_once(';').unwrap_or_default();
    assert_eq!(
        attempt(&mut owner, claim)?,
        "23503 commitment_ledger_key_outcome_fkey"
    );
    assert_eq!(attempt(&mut owner, &whole)?, "nothing");
    let mut admin = fixture.admin()?;
    let late = "insert into ledger.commitment_outcome
            (key, principal_kind, principal_id, outcome, status, body, epoch, leaf)
        select key, principal_kind, principal_id, 'accepted', 200, '{}', 1, '{}' from ledger.commitment_ledger limit 1";
    assert_eq!(attempt(&mut admin, late)?, "23505 commitment_outcome_pkey");
    let invented = late.replace("select key,", r"select sha256('x'),");
    assert_eq!(
        attempt(&mut admin, &invented)?,
        "23503 commitment_outcome_claim_fkey"
    );
    Ok(())
}
