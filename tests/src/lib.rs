//! The local stack: the real binaries on real parts, on this machine alone.
//!
//! | module | is |
//! |---|---|
//! | [`folders`] | where the stack keeps its tools and its state |
//! | [`tools`] | tools that are not written here, installed once from pinned requirements |
//! | [`child`] | a program that cannot outlive us |
//! | [`http`] | requests and replies, a client, and a server that can misbehave |
//! | [`cargo`], [`routes`] | the build and the routes of the workspace |
//! | [`postgres`] | a PostgreSQL cluster of our own |
//! | [`aws`] | Secrets Manager, S3 and `DynamoDB`, by moto's server |
//! | [`secrets`] | random bytes, and bytes as text |
//! | [`chain`] | an EVM chain, by anvil |
//! | [`witness`] | a witness that cosigns the log |
//! | [`issuer`] | a Supabase-shaped token issuer with a sign-in, and keys to forge with |
//! | [`lambda`] | a Lambda Runtime API that invokes the binaries, and kills them on request |
//! | [`watch`] | the local gateway: the same binaries behind HTTP, run by cargo-lambda |
//! | [`sample_data`] | the sample people, agents and facilities, and clients that act as them |
//! | [`deployment`] | secrets, logins and environment: what an operator does once |
//! | [`stack`] | all of it behind one gateway: what `cargo xtask up` and `demo` run |
//! | [`fixture`] | all of it in front of a fresh database: what each test runs on |
//!
//! The words around a test:
//!
//! | word | means |
//! |---|---|
//! | [`fixture::Fixture`] | what one test runs on: a database, an issuer and the functions of its own |
//! | [`fixture::Services`] | what all fixtures share: the cluster, Secrets Manager, the template databases |
//! | [`sample_data`] | the allocators, people, agents and facilities that a fixture begins with |
//! | [`sample_data::WebhookEvent`] | an event of the platform or an agent, before it is signed and delivered |
//! | `…Fixture` in a test module | a `Fixture` in its field `base`, with what the tests of that module need besides |
//! | `SecuredFacility` | a facility with collateral, and the people and agents that act on it |
//!
//! Everything is synchronous and adds no feature to a crate that the functions compile: the
//! tests then share the functions' build instead of doubling it.

// A tool for tests: what cannot be set up cannot be tested, and says so loudly.
#![allow(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::panic)]

/// What SQL can fail with: for those who try what must fail.
pub use ::postgres::Error as SqlError;

pub mod aws;
pub mod cargo;
pub mod chain;
pub mod child;
pub mod deployment;
pub mod fixture;
pub mod folders;
pub mod http;
pub mod issuer;
pub mod lambda;
pub mod postgres;
pub mod progress;
pub mod routes;
pub mod sample_data;
pub mod secrets;
pub mod stack;
pub mod tools;
pub mod watch;
pub mod witness;
