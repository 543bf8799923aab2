//! `GET /v1/audit`: the allocator's own audit trail, newest first.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/audit",
        },
        handler::handle,
    )
}
