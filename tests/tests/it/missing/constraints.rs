use std::collections::BTreeSet;

use anyhow::Result;
use tests::fixture::Fixture;

/// CHECKs over columns that may be null. A CHECK holds for null, unless it says otherwise; here null is meant to pass,
/// or is spoken of in the constraint.
const OVER_NULLABLE: [(&str, &str); 28] = [
    ("account_facility_of_position", "asks whether it is null"),
    (
        "account_last_posted_at_of_version",
        "asks whether it is null",
    ),
    ("agreement_ends_on_later", "null is without an end"),
    (
        "amendment_description_length",
        "amendment_kind_members says when there is one",
    ),
    (
        "amendment_kind_members",
        "counts nulls, or asks for each member",
    ),
    (
        "amendment_release_id_use",
        "amendment_kind_members says when there is an action",
    ),
    (
        "commitment_ledger_occurred_at_range",
        "null where no agent says when",
    ),
    (
        "commitment_outcome_status_matches",
        "asks whether they are null",
    ),
    ("entry_previous_next", "asks whether it is null"),
    ("facility_secured_members", "asks whether they are null"),
    ("holding_value_matches", "asks whether they are null"),
    ("journal_settlement_of_kind", "asks whether it is null"),
    ("pledge_released_on_matches", "asks whether they are null"),
    (
        "posting_posted_at_not_before_previous",
        "asks whether it is null, and takes no unknown answer",
    ),
    ("profile_lgd_valid", "null is without a deviation"),
    ("profile_pd_or_rating", "counts what is given"),
    ("profile_pd_range", "null is the rating's probability"),
    (
        "release_amendment_members",
        "asks whether it is null, and takes no unknown answer",
    ),
    ("release_status_members", "asks whether they are null"),
    ("settlement_expires_at_later", "null never expires"),
    (
        "settlement_room_taken",
        "asks whether they are null, and the function takes no unknown answer",
    ),
    ("settlement_status_transition", "asks whether it is null"),
    ("settlement_transition_legal", "asks whether it is null"),
    ("settlement_verified_by_other", "asks whether it is null"),
    (
        "signing_key_algorithm_members",
        "counts nulls, and takes no unknown answer",
    ),
    ("signing_key_retired_at_later", "null is in force"),
    (
        "verified_token_aal_known",
        "null where the token does not say",
    ),
    ("warning_closed_at_later", "null is open"),
];

#[test]
fn a_constraint_over_what_may_be_null_says_what_null_does() -> Result<()> {
    let fixture = Fixture::new()?;
    let rows = fixture.admin()?.query(
        "select c.conname::text
         from pg_constraint as c
         where c.contype = 'c'
            and c.connamespace::regnamespace::text
                in ('audit', 'auth', 'capital', 'collateral', 'ledger', 'risk', 'tlog')
            and exists (
                select from pg_attribute as a
                where a.attrelid = c.conrelid and a.attnum = any (c.conkey) and not a.attnotnull
            )",
        &[],
    )?;
    let found: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let known: BTreeSet<String> = OVER_NULLABLE.map(|(name, _)| name.to_owned()).into();
    assert_eq!(found, known);
    Ok(())
}
