//! Scheduled: ends what logins hold for too long, and reports what is not as a deployment left it.

mod handler;

use std::process::ExitCode;

use shared::runtime::job;

fn main() -> ExitCode {
    job(env!("CARGO_PKG_NAME"), handler::handle)
}
