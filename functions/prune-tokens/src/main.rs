//! Scheduled: the database forgets verified tokens that have expired.

mod handler;

use std::process::ExitCode;

use shared::runtime::system;

fn main() -> ExitCode {
    system(env!("CARGO_PKG_NAME"), handler::handle)
}
