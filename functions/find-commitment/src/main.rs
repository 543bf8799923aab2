//! `GET /v1/commitments`: one's own ledger entry, by what one sent.

mod handler;
mod query;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/commitments",
        },
        handler::handle,
    )
}
