//! `POST /v1/settlements`: a maker proposes a settlement.

mod body;
mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/settlements",
        },
        handler::handle,
    )
}
