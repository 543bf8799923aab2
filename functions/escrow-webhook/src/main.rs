//! `POST /v1/webhooks/escrow/{agent}`: an escrow agent holds the capital, or could not.

use std::process::ExitCode;

use shared::{
    http::webhook::{Webhook, report_done, report_failed},
    runtime::{Endpoint, agent},
    settlement::Report,
};

const WEBHOOK: Webhook<Report> = Webhook {
    events: &[
        ("escrow.funded", report_done),
        ("escrow.failed", report_failed),
    ],
    unknown: "must be escrow.funded or escrow.failed",
};

fn main() -> ExitCode {
    agent(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/webhooks/escrow/{agent}",
        },
        &WEBHOOK,
        |gateway, event| async move { gateway.escrow_webhook(&event).await },
    )
}
