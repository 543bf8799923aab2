//! Scheduled: the database forgets verified tokens that have expired.

mod handler;

use std::process::ExitCode;

use shared::runtime::job;

fn main() -> ExitCode {
    job(env!("CARGO_PKG_NAME"), handler::handle)
}
