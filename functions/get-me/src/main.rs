//! `GET /v1/me`: who one is here: person, allocator, roles.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/me",
        },
        handler::handle,
    )
}
