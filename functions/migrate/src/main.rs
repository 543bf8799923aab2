//! Deployment: migrations, gateway functions, and what the deployment was told. Safe to run again.

mod handler;

use std::process::ExitCode;

use shared::runtime::deployment;

fn main() -> ExitCode {
    deployment(env!("CARGO_PKG_NAME"), handler::handle)
}
