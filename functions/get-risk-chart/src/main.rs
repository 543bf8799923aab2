//! `GET /v1/risk-runs/{id}/chart.svg`: the chart of one of the allocator's own risk runs.

mod chart;
mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "GET",
            route: "/v1/risk-runs/{id}/chart.svg",
        },
        handler::handle,
    )
}
