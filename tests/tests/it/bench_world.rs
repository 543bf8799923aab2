//! The rows that the bench measures on are made behind the gateway's back, by SQL that names tables and columns. It
//! has to follow them, also where no bench is run.

use anyhow::{Context as _, Result};
use tests::fixture::Fixture;

use crate::support::count;

const WORLD: &str = include_str!("../../../xtask/bench/src/world.sql");
const GROWTH: &str = include_str!("../../../xtask/bench/src/growth.sql");
const MOVEMENTS: &str = include_str!("../../../xtask/bench/src/movements.sql");

#[test]
fn the_rows_of_the_bench_are_those_of_the_tables() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let growth = |from: u32, to: u32| {
        GROWTH
            .replace("$from", &from.to_string())
            .replace("$to", &to.to_string())
            .replace("$allocators", "3")
    };
    for (what, sql) in [
        ("world.sql", WORLD.replace("$number", "3")),
        ("growth.sql", growth(1, 12)),
        ("growth.sql again", growth(13, 24)),
        ("movements.sql", MOVEMENTS.to_owned()),
    ] {
        admin.batch_execute(&sql).context(what)?;
    }
    // Who is not admitted proposes nothing, and the bench measured refusals.
    let admitted = "select count(*) from capital.allocator as a join capital.facility as f
        on right(f.facility_id::text, 12) = right(a.allocator_id::text, 12)
        where a.allocator_id::text like 'da%' and capital.is_admitted(a.allocator_id, f.facility_id, null)";
    assert_eq!(count(&mut admin, admitted)?, 3);
    let made = "select count(*) from capital.settlement where allocator_id::text like 'da%'";
    assert_eq!(count(&mut admin, made)?, 24);
    // The trail has their changes in the form that it has all others.
    let changes = "select count(*) from audit.trail as t cross join audit.changes(t) as c
        where t.allocator_id::text like 'da%' and c.command = 'INSERT' and c.old_row is null
            and c.row_key ->> 'settlement_id' = c.new_row ->> 'settlement_id'";
    assert_eq!(count(&mut admin, changes)?, 48);
    let legs = "select count(*) from capital.journal as j join capital.posting as p
        using (journal_id, allocator_id, currency, posted_at)
        where j.allocator_id::text like 'da%' and p.moved_minor = j.amount_minor";
    assert_eq!(count(&mut admin, legs)?, 48);
    Ok(())
}
