//! What a method of simulation finds: the part of an outcome that is not copied from the inputs.

use crate::{
    outcome::{AtLevel, Histogram},
    parameters::Method,
};

/// The results of one run, by any method.
pub(crate) struct Found {
    pub(crate) method: Method,
    pub(crate) scenarios: u32,
    pub(crate) deviation_minor: i64,
    pub(crate) levels: Vec<AtLevel>,
    pub(crate) histogram: Histogram,
}
