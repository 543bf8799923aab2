use std::collections::BTreeSet;

use anyhow::Result;
use tests::fixture::Fixture;

/// CHECKs over columns that may be null. A CHECK holds for null, unless it says otherwise; here null is meant to pass,
/// or is spoken of in the constraint.
const OVER_NULLABLE: [(&str, &str); 0] = [];

#[test]
fn a_constraint_over_what_may_be_null_says_what_null_does() -> Result<()> {
    let fixture = Fixture::new()?;
    let rows = fixture.admin()?.query(
        "select c.conname::text
         from pg_constraint as c
         where c.contype = 'c'
            and c.connamespace::regnamespace::text in ('audit', 'auth', 'capital', 'collateral', 'ledger', 'risk', 'tlog')
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
