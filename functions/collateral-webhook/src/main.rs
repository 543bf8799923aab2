//! `POST /v1/webhooks/collateral/{agent}`: a collateral agent tells what was filed, signed, pledged, valued, held and
//! found.

mod event;

use std::process::ExitCode;

use shared::runtime::{Endpoint, agent};

fn main() -> ExitCode {
    agent(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/webhooks/collateral/{agent}",
        },
        &event::WEBHOOK,
        |gateway, event| async move { gateway.collateral_webhook(&event).await },
    )
}
