//! Scheduled: signs the log as far as it has grown, and publishes it.
//!
//! | module | is |
//! |---|---|
//! | [`round`] | a round, step by step, and why a crash after each step is clean |
//! | [`judge`] | what must agree before anything is signed; pure |
//! | [`ended`] | how a round ends early: stopped for good, outrun, or for now |
//! | [`state`] | what the signer remembers, in `DynamoDB` |
//! | [`staged`] | a round's files as one object |
//! | [`bucket`] | S3 |
//! | [`publish`] | a checkpoint: signed, cosigned, published |
//! | [`witnesses`] | whom to ask for cosignatures |

mod bucket;
mod ended;
mod handler;
mod judge;
mod publish;
mod round;
mod staged;
mod state;
mod witnesses;

use std::process::ExitCode;

use shared::runtime::signer;

fn main() -> ExitCode {
    signer(env!("CARGO_PKG_NAME"), handler::handle)
}
