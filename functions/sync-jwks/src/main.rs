//! Scheduled: the keys that the issuer publishes become the ones the database verifies with.

mod handler;

use std::process::ExitCode;

use shared::runtime::registrar;

fn main() -> ExitCode {
    registrar(env!("CARGO_PKG_NAME"), handler::handle)
}
