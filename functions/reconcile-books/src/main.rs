//! Scheduled: adds up all books again, and raises the alarm where they do not.

mod handler;

use std::process::ExitCode;

use shared::runtime::job;

fn main() -> ExitCode {
    job(env!("CARGO_PKG_NAME"), handler::handle)
}
