//! Logs made here, damaged in every way there is, and what the program says.

mod anchors;
mod command_line;
mod damage;
mod kept;
mod made;
mod proofs;
