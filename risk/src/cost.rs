//! Estimates what a run will cost, before it starts.
//!
//! A run that cannot finish in time can then be refused. The estimate counts operations. Each costs what it took on the
//! machine of `benches/`, on one thread. A caller on another machine multiplies the estimate by a factor.

use std::time::Duration;

use crate::{
    importance,
    input::{Lgd, Portfolio},
    parameters::{Copula, Method, Parameters, Settings},
};

/// Nanoseconds on one thread.
mod price {
    /// To compare 128 names with their limits.
    pub(super) const CHUNK: f64 = 80.0;
    /// To decide one name that was within its limit.
    pub(super) const DECISION: f64 = 25.0;
    /// To set one name's limit for a group of 128 scenarios, for each coordinate.
    pub(super) const LIMIT: f64 = 0.07;
    /// To draw a factor.
    pub(super) const FACTOR: f64 = 60.0;
    /// To put one scenario into its group and its loss into order.
    pub(super) const SCENARIO: f64 = 120.0;
    /// To draw one name by importance sampling.
    pub(super) const TWISTED: f64 = 25.0;
    /// To weigh one name by one change of measure.
    pub(super) const WEIGHED: f64 = 1.5;
    /// To order and weigh one scenario of importance sampling.
    pub(super) const SAMPLE: f64 = 550.0;
    /// To make a Beta distribution into classes.
    pub(super) const SHAPE: f64 = 400_000.0;
    /// To invert the t distribution, for one name.
    pub(super) const STUDENT: f64 = 5_000.0;
    /// To climb from one point in search of a cause of losses, for one name.
    pub(super) const CLIMB: f64 = 6_000.0;
    /// To tabulate one change of measure, for one name.
    pub(super) const TABLE: f64 = 45_000.0;
    /// To convolve one name's loss, and find its contributions, without scenarios.
    pub(super) const EXACT: f64 = 400_000.0;
    /// As much more where what a default costs is drawn, for at most [`FEW`](super::FEW) names.
    pub(super) const EXACT_DRAWN: f64 = 2_500_000.0;
}

/// Names of one Beta distribution share its classes, and a book has few.
const SHAPES: usize = 16;
/// Costs that are drawn are on many cells of a grid where names are few.
const FEW: usize = 30;

/// How long a run takes on so many threads.
#[must_use]
pub fn estimate(portfolio: &Portfolio, parameters: &Parameters, threads: usize) -> Duration {
    let settings = parameters.settings();
    let names = count(portfolio.names().len());
    let student = f64::from(u8::from(settings.copula != Copula::Gaussian));
    let factors = count(portfolio.factors()) + student;
    let beta = portfolio
        .names()
        .iter()
        .filter(|name| matches!(name.lgd, Lgd::Beta { .. }))
        .count();
    let once = price::SHAPE * count(beta.min(SHAPES)) + price::STUDENT * names * student;
    let plain = |scenarios: u32| {
        let tail = settings.levels.first().map_or(0.5, |level| level.tail());
        let scenario = plain_scenario(portfolio, factors) * (1.0 + 2.0 * tail) + price::SCENARIO;
        f64::from(scenarios) * scenario
    };
    let spread = match settings.method {
        Method::Exact if factors > 1.0 => plain(parameters.plain_scenarios()),
        Method::Exact => price::EXACT * names + price::EXACT_DRAWN * count(beta.min(FEW)),
        Method::Plain | Method::Sobol => plain(settings.scenarios),
        Method::Importance => {
            plain(importance::PILOT_SCENARIOS) + weighed(names, factors, settings)
        }
    };
    Duration::from_secs_f64((once + spread / count(threads.max(1))) / 1e9)
}

/// Importance sampling, but for the plain run that it aims by. How many causes there are is not known before.
fn weighed(names: f64, factors: f64, settings: &Settings) -> f64 {
    let aims = count(settings.levels.len().min(importance::AIMS_MAX));
    let changes = (aims * f64::midpoint(1.0, factors)).min(count(importance::COMPONENTS_MAX));
    let climbs = price::CLIMB * names * aims * (2.0 * factors + 1.0);
    let tables = price::TABLE * names * changes;
    let each_name = price::TWISTED + price::WEIGHED * changes + 2.0 * factors;
    let scenario = price::FACTOR * factors + each_name * names + price::SAMPLE;
    let scenarios = f64::from(settings.scenarios) + f64::from(importance::WEIGHED_PILOT_SCENARIOS);
    climbs + tables + scenarios * scenario
}

fn plain_scenario(portfolio: &Portfolio, factors: f64) -> f64 {
    let names = count(portfolio.names().len());
    let decisions: f64 = portfolio
        .names()
        .iter()
        .map(|name| decisions(portfolio, name))
        .sum();
    // Of those that default with p, a share of p is sure to in any scenario of a group.
    let sure = decisions * decisions / names;
    let chunks = (names / 128.0).ceil();
    price::CHUNK * chunks + price::LIMIT * names * factors + price::FACTOR * factors
        // More factors make looser groups, in which less is sure.
        + price::DECISION * sure + price::DECISION * 1.3 * factors * (decisions - sure)
}

/// How often a name is not in its best state, about.
fn decisions(portfolio: &Portfolio, name: &crate::input::Name) -> f64 {
    let pd = name.pd.to_f64();
    match portfolio.migration().zip(name.rating) {
        Some((migration, rating)) => 1.0 - migration.probabilities(rating)[0].to_f64() + pd,
        None => pd,
    }
}

#[allow(clippy::cast_precision_loss, reason = "at most 10,000")]
fn count(number: usize) -> f64 {
    number as f64
}
