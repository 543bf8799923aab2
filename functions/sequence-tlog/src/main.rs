//! Scheduled: gives the outcomes of the ledger their places in the log.

mod config;
mod handler;

use std::process::ExitCode;

use shared::runtime::{ConnectionCache, Job};

use self::config::{CONFIG, SequencerConfig};

fn main() -> ExitCode {
    Job::start(
        env!("CARGO_PKG_NAME"),
        &CONFIG,
        SequencerConfig::read,
        |name, config| ConnectionCache::new(name, &config.base),
    )
    .serve(handler::handle)
}
