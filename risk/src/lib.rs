//! Portfolio credit risk by simulation: value at risk and expected shortfall, reproducible to the bit.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`input`] | a portfolio: a draft is checked once, or refused with all that is missing or wrong |
//! | [`snapshot`] | a portfolio's bytes and their SHA-256 |
//! | [`parameters`] | levels, scenarios, copula, method, seed, and their bounds |
//! | [`run()`] | the run |
//! | [`outcome`] | results, in integer minor units |
//! | [`recompute`] | computes a recorded run again: equal, or where it differs |
//! | [`cost`] | what a run will take, before it starts |
//! | [`chart`] | the loss distribution as SVG |
//! | [`random`], [`math`] | random numbers by address; special functions |
//!
//! The mathematics is in `docs/RISK.md`, formula by formula, and beside the code that computes it.
//!
//! # The same bits
//!
//! Random numbers are addressed by scenario and name, not drawn in an order. Losses are integers and are added as such.
//! Where floating-point numbers are added (importance sampling's weights), they are added in one order. What is
//! computed in floating point uses the four operations and the square root, which IEEE 754 defines to the last bit, and
//! `libm`'s functions, which are made of those; the compiler neither fuses nor reorders them. So a run gives the same
//! results on any number of threads, on any of our targets, optimised or not; [`MODEL_VERSION`] changes when it does
//! not.
//!
//! Not here: where inputs come from, who may ask, where results are kept.

#![allow(
    clippy::doc_markdown,
    clippy::many_single_char_names,
    clippy::similar_names,
    reason = "formulas are written, and their variables named, as in their sources"
)]
#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::float_cmp,
        clippy::manual_is_multiple_of,
        clippy::excessive_precision,
        reason = "small numbers, made up"
    )
)]

pub mod chart;
pub mod cost;
mod digits;
mod exact;
mod found;
mod importance;
pub mod input;
mod kernel;
pub mod math;
mod measure;
mod model;
pub mod outcome;
pub mod parameters;
pub mod random;
pub mod recompute;
mod run;
pub mod snapshot;
pub mod units;

pub use self::run::run;

/// The engine's version. It changes whenever the same inputs may give other bits.
pub const MODEL_VERSION: &str = "optkas-risk/2";
