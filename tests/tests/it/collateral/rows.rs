//! The tables' own constraints and triggers: they stop the owner and the superuser, in replica mode as well.

use anyhow::Result;
use tests::fixture::Fixture;

use super::secured_facility::{SecuredFacility, monitor};
use crate::direct::attempt;

const REPLICA: &str = "set local session_replication_role = replica";

/// A statement that changes rows of a facility, and what stops it.
const FORBIDDEN: [(&str, &str); 16] = [
    (
        "update collateral.pledge set released_on = current_date",
        "OPK04 a pledge ends once, by an approved release that names it",
    ),
    (
        "update collateral.pledge set released_on = current_date,
            release_id = (select release_id from collateral.release limit 1)",
        "OPK04 a pledge ends once, by an approved release that names it",
    ),
    (
        "update collateral.pledge set pledged_on = pledged_on - 1",
        "OPK04 a pledge ends once, by an approved release that names it",
    ),
    (
        "update collateral.release set status = 'APPROVED', approved_by = created_by, approved_at = now()",
        "23514 release_status_members",
    ),
    (
        "update collateral.release set status = 'APPROVED'",
        "23514 release_status_members",
    ),
    (
        "update collateral.release set content = content || ' '",
        "OPK04 a release is approved once, and changes in nothing else",
    ),
    (
        "update collateral.release set created_by = gen_random_uuid()",
        "OPK04 a release is approved once, and changes in nothing else",
    ),
    (
        "update collateral.party set version = version + 1, lei = '5493001KJTIIGC8Y1R12'",
        "OPK04 a party keeps its LEI, and changes by one version at a time",
    ),
    (
        "update collateral.party set organic_name = 'Another LLC'",
        "OPK04 a party keeps its LEI, and changes by one version at a time",
    ),
    (
        "update collateral.warning set kind = 'base-short'",
        "OPK04 a warning is closed once, and changes in nothing else",
    ),
    (
        "update collateral.kind_sum set value_minor = -1",
        "23514 kind_sum_not_negative",
    ),
    (
        "update collateral.filing set filed_on = filed_on + 1",
        "OPK04 collateral.filing is append-only: UPDATE refused",
    ),
    (
        "update collateral.valuation set value_minor = 2 * value_minor",
        "OPK04 collateral.valuation is append-only: UPDATE refused",
    ),
    (
        "delete from collateral.search_finding",
        "OPK04 collateral.search_finding is append-only: DELETE refused",
    ),
    (
        "delete from collateral.warning",
        "OPK04 collateral.warning is append-only: DELETE refused",
    ),
    (
        "delete from collateral.cover",
        "OPK04 collateral.cover is append-only: DELETE refused",
    ),
];

/// Derived rows follow from the recorded events, but even they change only under a commitment.
const UNCOMMITTED: [&str; 5] = [
    "update collateral.filing_standing set disputed = not disputed",
    "update collateral.holding set value_minor = value_minor + 1",
    "update collateral.obligor_sum set value_minor = value_minor + 1",
    "update collateral.cover set pledges = 0",
    "delete from collateral.holding",
];

#[test]
fn recorded_collateral_cannot_be_rewritten() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    facility.requested(&facility.release(&facility.pledged))?;
    facility.amend("termination", -1, |event| event)?;
    monitor(&fixture)?;
    let mut admin = fixture.admin()?;
    for door in ["select 1", REPLICA] {
        for (statement, expected) in FORBIDDEN {
            let stopped = attempt(&mut admin, &format!("{door}; {statement}"))?;
            assert_eq!(stopped, expected, "{door}: {statement}");
        }
        for statement in UNCOMMITTED {
            let stopped = attempt(&mut admin, &format!("{door}; {statement}"))?;
            assert_eq!(stopped, "OPK04 change-without-claim", "{door}: {statement}");
        }
    }
    Ok(())
}
