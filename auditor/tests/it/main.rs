//! Logs made here and damaged in many ways, and the program's answers.

// A test whose set-up fails must fail.
#![allow(clippy::unwrap_used)]

mod anchors;
mod command_line;
mod damage;
mod kept;
mod made;
mod proofs;
mod risk_runs;
mod served;
