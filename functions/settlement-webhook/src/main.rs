//! `POST /v1/webhooks/settlement/{agent}`: a settlement agent completed the transfer, or could not.

use std::process::ExitCode;

use shared::{
    http::webhook::{Webhook, report_done, report_failed},
    runtime::{Endpoint, agent},
    settlement::Report,
};

const WEBHOOK: Webhook<Report> = Webhook {
    events: &[
        ("settlement.completed", report_done),
        ("settlement.failed", report_failed),
    ],
    unknown: "must be settlement.completed or settlement.failed",
};

fn main() -> ExitCode {
    agent(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/webhooks/settlement/{agent}",
        },
        &WEBHOOK,
        |gateway, event| async move { gateway.settlement_webhook(&event).await },
    )
}
