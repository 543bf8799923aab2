//! What a run finds, in integers: what is recorded and compared. In JSON amounts are strings of digits.

use serde::{Deserialize, Serialize};

use crate::{digits, parameters::Settings, snapshot::Digest, units::Level};

/// A result with the interval that holds the truth 95 times in a hundred, in minor units.
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

/// What lies beyond one level.
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
    pub snapshot: Digest,
    /// How it ran.
    pub settings: Settings,
    /// ISO 4217, of all amounts.
    pub currency: String,
    /// The names' ids, rising.
    pub names: Vec<String>,
    /// The mean loss.
    pub expected_loss: Estimate,
    /// The standard deviation of the loss.
    #[serde(with = "digits")]
    pub deviation_minor: i64,
    /// One each level asked.
    pub levels: Vec<AtLevel>,
    /// Of all losses.
    pub histogram: Histogram,
}

/// Where a recorded outcome and a recomputed one are not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which result, as a path.
    pub what: String,
    /// As recorded.
    pub recorded: String,
    /// As recomputed.
    pub recomputed: String,
}

impl Outcome {
    /// Every result that is not the same. None means equal.
    #[must_use]
    pub fn differences(&self, recomputed: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, recorded: String, recomputed: String| {
            if recorded != recomputed {
                differences.push(Difference {
                    what: what.to_owned(),
                    recorded,
                    recomputed,
                });
            }
        };
        compare("model", self.model.clone(), recomputed.model.clone());
        compare(
            "snapshot",
            self.snapshot.to_string(),
            recomputed.snapshot.to_string(),
        );
        compare(
            "settings",
            format!("{:?}", self.settings),
            format!("{:?}", recomputed.settings),
        );
        compare(
            "currency",
            self.currency.clone(),
            recomputed.currency.clone(),
        );
        compare("names", self.names.join(" "), recomputed.names.join(" "));
        compare(
            "expected_loss",
            self.expected_loss.text(),
            recomputed.expected_loss.text(),
        );
        compare(
            "deviation_minor",
            self.deviation_minor.to_string(),
            recomputed.deviation_minor.to_string(),
        );
        compare(
            "levels",
            self.levels.len().to_string(),
            recomputed.levels.len().to_string(),
        );
        for (position, (ours, theirs)) in self.levels.iter().zip(&recomputed.levels).enumerate() {
            compare(
                &format!("levels[{position}].level"),
                ours.level.ppm().to_string(),
                theirs.level.ppm().to_string(),
            );
            compare(
                &format!("levels[{position}].var"),
                ours.var.text(),
                theirs.var.text(),
            );
            compare(
                &format!("levels[{position}].es"),
                ours.es.text(),
                theirs.es.text(),
            );
            let what = format!("levels[{position}].contributions_minor");
            compare(
                &what,
                format!("{:?}", ours.contributions_minor),
                format!("{:?}", theirs.contributions_minor),
            );
        }
        compare(
            "histogram",
            format!("{:?}", self.histogram),
            format!("{:?}", recomputed.histogram),
        );
        differences
    }
}

impl Estimate {
    fn text(self) -> String {
        format!(
            "{} [{}, {}]",
            self.value_minor, self.low_minor, self.high_minor
        )
    }
}
