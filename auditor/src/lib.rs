//! The auditor's verifier. It works from published files and from keys given out of band, without the gateway.
//!
//! | module | is |
//! |---|---|
//! | [`cli`] | the command line, whose help is the manual |
//! | [`run`](fn@run) | from the command line to a [`report::Report`] |
//! | [`trust`] | the policy: whose signatures count |
//! | [`source`] | published files, in a folder or behind HTTP |
//! | [`log`] | a whole log, computed anew |
//! | [`report`], [`progress`] | the answer, and how far the work has come |
//!
//! The crates `tlog`, `evm` and `risk` read every foreign byte. The auditor writes nothing anywhere.

mod anchor;
pub mod cli;
mod consistency;
mod database;
mod files;
mod kept;
pub mod log;
pub mod progress;
mod receipt;
pub mod report;
mod risk_run;
mod run;
pub mod source;
pub mod trust;

pub use run::run;
