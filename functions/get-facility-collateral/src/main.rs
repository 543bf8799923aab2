//! `GET /v1/facilities/{id}/collateral`: filings, pledges, borrowing base, open releases and warnings.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/facilities/{id}/collateral",
        },
        handler::handle,
    )
}
