//! `GET /v1/facilities/{id}`: one that the allocator takes part in, with its rules and open warnings.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/facilities/{id}",
        },
        handler::handle,
    )
}
