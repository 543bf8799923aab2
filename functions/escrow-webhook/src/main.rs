//! `POST /v1/webhooks/escrow/{agent}`: an escrow agent holds the capital, or could not.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, agent};

fn main() -> ExitCode {
    agent(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/webhooks/escrow/{agent}",
        },
        handler::handle,
    )
}
