//! Special functions in pure Rust arithmetic: the same bits on every machine.
//!
//! Additions, multiplications, divisions and square roots of IEEE 754 are exact to the last bit everywhere, and Rust
//! neither fuses nor reorders them. The elementary functions above them (exp, ln, erfc, lgamma) come from `libm`,
//! which is Rust as well. A platform's own functions differ in the last place, and are not called here.

pub mod beta;
pub mod chi;
mod hermite;
pub mod normal;
mod solve;
pub mod student;

pub(crate) use self::hermite::Curve;
