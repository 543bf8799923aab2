//! `GET /v1/releases/{id}`: one, whatever became of it.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/releases/{id}",
        },
        handler::handle,
    )
}
