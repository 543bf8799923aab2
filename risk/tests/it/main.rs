//! Holds the engine to what is known without it.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::doc_markdown,
    clippy::excessive_precision,
    clippy::unreadable_literal,
    clippy::unwrap_used,
    reason = "small numbers, made up; formulas as in their sources"
)]
#![allow(unreachable_pub, reason = "one test binary")]

mod bits;
mod books;
mod closed;
mod coverage;
mod exact;
mod exactly;
mod gauss;
mod inputs;
mod pictures;
mod properties;
mod truths;
