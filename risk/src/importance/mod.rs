//! Importance sampling in two steps: Glasserman and Li, *Management Science* 51(11), 2005.
//!
//! 1. The factors' mean moves to μ, where a conditional expected loss as large as x is most likely: the point of least
//!    norm with `m(z) = E(L | z) = x` (their section 5.1, the constant approximation), found by the iteration of
//!    Hasofer, Lind, Rackwitz and Fiessler. x is VaR at the highest level, from a small plain run with numbers of its
//!    own.
//! 2. Given the factors, each default probability p is twisted to `q = p e^{θc}/(1 + p (e^{θc} - 1))`, c being the
//!    mean cost of the default, so that the expected loss becomes x (their section 3.1): ψ'(θ) = x where
//!    `ψ(θ) = Σ ln(1 + p (e^{θc} - 1))`; θ = 0 where the expected loss is x anyway.
//!
//! Any θ that depends on the factors alone leaves the estimate without bias, so θ is not solved for in each scenario
//! but taken from a table over m(z), solved along the ray through μ.
//!
//! A scenario's likelihood ratio is `r = exp(|μ|²/2 - μ·z - θ Σ c D + ψ(θ))`. Every eighth scenario is drawn as it is
//! (defensive mixture, Hesterberg, *Technometrics* 37, 1995), and all are weighed by `1/(β + (1-β)/r)`, β = 1/8: no
//! weight is above eight, and means far from the tail are not lost. The t copula's mixing variable is one more normal
//! coordinate, moved as the factors are.
//!
//! Φ is a table of cubics here, with a relative error below 1e-6 where it matters; drawing and weighing use the same.

mod scenario;
mod tune;
mod weighted;

use rayon::prelude::*;

use self::{
    scenario::{Sample, Sampler},
    weighted::Weighted,
};
use crate::{found::Found, measure::histogram::histogram, model::Model, parameters::Parameters};

/// Scenarios of one task.
const BATCH: usize = 1_024;

pub(crate) fn run(model: &Model, parameters: &Parameters) -> Found {
    let settings = parameters.settings();
    let sampler = Sampler::new(model, parameters.key(), tune::tune(model, parameters));
    let numbers: Vec<u32> = (0..settings.scenarios).collect();
    let samples: Vec<Sample> = numbers
        .par_chunks(BATCH)
        .flat_map_iter(|numbers| {
            let mut work = sampler.work();
            numbers
                .iter()
                .map(|&scenario| sampler.sample(scenario, &mut work, |_, _| ()))
                .collect::<Vec<_>>()
        })
        .collect();
    let weighted = Weighted::new(&samples);
    let quantiles: Vec<_> = settings
        .levels
        .iter()
        .map(|&level| weighted.quantile(level))
        .collect();
    let sums = weighted.attribute(&sampler, &quantiles);
    let levels = settings
        .levels
        .iter()
        .zip(&sums)
        .map(|(&level, sums)| weighted.at_level(level, sums))
        .collect();
    let (expected_loss, deviation_minor) = weighted.moments();
    let losses: Vec<_> = samples.iter().map(|sample| sample.loss).collect();
    let histogram = histogram(
        &losses,
        samples.iter().map(|sample| sample.weight).sum(),
        |s| samples[s].weight,
    );
    Found {
        expected_loss,
        deviation_minor,
        levels,
        histogram,
    }
}
