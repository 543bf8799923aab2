//! `POST /v1/webhooks/platform/{agent}`: the platform brings allocators, members, agents, facilities, their
//! parties and rules, and capital.

mod event;

use std::process::ExitCode;

use shared::runtime::{Endpoint, agent};

fn main() -> ExitCode {
    agent(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/webhooks/platform/{agent}",
        },
        &event::WEBHOOK,
        |gateway, event| async move { gateway.platform_webhook(&event).await },
    )
}
