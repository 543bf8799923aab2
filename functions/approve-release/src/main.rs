//! `POST /v1/releases/{id}/approve`: a second pair of eyes approves exactly the content whose hash it names.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/releases/{id}/approve",
        },
        handler::handle,
    )
}
