//! `GET /v1/risk-runs`: the allocator's own risk runs, newest first.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/risk-runs",
        },
        handler::handle,
    )
}
