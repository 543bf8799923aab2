//! `GET /v1/settlements`: the allocator's own settlements, newest first or in the order of changes.

mod handler;
mod query;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/settlements",
        },
        handler::handle,
    )
}
