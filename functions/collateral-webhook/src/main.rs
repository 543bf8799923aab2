//! `POST /v1/webhooks/collateral/{agent}`: a collateral agent tells what was filed, signed, pledged, valued, held and
//! found.

mod event;
mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, agent};

fn main() -> ExitCode {
    agent(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/webhooks/collateral/{agent}",
        },
        handler::handle,
    )
}
