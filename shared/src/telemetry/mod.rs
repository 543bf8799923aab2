//! What is known of a running function: JSON log lines and `CloudWatch` metrics, both on standard output.
//!
//! No line has a token, a secret, a signature, a header or a body.

mod events;
mod metrics;

pub(crate) use self::metrics::{Measured, emit};
pub use self::{events::start_logging, metrics::Meter};
