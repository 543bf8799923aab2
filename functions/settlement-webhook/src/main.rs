//! `POST /v1/webhooks/settlement/{agent}`: a settlement agent completed the transfer, or could not.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, agent};

fn main() -> ExitCode {
    agent(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/webhooks/settlement/{agent}",
        },
        handler::handle,
    )
}
