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
        plain::{Ordered, denominator, moments, to_f64},
        rational::nearest,
    },
    outcome::Estimate,
    random::sobol::SAMPLES,
};

/// The same results with the samples' intervals.
pub(super) fn with_intervals(mut found: Found, losses: &[i64]) -> Found {
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
    found.expected_loss = interval(
        found.expected_loss,
        samples.iter().map(|losses| moments(losses).0.value_minor),
    );
    for at in &mut found.levels {
        let level = at.level;
        let ordered: Vec<_> = samples
            .iter()
            .map(|losses| Ordered::new(losses, &[level]))
            .collect();
        let count =
            |losses: &[i64]| u32::try_from(losses.len()).expect("at most 10,000,000 scenarios");
        let es = samples
            .iter()
            .zip(&ordered)
            .map(|(losses, o)| nearest(o.es(level), denominator(count(losses), level)));
        at.es = interval(at.es, es);
        at.var = interval(
            at.var,
            ordered.iter().map(|ordered| ordered.var(level).value_minor),
        );
    }
    found
}

fn interval(estimate: Estimate, samples: impl Iterator<Item = i64>) -> Estimate {
    let samples: Vec<f64> = samples.map(to_f64).collect();
    let count = f64::from(SAMPLES);
    let mean = samples.iter().sum::<f64>() / count;
    let square: f64 = samples
        .iter()
        .map(|sample| (sample - mean) * (sample - mean))
        .sum();
    let error = (square / (count - 1.0) / count).sqrt() * student::quantile(count - 1.0, 0.975);
    // Within what the pooled result's own interval rounds to.
    let reach = ceil(error);
    let value_minor = estimate.value_minor;
    Estimate {
        value_minor,
        low_minor: value_minor - reach,
        high_minor: value_minor + reach,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "an error of losses")]
fn ceil(value: f64) -> i64 {
    value.ceil() as i64
}
