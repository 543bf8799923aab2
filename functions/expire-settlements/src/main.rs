//! Scheduled: settlements whose time has run out become EXPIRED.

mod handler;

use std::process::ExitCode;

use shared::runtime::job;

fn main() -> ExitCode {
    job(env!("CARGO_PKG_NAME"), handler::handle)
}
