//! `GET /v1/settlements/{id}/verification`: what verify would refuse the caller for now: a dry run.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/settlements/{id}/verification",
        },
        handler::handle,
    )
}
