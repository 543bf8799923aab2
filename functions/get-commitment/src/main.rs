//! `GET /v1/commitments/{id}`: the ledger's entry of one of the allocator's own commitments.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/commitments/{id}",
        },
        handler::handle,
    )
}
