use std::time::Duration;

use once_cell::sync::OnceCell;
use shared::config::{Base, Variables, round_interval};

/// The environment as it was parsed at the start.
pub(crate) static CONFIG: OnceCell<SequencerConfig> = OnceCell::new();

/// The environment of the function that gives outcomes their places in the log.
#[derive(Debug)]
pub(crate) struct SequencerConfig {
    /// What every function has.
    pub(crate) base: Base,
    /// `TLOG_ROUND_SECONDS`: from the beginning of a round to that of the next.
    pub(crate) round_interval: Duration,
}

impl SequencerConfig {
    /// Reads the environment.
    pub(crate) fn read(variables: &mut Variables) -> Option<Self> {
        let base = Base::read(variables);
        let round_interval = round_interval(variables);
        Some(Self {
            base: base?,
            round_interval: round_interval?,
        })
    }
}
