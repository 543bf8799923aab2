//! The one start-up of all functions.
//!
//! | entry point | for | what it has done before the handler is asked |
//! |---|---|---|
//! | [`human()`] | people's endpoints | route, size, content type; token |
//! | [`agent()`] | webhooks | route, size, content type; signature |
//! | [`system()`] | scheduled functions | – |
//! | [`rounds()`] | functions that work in rounds of seconds | – |
//! | [`registrar()`] | `sync-jwks` | – |
//! | [`anchorer()`] | `anchor-checkpoint` | – |
//! | [`signer()`] | `sign-checkpoint` | – |
//! | [`deployment()`] | `migrate` | – |
//!
//! The environment is parsed before the first poll, and the secrets are on their way by then. Until both are
//! good, nothing of a request is looked at and the answer is the generic 500: in the same words, with the
//! same headers, and not sooner for one cause than for another. Secrets that could not be read are tried again by
//! the next invocation; a malformed environment stays what it is.
//!
//! A crash anywhere here loses an invocation and nothing else: what a mutation did is in the database,
//! completely or not at all.

mod agent;
mod anchorer;
mod deployment;
mod human;
mod invocation;
mod prepare;
mod registrar;
mod rounds;
mod serve;
mod signer;
mod stack_event;
mod system;

pub use self::{
    agent::{AgentCall, agent},
    anchorer::{AnchorerCall, anchorer},
    deployment::{DeploymentCall, deployment},
    human::{HumanCall, human},
    registrar::{RegistrarCall, registrar},
    rounds::{Pace, RoundsCall, rounds},
    signer::{SignerCall, signer},
    system::{Failed, SystemCall, system},
};
pub use crate::http::Endpoint;
