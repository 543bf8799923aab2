//! A Lambda of our own: it starts the real binaries and speaks the Runtime API to them.
//!
//! Beyond what AWS's does, it can kill a process at the worst moment: when its answer has been
//! sent, so that its effect is committed and nobody learns of it. And it can keep a function as busy as its
//! processes let it, and take the time.

mod event;
mod function;
mod job;
mod load;
mod process;
mod runtime_api;

pub use event::{event, response};
pub use function::{Function, Launch};
pub use job::{Answer, Invocation, Moment};
pub use load::{Load, Reading};

#[cfg(test)]
mod tests;
