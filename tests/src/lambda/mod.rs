//! A Lambda of our own: it starts the real binaries and speaks the Runtime API to them.
//!
//! Beyond what AWS's does, it can kill a process at the worst moment: when its answer has been
//! sent, so that its effect is committed and nobody learns of it.

mod event;
mod function;
mod job;
mod process;
mod runtime_api;

pub use event::{event, response};
pub use function::{Function, Launch};
pub use job::{Answer, Invocation, Moment};

#[cfg(test)]
mod tests;
