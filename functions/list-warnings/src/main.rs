//! `GET /v1/warnings`: warnings of all facilities it takes part in, newest first.

mod handler;
mod query;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/warnings",
        },
        handler::handle,
    )
}
