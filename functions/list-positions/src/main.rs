//! `GET /v1/positions`: the allocator's capital by currency, and its positions by facility.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/positions",
        },
        handler::handle,
    )
}
