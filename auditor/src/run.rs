//! From the command line to a report.

use crate::{
    anchor, cli, consistency, database,
    log::{self, Kept},
    progress::Progress,
    receipt,
    report::{Report, Undecided},
    risk_run,
    source::Source,
    trust::Trust,
};

/// Runs the command. What stops it early is in the report.
#[must_use]
pub fn run(command: &cli::Verify) -> Report {
    let mut report = Report::default();
    if let Err(Undecided(reason)) = decide(command, &mut report) {
        report.undecided(reason);
    }
    report
}

fn decide(command: &cli::Verify, report: &mut Report) -> Result<(), Undecided> {
    let common = command.common();
    let trust = || Trust::load(common.policy.as_deref());
    let progress = Progress::new(common.json || common.quiet);
    match command {
        cli::Verify::Receipt(arguments) => receipt::verify(arguments, &trust()?, report),
        cli::Verify::Consistency(arguments) => consistency::verify(arguments, &trust()?, report),
        cli::Verify::Anchor(arguments) => anchor::verify(arguments, &trust()?, report),
        cli::Verify::Database(arguments) => {
            database::verify(arguments, &trust()?, report, &progress)
        }
        // A run bears no signature, so it needs no key: it is computed again.
        cli::Verify::RiskRun(arguments) => risk_run::verify(arguments, report),
        cli::Verify::Log(arguments) => {
            let trust = trust()?;
            let source = Source::open(&arguments.log)?;
            let kept = Kept::read(&arguments.checkpoint)?;
            let target = log::target(&source, &trust, report)?;
            log::verify(&source, &trust, &target, &kept, report, &progress, None)
        }
    }
}
