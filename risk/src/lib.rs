//! x
pub mod chart;
pub mod closed;
pub mod cost;
pub mod exact;
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

/// Changes whenever the same inputs may give other bits.
pub const MODEL_VERSION: &str = "optkas-risk/1";
