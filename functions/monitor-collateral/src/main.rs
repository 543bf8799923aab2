//! Scheduled: opens and closes the warnings of all secured facilities, one facility a transaction.

mod handler;
mod tally;

use std::process::ExitCode;

use shared::runtime::system;

fn main() -> ExitCode {
    system(env!("CARGO_PKG_NAME"), handler::handle)
}
