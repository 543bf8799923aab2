//! The results of a run, in integers, as they are recorded and compared. In JSON, amounts are strings of digits.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    digits,
    parameters::{Method, Settings},
    snapshot::Digest,
    units::Level,
};

/// A result with its 95% confidence interval, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// The best guess.
    #[serde(with = "digits")]
    pub value_minor: i64,
    /// The interval's lower end.
    #[serde(with = "digits")]
    pub low_minor: i64,
    /// The interval's upper end.
    #[serde(with = "digits")]
    pub high_minor: i64,
}

/// The results at one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtLevel {
    /// Parts per million.
    pub level: Level,
    /// Value at risk: the least loss that is not exceeded with the level's probability.
    pub var: Estimate,
    /// Expected shortfall: the mean of the worst losses, as many as the level leaves.
    pub es: Estimate,
    /// What each name, in the order of [`Outcome::names`], contributes to expected shortfall. They add up to it.
    #[serde(with = "digits::list")]
    pub contributions_minor: Vec<i64>,
    /// How many plain scenarios one of this run was worth for the expected shortfall, in parts per million. Measured
    /// on the run's own scenarios, and null where they are not weighed.
    pub gain_ppm: Option<u64>,
}

/// Shares of scenarios by loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// Where the first bin begins.
    #[serde(with = "digits")]
    pub first_minor: i64,
    /// How wide each bin is. A bin holds the losses from its beginning to one less than the next one's.
    #[serde(with = "digits")]
    pub width_minor: i64,
    /// Parts per billion.
    pub shares_ppb: Vec<u64>,
}

/// A run's results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// [`crate::MODEL_VERSION`] of the engine that ran.
    pub model: String,
    /// SHA-256 of the inputs.
    pub snapshot_sha256: Digest,
    /// How it ran.
    pub settings: Settings,
    /// The currency of all amounts (ISO 4217).
    pub currency: String,
    /// The names' ids, rising.
    pub names: Vec<String>,
    /// How the results were computed: as the settings ask, or otherwise where that is not possible or would lose.
    pub method: Method,
    /// How many scenarios were drawn for them. Zero where none were.
    pub scenarios: u32,
    /// The mean loss.
    pub expected_loss: Estimate,
    /// The standard deviation of the loss.
    #[serde(with = "digits")]
    pub deviation_minor: i64,
    /// The results at each level that was asked for.
    pub levels: Vec<AtLevel>,
    /// The distribution of all losses.
    pub histogram: Histogram,
}

/// Where a recorded outcome and a recomputed one are not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The result, as a path.
    pub what: String,
    /// As recorded.
    pub recorded: String,
    /// As recomputed.
    pub recomputed: String,
}

impl Outcome {
    /// Every result that is not the same. An empty list means equal.
    #[must_use]
    pub fn differences(&self, recomputed: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, text: &dyn Fn(&Self) -> String| {
            let (recorded, recomputed) = (text(self), text(recomputed));
            if recorded != recomputed {
                differences.push(Difference {
                    what: what.to_owned(),
                    recorded,
                    recomputed,
                });
            }
        };
        compare("model", &|outcome| outcome.model.clone());
        compare("snapshot_sha256", &|outcome| {
            outcome.snapshot_sha256.to_string()
        });
        compare("settings", &|outcome| format!("{:?}", outcome.settings));
        compare("currency", &|outcome| outcome.currency.clone());
        compare("names", &|outcome| outcome.names.join(" "));
        compare("method", &|outcome| format!("{:?}", outcome.method));
        compare("scenarios", &|outcome| outcome.scenarios.to_string());
        compare("expected_loss", &|outcome| {
            outcome.expected_loss.to_string()
        });
        compare("deviation_minor", &|outcome| {
            outcome.deviation_minor.to_string()
        });
        compare("levels", &|outcome| outcome.levels.len().to_string());
        for level in 0..self.levels.len().min(recomputed.levels.len()) {
            let mut compare = |member: &str, text: &dyn Fn(&AtLevel) -> String| {
                let what = format!("levels[{level}].{member}");
                compare(&what, &|outcome| text(&outcome.levels[level]));
            };
            compare("level", &|at| at.level.ppm().to_string());
            compare("var", &|at| at.var.to_string());
            compare("es", &|at| at.es.to_string());
            let contributions = |at: &AtLevel| format!("{:?}", at.contributions_minor);
            compare("contributions_minor", &contributions);
            compare("gain_ppm", &|at| format!("{:?}", at.gain_ppm));
        }
        compare("histogram", &|outcome| format!("{:?}", outcome.histogram));
        differences
    }
}

/// The value and its interval.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            value_minor,
            low_minor,
            high_minor,
        } = self;
        write!(f, "{value_minor} [{low_minor}, {high_minor}]")
    }
}
