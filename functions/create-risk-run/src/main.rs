//! `POST /v1/risk-runs`: the risk of the allocator's positions as they are, computed and recorded.

mod body;
mod compute;
mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/risk-runs",
        },
        handler::handle,
    )
}
