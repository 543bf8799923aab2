//! Logs made here, damaged in every way there is, and what the program says.

// What cannot be set up cannot be tested, and says so loudly.
#![allow(clippy::unwrap_used)]

mod anchors;
mod command_line;
mod damage;
mod kept;
mod made;
mod proofs;
mod risk_runs;
