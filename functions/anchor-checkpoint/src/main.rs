//! Scheduled: writes the latest checkpoint into a public chain.
//!
//! | module | holds |
//! |---|---|
//! | [`handler`] | one run: look, decide, do one thing, look again |
//! | [`plan`] | the decisions; pure |
//! | [`fees`] | what is offered for a place in the chain; pure |
//! | [`records`] | what the database has recorded, read with suspicion |
//! | [`node`] | the chain as a JSON-RPC node tells it, which is not trusted |
//! | [`config`], [`chain_key`], [`resources`] | the environment, the account's key, and what a run needs of them |
//!
//! # What cannot go wrong
//!
//! A transaction is recorded before it is sent, and only what the database gives back is ever sent. A crash
//! before the record leaves nothing; a crash after it leaves a transaction that the next run finds, and sends as
//! if nothing had happened: it is the same one, byte by byte, and a chain takes it once.
//!
//! All of a checkpoint's transactions share a nonce as long as one of them may be mined, and a chain takes one
//! transaction for a nonce: a replacement with a higher fee never is a second anchor.
//!
//! What a chain has confirmed is recorded, and not looked at again: a reorganisation deeper than
//! `CHAIN_CONFIRMATIONS` can undo it, and whoever audits looks at the chain and not at our record. Nodes put
//! what was undone back into their pools; until it is mined again its nonce is taken, and the next run fails.
//!
//! A node that lies can hide what was mined, and so cost a second fee for an anchor that says the same; it can
//! claim what was not mined, and so have an anchor recorded that an auditor with another node will not find.
//! It cannot have anything else signed, nor a higher fee than [`fees`] allows.

mod chain_key;
mod config;
mod fees;
mod handler;
mod node;
mod plan;
mod records;
mod resources;

use std::process::ExitCode;

use shared::runtime::Job;

use self::{
    config::{AnchorConfig, CONFIG},
    resources::AnchorResources,
};

fn main() -> ExitCode {
    Job::start(
        env!("CARGO_PKG_NAME"),
        &CONFIG,
        AnchorConfig::read,
        AnchorResources::new,
    )
    .serve(handler::handle)
}
