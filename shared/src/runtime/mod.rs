//! The one start-up of all functions.
//!
//! | entry point | for | what it has done before the handler is asked |
//! |---|---|---|
//! | [`human()`] | people's endpoints | route, size, content type; token |
//! | [`agent()`] | webhooks | route, size, content type; signature; the event |
//! | [`job()`], [`Job`] | functions that nobody calls over HTTP | – |
//!
//! The environment is parsed before the first poll, and the secrets are on their way by then. Until both are
//! good, nothing of a request is looked at and the answer is the generic 500: in the same words, with the
//! same headers, and not sooner for one cause than for another. Secrets that could not be read are tried again by
//! the next invocation; a malformed environment stays what it is.
//!
//! A crash anywhere here loses an invocation and nothing else: what a mutation did is in the database,
//! completely or not at all.

mod agent;
mod human;
mod invocation;
mod job;
mod pace;
mod prepare;
mod serve;

pub use self::{
    agent::agent,
    human::{HumanCall, human},
    invocation::Invocation,
    job::{Failed, Job, JobCall, job},
    pace::Pace,
    prepare::{ConnectionCache, Prepare},
};
pub use crate::http::Endpoint;
