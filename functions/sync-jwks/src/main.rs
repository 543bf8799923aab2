//! Scheduled: the keys that the issuer publishes become the ones the database verifies with.

mod config;
mod handler;
mod resources;

use std::process::ExitCode;

use shared::runtime::Job;

use self::{
    config::{CONFIG, JwksSyncConfig},
    resources::JwksSyncResources,
};

fn main() -> ExitCode {
    Job::start(
        env!("CARGO_PKG_NAME"),
        &CONFIG,
        JwksSyncConfig::read,
        JwksSyncResources::new,
    )
    .serve(handler::handle)
}
