//! `POST /v1/webhooks/platform/{agent}`: the platform brings allocators, members, agents, facilities, their
//! parties and rules, and capital.

mod event;
mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, agent};

fn main() -> ExitCode {
    agent(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "POST",
            route: "/v1/webhooks/platform/{agent}",
        },
        handler::handle,
    )
}
