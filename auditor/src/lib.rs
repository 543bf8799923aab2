//! The auditor's verifier: from published files and keys given out of band, without us.
//!
//! | module | is |
//! |---|---|
//! | [`cli`] | the command line, whose help is the manual |
//! | [`run`](fn@run) | from the command line to a [`report::Report`] |
//! | [`trust`] | the policy: whose signatures count |
//! | [`source`] | published files, in a folder or behind HTTP |
//! | [`log`] | a whole log, computed anew |
//! | [`report`], [`progress`] | what is said, and meanwhile |
//!
//! Every foreign byte is read by the crates `tlog`, `evm` and `risk`. Nothing is written anywhere.

mod anchor;
pub mod cli;
mod consistency;
mod database;
mod files;
pub mod log;
pub mod progress;
mod receipt;
pub mod report;
mod risk_run;
mod run;
pub mod source;
pub mod trust;

pub use run::run;
