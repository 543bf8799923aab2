//! `GET /v1/settlements/{id}`: one of the allocator's own settlements, with its transitions and refusals.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/settlements/{id}",
        },
        handler::handle,
    )
}
