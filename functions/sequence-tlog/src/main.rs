//! Scheduled: gives the outcomes of the ledger their places in the log.

mod handler;

use std::process::ExitCode;

use shared::runtime::rounds;

fn main() -> ExitCode {
    rounds(env!("CARGO_PKG_NAME"), handler::handle)
}
