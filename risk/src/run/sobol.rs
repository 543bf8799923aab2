//! Intervals from the spread of independent samples.
//!
//! Points of one sequence depend on each other, so no interval can be had from them; the samples' scramblings are
//! independent, so the mean of the samples' results has the usual standard error (Owen 1997; L'Ecuyer and Lemieux,
//! *Recent Advances in Randomized Quasi-Monte Carlo Methods*, 2002). What is reported as the result is that of all
//! points together.

use crate::{
    found::Found,
    math::student,
    measure::{
        interval::{Bounds, Exceedance, Strata, invert},
        plain::{Ordered, between, denominator, excess_bounds, to_f64},
        rational::nearest,
    },
    outcome::Estimate,
    random::sobol::SAMPLES,
    units::Level,
};

/// The same results with the samples' intervals.
pub(super) fn with_intervals(mut found: Found, losses: &[i64], most: i64) -> Found {
    let samples: Vec<Vec<i64>> = (0..SAMPLES as usize)
        .map(|sample| {
            losses
                .iter()
                .skip(sample)
                .step_by(SAMPLES as usize)
                .copied()
                .collect()
        })
        .collect();
    for at in &mut found.levels {
        let level = at.level;
        let q = at.var.value_minor;
        let es = samples.iter().map(|losses| {
            let shortfall = Ordered::new(losses, &[level]).es(level);
            to_f64(nearest(shortfall, denominator(count(losses), level)))
        });
        at.es = if losses.iter().any(|&loss| loss > q) {
            let es = around(to_f64(at.es.value_minor), es);
            between(
                at.es.value_minor,
                (es.0.max(to_f64(q)), es.1.min(to_f64(most))),
            )
        } else {
            let unseen = Strata::new(&[count(losses)], 1.0);
            between(at.es.value_minor, excess_bounds(q, level, &unseen, most))
        };
        let (low_minor, high_minor) = var_bounds(losses, level);
        at.var = Estimate {
            value_minor: q,
            low_minor: low_minor.min(q),
            high_minor: high_minor.max(q),
        };
    }
    found
}

/// The quantile's bounds: for each loss, whether the samples' frequencies of larger ones fit the level.
fn var_bounds(losses: &[i64], level: Level) -> (i64, i64) {
    let mut falling: Vec<(usize, i64)> = losses.iter().copied().enumerate().collect();
    falling.sort_unstable_by_key(|&(scenario, loss)| (std::cmp::Reverse(loss), scenario));
    let frequencies = Frequencies {
        exceeding: [0.0; SAMPLES as usize],
        each: f64::from(count(losses)) / f64::from(SAMPLES),
    };
    invert(falling.into_iter(), level.tail(), frequencies)
}

/// How many scenarios of each sample have lost as much.
struct Frequencies {
    exceeding: [f64; SAMPLES as usize],
    /// A sample's scenarios.
    each: f64,
}

impl Exceedance for Frequencies {
    fn add(&mut self, scenario: usize) {
        self.exceeding[scenario % SAMPLES as usize] += 1.0;
    }

    fn bounds(&self) -> Bounds {
        let mean = self.exceeding.iter().sum::<f64>() / f64::from(SAMPLES) / self.each;
        around(mean, self.exceeding.iter().map(|count| count / self.each))
    }
}

/// Bounds about a value, from independent samples of it.
fn around(value: f64, samples: impl Iterator<Item = f64> + Clone) -> Bounds {
    let count = f64::from(SAMPLES);
    let mean = samples.clone().sum::<f64>() / count;
    let square: f64 = samples
        .map(|sample| (sample - mean) * (sample - mean))
        .sum();
    let reach = (square / (count - 1.0) / count).sqrt() * deviate();
    (value - reach, value + reach)
}

/// Student's 97.5% quantile for so many samples.
fn deviate() -> f64 {
    static DEVIATE: std::sync::LazyLock<f64> =
        std::sync::LazyLock::new(|| student::quantile(f64::from(SAMPLES) - 1.0, 0.975));
    *DEVIATE
}

fn count(losses: &[i64]) -> u32 {
    u32::try_from(losses.len()).expect("at most 10,000,000 scenarios")
}
