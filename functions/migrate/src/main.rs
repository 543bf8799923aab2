//! Deployment: migrations, gateway functions, and what the deployment was told. Safe to run again.
//!
//! A person or a pipeline invokes it, with an event that says nothing that is used; or a stack does, as a custom
//! resource.

mod config;
mod handler;
mod migrations;
mod resources;
mod stack_event;

use std::process::ExitCode;

use serde_json::{json, value::RawValue};
use shared::runtime::{Invocation, Job};
use tracing::{error, info};

use self::{
    config::{CONFIG, MigrateConfig},
    resources::MigrateResources,
    stack_event::{StackEvent, StackRequest},
};

fn main() -> ExitCode {
    let job = Job::start(
        env!("CARGO_PKG_NAME"),
        &CONFIG,
        MigrateConfig::read,
        MigrateResources::new,
    );
    job.serve_events(
        move |event: Box<RawValue>, invocation: Invocation| async move {
            let stack = StackEvent::parse(event.get());
            let by_stack = stack.is_some();
            let result = match &stack {
                // A stack that is deleted leaves the database as it is.
                Some(stack) if stack.request == StackRequest::Delete => Ok(json!({})),
                Some(stack) if !stack.bootstrapped => {
                    info!("The database has not been set up: nothing is migrated.");
                    Ok(json!({ "bootstrapped": false }))
                }
                _ => {
                    job.perform(invocation, move |call| handler::handle(call, by_stack))
                        .await
                }
            };
            // A stack that goes back must arrive, or it takes no deployment any more. What this version could do, the
            // next deployment does.
            let result = match (&stack, result) {
                (Some(stack), Err(_)) if stack.goes_back => {
                    error!(
                        "The stack goes back to an earlier version; the database is left as it is."
                    );
                    Ok(json!({ "left": true }))
                }
                (_, result) => result,
            };
            if let Some(stack) = stack {
                stack.reply(&result).await?;
            }
            result
        },
    )
}
