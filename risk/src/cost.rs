//! Estimates what a run will cost, before it starts.
//!
//! A run that cannot finish in time can then be refused. The estimate counts operations. Each costs what it took on the
//! machine of `benches/`, on one thread. A caller on another machine multiplies the estimate by a factor.

use std::time::Duration;

use crate::{
    input::{Lgd, Portfolio},
    parameters::{Copula, Method, Parameters},
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
    /// To draw and weigh one name by importance sampling.
    pub(super) const TWISTED: f64 = 25.0;
    /// To make a Beta distribution into classes.
    pub(super) const SHAPE: f64 = 400_000.0;
    /// To invert the t distribution, for one name.
    pub(super) const STUDENT: f64 = 5_000.0;
    /// To tune importance sampling, for one name.
    pub(super) const TUNING: f64 = 60_000.0;
}

/// How long a run takes on so many threads.
#[must_use]
pub fn estimate(portfolio: &Portfolio, parameters: &Parameters, threads: usize) -> Duration {
    let settings = parameters.settings();
    let names = count(portfolio.names().len());
    let scenarios = f64::from(settings.scenarios);
    let student = f64::from(u8::from(settings.copula != Copula::Gaussian));
    let factors = count(portfolio.factors()) + student;
    let tail = settings.levels.first().map_or(0.5, |level| level.tail());
    let scenario = match settings.method {
        Method::Exact | Method::Plain | Method::Sobol => {
            plain_scenario(portfolio, factors) * (1.0 + 2.0 * tail)
        }
        Method::Importance => 1.5 * (price::FACTOR * factors + price::TWISTED * names),
    };
    let beta = portfolio
        .names()
        .iter()
        .filter(|name| matches!(name.lgd, Lgd::Beta { .. }))
        .count();
    let tuning = if settings.method == Method::Importance {
        price::TUNING * names
    } else {
        0.0
    };
    let once = price::SHAPE * count(beta) + price::STUDENT * names * student + tuning;
    let spread = scenarios * (scenario + price::SCENARIO) / count(threads.max(1));
    Duration::from_secs_f64((once + spread) / 1e9)
}

fn plain_scenario(portfolio: &Portfolio, factors: f64) -> f64 {
    let names = count(portfolio.names().len());
    let decisions: f64 = portfolio
        .names()
        .iter()
        .map(|name| decisions(portfolio, name))
        .sum();
    let chunks = (names / 128.0).ceil();
    price::CHUNK * chunks + price::LIMIT * names * factors + price::FACTOR * factors
        // More factors make looser groups.
        + price::DECISION * decisions * (1.0 + 1.3 * factors)
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
