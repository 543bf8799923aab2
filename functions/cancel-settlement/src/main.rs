//! `POST /v1/settlements/{id}/cancel`: the allocator withdraws a settlement before escrow.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/settlements/{id}/cancel",
        },
        handler::handle,
    )
}
