//! What every function of the settlement gateway is made of.
//!
//! | module | holds |
//! |---|---|
//! | [`runtime`] | the one start-up of all functions |
//! | [`config`] | environment and secrets, parsed once into types |
//! | [`http`] | event, request, response, problem |
//! | [`auth`] | who is calling: tokens of people, signatures of agents |
//! | [`commitment`] | a commitment's id and fingerprint, to the byte |
//! | [`gateway`] | the only SQL: one Rust function for each gateway function |
//! | [`strict_json`] | JSON that every reader reads alike |
//! | [`outbound`] | requests to hosts that are not trusted |
//! | [`telemetry`] | JSON log lines, embedded metrics |
//! | [`ids`], [`money`], [`settlement`], [`collateral`], [`paging`] | the words of the domain |
//!
//! # The dependency rule
//!
//! - `ids`, `money`, `settlement`, `collateral`, `paging`, `commitment`, `strict_json`, `auth::jwt` and `auth::webhook`
//!   are pure: no clock, no environment, no network, no randomness. Time is an argument.
//! - Only `config` reads the environment, only `gateway` holds SQL, only `http::problem` turns an error
//!   into a status, and only `auth` makes a principal.
//! - `gateway` knows nothing of `http`.
//! - The functions depend on this crate and never on each other. What one function alone needs is in its folder.

pub mod auth;
mod clock;
pub mod collateral;
pub mod commitment;
pub mod config;
pub mod gateway;
pub mod http;
pub mod ids;
pub mod money;
pub mod outbound;
pub mod paging;
pub mod runtime;
pub mod settlement;
pub mod strict_json;
pub mod telemetry;
