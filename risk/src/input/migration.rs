//! Ratings: the probability that one becomes another within the horizon, and what that costs.

use super::refusal::Refusal;
use crate::units::{BILLION, Fraction};

/// The most ratings of a matrix, default not counted.
pub const RATINGS_MAX: usize = 32;

/// A matrix as recorded. Ratings run from the best to the worst.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MigrationDraft {
    /// One row a rating: the probability to end in each rating, and last of default.
    pub probabilities: Vec<Vec<Fraction>>,
    /// One row a rating: the loss by ending in each rating as parts per billion of the exposure; negative is a gain.
    /// It never falls from better to worse.
    pub losses_ppb: Vec<Vec<i32>>,
}

/// A matrix whose rows add up to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration(MigrationDraft);

impl Migration {
    pub(super) fn parse(draft: MigrationDraft) -> Result<Self, Refusal> {
        let ratings = draft.probabilities.len();
        let refuse = |rule| Err(Refusal::Portfolio(rule));
        if ratings == 0 || ratings > RATINGS_MAX || draft.losses_ppb.len() != ratings {
            return refuse("has a migration matrix with no, too many or unequal rows");
        }
        if draft
            .probabilities
            .iter()
            .any(|row| row.len() != ratings + 1)
        {
            return refuse(
                "has a migration matrix that is not one row a rating and one column more",
            );
        }
        if draft
            .probabilities
            .iter()
            .any(|row| row.iter().map(|p| u64::from(p.ppb())).sum::<u64>() != u64::from(BILLION))
        {
            return refuse("has a row of its migration matrix that does not add up to one");
        }
        if draft
            .losses_ppb
            .iter()
            .any(|row| row.len() != ratings || !row.is_sorted())
        {
            return refuse(
                "has a row of migration losses that is not one a rating, rising from the best to the worst",
            );
        }
        if draft
            .losses_ppb
            .iter()
            .flatten()
            .any(|loss| loss.unsigned_abs() > BILLION)
        {
            return refuse("has a migration loss or gain of more than the exposure");
        }
        Ok(Self(draft))
    }

    /// How many ratings, default not counted.
    #[must_use]
    pub fn ratings(&self) -> usize {
        self.0.probabilities.len()
    }

    /// With what probability a rating ends in default.
    #[must_use]
    pub fn pd(&self, rating: usize) -> Fraction {
        self.0.probabilities[rating][self.ratings()]
    }

    /// With what probability a rating ends in each, and last in default.
    #[must_use]
    pub fn probabilities(&self, rating: usize) -> &[Fraction] {
        &self.0.probabilities[rating]
    }

    /// What ending in each rating costs, as parts per billion of the exposure.
    #[must_use]
    pub fn losses_ppb(&self, rating: usize) -> &[i32] {
        &self.0.losses_ppb[rating]
    }
}
