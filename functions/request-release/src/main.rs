//! `POST /v1/facilities/{id}/releases`: a maker of the lead allocator asks to release collateral.

mod body;
mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/facilities/{id}/releases",
        },
        handler::handle,
    )
}
