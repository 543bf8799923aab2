//! Scheduled: opens and closes the warnings of all secured facilities, one facility a transaction.

mod handler;
mod tally;

use std::process::ExitCode;

use shared::runtime::job;

fn main() -> ExitCode {
    job(env!("CARGO_PKG_NAME"), handler::handle)
}
