//! Scheduled: settlements whose time has run out become EXPIRED.

mod handler;

use std::process::ExitCode;

use shared::runtime::system;

fn main() -> ExitCode {
    system(env!("CARGO_PKG_NAME"), handler::handle)
}
