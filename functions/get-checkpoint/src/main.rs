//! `GET /v1/checkpoint`: how far the log is signed and anchored.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/checkpoint",
        },
        handler::handle,
    )
}
