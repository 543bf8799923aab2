//! `GET /v1/releases`: releases of all facilities it leads, newest first.

mod handler;
mod query;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/releases",
        },
        handler::handle,
    )
}
