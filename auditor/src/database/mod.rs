//! `verify database`: every row against what was published.
//!
//! ```text
//! tlog.entry ⋈ ledger.commitment_ledger ⋈ ledger.commitment_outcome  by index   } beside the published
//! audit.trail                                                         by index   } entries, one after
//! tlog.node, tlog.checkpoint                                          by place   } the other
//! each audited table  beside its rows of audit.trail                  by row key
//! risk.run            beside the postings and profiles it names     by run
//! ```
//!
//! The log's checkpoint is read before the snapshot of the database is taken, so all that is published must be in the
//! snapshot. Each stream is a portal: the server sorts, and a few hundred rows are in memory at a time. Only the
//! server's text forms of values are used: every hash is computed here.

mod connect;
mod cursor;
mod domain;
mod leaf;
mod loose;
mod nodes;
mod rows;
mod runs;
mod sql;

use postgres::IsolationLevel;

use self::sql::failed;
use crate::{
    cli,
    log::{self, Kept},
    progress::Progress,
    report::{Report, Undecided},
    source::Source,
    trust::Trust,
};

/// The session's settings: text forms as the audit trail was written in, names from the catalogue alone, no time-outs.
const SETTINGS: &str = "
    set local search_path = pg_catalog;
    set local timezone = 'UTC';
    set local datestyle = 'ISO, MDY';
    set local intervalstyle = 'postgres';
    set local bytea_output = 'hex';
    set local extra_float_digits = 1;
    set local statement_timeout = 0;
    set local lock_timeout = 0;
    set local idle_in_transaction_session_timeout = 0;
    set local transaction_timeout = 0";

pub(crate) fn verify(
    arguments: &cli::Database,
    trust: &Trust,
    report: &mut Report,
    progress: &Progress,
) -> Result<(), Undecided> {
    let source = Source::open(&arguments.log)?;
    let kept = Kept::read(&arguments.checkpoint)?;
    let mut client = connect::connect(arguments)?;
    // The checkpoint is read before the snapshot is taken, so what is published by now is in the snapshot.
    let target = log::target(&source, trust, report)?;
    let mut transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .map_err(failed)?;
    let version: i32 = transaction
        .query_one("select current_setting('server_version_num')::int4", &[])
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    let settings = match SETTINGS.rsplit_once(';') {
        // PostgreSQL before 17 does not know the last setting.
        Some((known, _)) if version < 170_000 => known,
        _ => SETTINGS,
    };
    transaction.batch_execute(settings).map_err(failed)?;

    let mut rows = rows::Rows::open(&mut transaction, trust, &target)?;
    log::verify(
        &source,
        trust,
        &target,
        &kept,
        report,
        progress,
        Some(&mut rows),
    )?;
    rows.finish(report)?;
    loose::verify(&mut transaction, &target, report)?;
    runs::verify(&mut transaction, report)?;
    progress.begin_unbounded("rows against their audit trail");
    let done = domain::verify(&mut transaction, report, progress);
    progress.end();
    done
}
