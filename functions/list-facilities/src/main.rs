//! `GET /v1/facilities`: the facilities that the allocator leads or has a settlement in.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/facilities",
        },
        handler::handle,
    )
}
