//! `GET /v1/commitments/{id}/proof`: the receipt of one of the allocator's own commitments, as a file.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/commitments/{id}/proof",
        },
        handler::handle,
    )
}
