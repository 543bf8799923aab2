//! Scheduled: the keys that the issuer publishes become the ones the database verifies with.
//!
//! A person may invoke it with `{"retire_key": "<RFC 7638 thumbprint>"}`: that key then verifies no token again.

mod config;
mod event;
mod handler;
mod resources;

use std::process::ExitCode;

use serde_json::value::RawValue;
use shared::runtime::{Invocation, Job};

use self::{
    config::{CONFIG, JwksSyncConfig},
    event::Task,
    resources::JwksSyncResources,
};

fn main() -> ExitCode {
    let job = Job::start(
        env!("CARGO_PKG_NAME"),
        &CONFIG,
        JwksSyncConfig::read,
        JwksSyncResources::new,
    );
    job.serve_events(
        move |event: Box<RawValue>, invocation: Invocation| async move {
            let task = Task::parse(event.get())?;
            job.perform(invocation, move |call| handler::handle(call, task))
                .await
        },
    )
}
