//! Importance sampling in two steps (Glasserman and Li, *Management Science* 51(11), 2005), by a mixture.
//!
//! For each level and each cause of losses at it there is a change of measure:
//!
//! 1. The factors' mean moves to μ, the point that [`search`] finds.
//! 2. Given the factors, each default probability p is twisted to `q = p e^{θc}/(1 + p (e^{θc} - 1))`, c being the
//!    mean cost of the default, so that the expected loss becomes x (their section 3.1): ψ'(θ) = x where
//!    `ψ(θ) = Σ ln(1 + p (e^{θc} - 1))`; θ = 0 where the expected loss is x anyway. x is VaR at the level, by a small
//!    plain run, and at most nine tenths of what all defaults cost in the mean.
//!
//! Any θ that depends on the factors alone leaves the estimate without bias, so θ is not solved for in each scenario
//! but taken from a table over m(z), solved along the ray through μ.
//!
//! Every fifth scenario is drawn as it is, the others by the changes of measure in turn. All are weighed by their
//! density over that of the whole mixture (the balance heuristic: Veach and Guibas, *SIGGRAPH 95*; Owen and Zhou,
//! *JASA* 95, 2000), so no weight is above five, and a loss that one change of measure makes rare is not lost on
//! another. Strata have their own variances. The t copula's mixing variable is one more normal coordinate, moved as the
//! factors are.
//!
//! A pilot with numbers of its own says whether all this is worth it. If a scenario is worth less than a plain one at
//! any level, the run is plain. What a scenario of the run was worth is measured on the run itself.
//!
//! Φ is a table of cubics here, with a relative error below 1e-6 where it matters; drawing and weighing use the same.

mod scenario;
mod search;
mod tune;
mod weighted;

use rayon::prelude::*;

pub(crate) use self::tune::{AIMS_MAX, COMPONENTS_MAX, PILOT_SCENARIOS};
use self::{
    scenario::{Sample, Sampler},
    weighted::Weighted,
};
use crate::{
    found::Found,
    measure::histogram::histogram,
    model::Model,
    parameters::{Method, Parameters},
    random::PILOT,
};

/// Scenarios of one task.
const BATCH: usize = 1_024;
/// Scenarios of the pilot that says whether to go on.
pub(crate) const WEIGHED_PILOT_SCENARIOS: u32 = 4_096;

/// Nothing where a plain run is better.
pub(crate) fn run(model: &Model, parameters: &Parameters) -> Option<Found> {
    let settings = parameters.settings();
    let tuning = tune::tune(model, parameters)?;
    let sampler =
        |scenarios, pilot| Sampler::new(model, parameters.key(), &tuning, scenarios, pilot);
    let pilot = sampler(WEIGHED_PILOT_SCENARIOS, 2 * PILOT);
    let samples = draw(&pilot, WEIGHED_PILOT_SCENARIOS);
    let weighted = Weighted::new(&pilot, &samples);
    let loses = |level| weighted.gain(level).is_some_and(|gain| gain < 1.0);
    if settings.levels.iter().any(|&level| loses(level)) {
        return None;
    }
    let sampler = sampler(settings.scenarios, 0);
    let samples = draw(&sampler, settings.scenarios);
    let weighted = Weighted::new(&sampler, &samples);
    let quantiles: Vec<_> = settings
        .levels
        .iter()
        .map(|&level| weighted.quantile(level))
        .collect();
    let sums = weighted.attribute(&quantiles);
    let losses: Vec<_> = samples.iter().map(|sample| sample.loss).collect();
    let total = samples.iter().map(|sample| sample.weight).sum();
    Some(Found {
        method: Method::Importance,
        scenarios: settings.scenarios,
        deviation_minor: weighted.deviation(),
        levels: settings
            .levels
            .iter()
            .zip(&sums)
            .map(|(&level, sums)| weighted.at_level(level, sums))
            .collect(),
        histogram: histogram(&losses, total, |scenario| samples[scenario].weight),
    })
}

fn draw(sampler: &Sampler<'_>, scenarios: u32) -> Vec<Sample> {
    let numbers: Vec<u32> = (0..scenarios).collect();
    numbers
        .par_chunks(BATCH)
        .flat_map_iter(|numbers| {
            let mut work = sampler.work();
            numbers
                .iter()
                .map(|&scenario| sampler.sample(scenario, &mut work, |_, _| ()))
                .collect::<Vec<_>>()
        })
        .collect()
}
