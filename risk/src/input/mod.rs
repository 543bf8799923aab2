//! The inputs of a run: a book of names, checked once and trusted after.
//!
//! A [`Draft`] is what was recorded, with its gaps; [`Portfolio::parse`] makes a [`Portfolio`] of it or refuses with
//! everything that is missing or wrong, each with the name it is about. No value is assumed for a missing input.

mod migration;
mod parse;
mod refusal;

pub use self::{
    migration::{Migration, MigrationDraft, RATINGS_MAX},
    refusal::{Field, Refusal, Refused},
};
use crate::units::{Fraction, Loading};

/// The most names of a portfolio.
pub const NAMES_MAX: usize = 10_000;
/// The most factors of a portfolio.
pub const FACTORS_MAX: usize = 16;
/// The longest id of a name, in bytes.
pub const ID_BYTES_MAX: usize = 64;
/// The most that all exposures may add up to, in minor units: ten trillion of a currency with cents. Sums over all
/// scenarios are exact because of it.
pub const EXPOSURE_MINOR_MAX: u64 = 1_000_000_000_000_000;
/// The most of a name's variance that factors may explain, in parts per billion.
pub const SYSTEMATIC_PPB_MAX: u32 = 990_000_000;

/// A portfolio as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Draft {
    /// ISO 4217, of all exposures.
    pub currency: String,
    /// How many factors each name has loadings on.
    pub factors: usize,
    /// Ratings, where names have any.
    pub migration: Option<MigrationDraft>,
    /// The names in any order.
    pub names: Vec<NameDraft>,
}

/// A name as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NameDraft {
    /// The facility's id, in visible ASCII.
    pub id: String,
    /// The amount owed at default, in minor units.
    pub exposure_minor: Option<u64>,
    /// The probability of default within the horizon. A name with a rating may leave it to the matrix.
    pub pd: Option<Fraction>,
    /// The loss given default.
    pub lgd: Option<Lgd>,
    /// The loadings, one for each factor.
    pub loadings: Option<Vec<Loading>>,
    /// What collateral covers, in minor units, where recorded: no default costs more than the rest.
    pub collateral_minor: Option<u64>,
    /// The rating, as a row of the matrix.
    pub rating: Option<usize>,
}

/// The share of the exposure that a default costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lgd {
    /// Always the same.
    Fixed(Fraction),
    /// Beta distributed, independent of all else.
    Beta {
        /// Its mean.
        mean: Fraction,
        /// Its standard deviation.
        deviation: Fraction,
    },
}

/// A name, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub(crate) id: String,
    pub(crate) exposure_minor: u64,
    pub(crate) pd: Fraction,
    pub(crate) lgd: Lgd,
    pub(crate) loadings: Vec<Loading>,
    pub(crate) collateral_minor: u64,
    pub(crate) rating: Option<usize>,
}

impl Name {
    /// The facility's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The amount owed at default, in minor units.
    #[must_use]
    pub fn exposure_minor(&self) -> u64 {
        self.exposure_minor
    }

    /// The most that a default costs: what collateral does not cover.
    #[must_use]
    pub fn uncovered_minor(&self) -> u64 {
        self.exposure_minor.saturating_sub(self.collateral_minor)
    }

    /// The share of its variance that the factors explain, |a|².
    pub(crate) fn systematic(&self) -> f64 {
        self.loadings
            .iter()
            .map(|loading| loading.to_f64() * loading.to_f64())
            .sum()
    }
}

/// A portfolio, complete and within bounds. Its names are in the order of their ids, so that the order in which they
/// came says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portfolio {
    currency: String,
    factors: usize,
    migration: Option<Migration>,
    names: Vec<Name>,
}

impl Portfolio {
    /// ISO 4217.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The number of factors.
    #[must_use]
    pub fn factors(&self) -> usize {
        self.factors
    }

    /// Ratings, where names may have any.
    #[must_use]
    pub fn migration(&self) -> Option<&Migration> {
        self.migration.as_ref()
    }

    /// The names, in the order of their ids.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.names
    }
}
