//! Scheduled: signs the log as far as it has grown, and publishes it.
//!
//! | module | holds |
//! |---|---|
//! | [`round`] | a round, step by step, and why a crash after each step is clean |
//! | [`judge`] | what must agree before anything is signed; pure |
//! | [`ended`] | how a round ends early: stopped for good, outrun, or for now |
//! | [`state`] | what the signer remembers, in `DynamoDB` |
//! | [`staged`] | a round's files as one object |
//! | [`bucket`] | S3 |
//! | [`publish`] | a checkpoint: signed, cosigned, published |
//! | [`witnesses`] | the witnesses, and how they are asked for cosignatures |
//! | [`config`], [`note_key`], [`resources`] | the environment, the log's key, and what rounds need of them |

mod bucket;
mod config;
mod ended;
mod handler;
mod judge;
mod note_key;
mod publish;
mod resources;
mod round;
mod staged;
mod state;
mod witnesses;

use std::process::ExitCode;

use shared::runtime::Job;

use self::{
    config::{CONFIG, SignerConfig},
    resources::SignerResources,
};

fn main() -> ExitCode {
    Job::start(
        env!("CARGO_PKG_NAME"),
        &CONFIG,
        SignerConfig::read,
        SignerResources::new,
    )
    .serve(handler::handle)
}
