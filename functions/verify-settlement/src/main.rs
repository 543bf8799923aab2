//! `POST /v1/settlements/{id}/verify`: a second pair of eyes, a checker, confirms a settlement.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/settlements/{id}/verify",
        },
        handler::handle,
    )
}
