//! `GET /v1/risk-runs/{id}`: one of the allocator's own risk runs, with all that it takes to compute it again.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/risk-runs/{id}",
        },
        handler::handle,
    )
}
