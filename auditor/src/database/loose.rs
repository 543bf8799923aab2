//! Rows that no published entry covers: those that are newer, and those that should not exist.

use base16ct::lower::encode_string as hex;
use postgres::{Row, Transaction};

use super::{cursor::Cursor, sql::failed};
use crate::{
    log::Target,
    report::{Finding, Report, Undecided},
};

/// Commitments without an entry. The sequencer works in the order of (epoch, xid, key): a commitment that comes before
/// its last entry in this order was inserted after it had passed.
const UNPLACED: &str = "
    select coalesce(l.key, o.key), l.key is not null, o.key is not null,
        coalesce((o.epoch, o.xid, o.key) <= (
            select z.epoch, z.xid, z.key from tlog.entry as z order by z.index desc limit 1
        ), false)
    from ledger.commitment_ledger as l
    full join ledger.commitment_outcome as o on o.key = l.key
    left join tlog.entry as e on e.key = coalesce(l.key, o.key)
    where e.key is null";

const WITHOUT_CLAIM: &str = "
    select a.id::int8
    from audit.trail as a
    left join ledger.commitment_ledger as l on l.key = a.commitment_key
    where l.key is null
    order by a.id";

const NEWER: &str = "
    select (select count(*) from tlog.entry as e where e.index >= $1),
        (select count(*) from tlog.checkpoint as c where c.size > $1),
        (select count(*)
         from audit.trail as a
         left join tlog.entry as e on e.key = a.commitment_key
         where e.index is null or e.index >= $1)";

struct Unplaced {
    key: Vec<u8>,
    claimed: bool,
    concluded: bool,
    passed: bool,
}

pub(super) fn verify(
    transaction: &mut Transaction<'_>,
    target: &Target,
    report: &mut Report,
) -> Result<(), Undecided> {
    let waiting = unplaced(transaction, report)?;
    without_claim(transaction, report)?;
    newer(transaction, target.size, waiting, report)
}

/// Judges the commitments without a place in the log. Answers how many may still get one.
fn unplaced(transaction: &mut Transaction<'_>, report: &mut Report) -> Result<u64, Undecided> {
    const OUTCOME: &str = "ledger.commitment_outcome";
    const LEDGER: &str = "ledger.commitment_ledger";
    let mut unplaced = Cursor::open(transaction, UNPLACED, &[], |row: &Row| {
        Ok(Unplaced {
            key: row.try_get::<_, Option<_>>(0)?.unwrap_or_default(),
            claimed: row.try_get(1)?,
            concluded: row.try_get(2)?,
            passed: row.try_get(3)?,
        })
    })?;
    let mut waiting = 0;
    while let Some(row) = unplaced.next(transaction)? {
        let (text, table) = if !row.claimed {
            ("an outcome without a claim", OUTCOME)
        } else if !row.concluded {
            ("a claim without an outcome", LEDGER)
        } else if row.passed {
            let text = "a commitment that was not there when the sequencer passed its place";
            (text, OUTCOME)
        } else {
            waiting += 1;
            continue;
        };
        let finding = Finding::new("row-extra", text).in_table(table);
        report.find(finding.of_commitment(hex(&row.key)));
    }
    Ok(waiting)
}

/// Finds entries of the audit trail without a commitment.
fn without_claim(transaction: &mut Transaction<'_>, report: &mut Report) -> Result<(), Undecided> {
    let mut rows = Cursor::open(transaction, WITHOUT_CLAIM, &[], |row: &Row| {
        row.try_get::<_, i64>(0)
    })?;
    while let Some(id) = rows.next(transaction)? {
        let text = "an entry of the audit trail without a commitment";
        let finding = Finding::new("row-extra", text).in_table("audit.trail");
        report.find(finding.of_row(format!("{{\"id\": {id}}}")));
    }
    Ok(())
}

/// Counts what is newer than the published log. It is not judged.
fn newer(
    transaction: &mut Transaction<'_>,
    size: u64,
    waiting: u64,
    report: &mut Report,
) -> Result<(), Undecided> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let row = transaction.query_one(NEWER, &[&size]).map_err(failed)?;
    let count = |column: usize| row.try_get::<_, i64>(column).map_err(failed);
    report.fact("unpublished_entries", count(0)?);
    report.fact("unplaced_commitments", waiting);
    report.fact("unpublished_mutations", count(2)?);
    let checkpoints = count(1)?;
    if checkpoints > 0 {
        report.note(format!(
            "{checkpoints} recorded checkpoints are newer than the published one: not judged"
        ));
    }
    Ok(())
}
