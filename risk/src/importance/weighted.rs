//! Results of scenarios with different weights.
//!
//! As [`crate::measure`], with `P(L > x)` estimated by the weights' mean over the scenarios that lost more (Glynn,
//! *Importance sampling for Monte Carlo estimation of quantiles*, 1996). Weights are added up in one order, whatever
//! the threads.

use rayon::prelude::*;

use super::scenario::{Sample, Sampler};
use crate::{
    measure::{
        interval::DEVIATE,
        plain::{around, to_f64},
        rational::apportion,
    },
    outcome::{AtLevel, Estimate},
    units::Level,
};

/// Tasks that the tail is attributed in: a fixed number, because their sums are not integers.
const TASKS: usize = 32;
/// Parts of a minor unit that contributions are apportioned in.
const PARTS: f64 = 1_048_576.0;

pub(super) struct Weighted<'a> {
    samples: &'a [Sample],
    /// Scenarios from the largest loss down; equal losses in the order of their numbers.
    order: Vec<u32>,
}

/// What each name lost beyond a quantile and at it, weighed.
pub(super) struct Sums {
    quantile: i64,
    beyond: Vec<f64>,
    equal: Vec<f64>,
}

impl<'a> Weighted<'a> {
    pub(super) fn new(samples: &'a [Sample]) -> Self {
        let mut order: Vec<u32> = (0_u32..).take(samples.len()).collect();
        order.par_sort_unstable_by_key(|&scenario| {
            (std::cmp::Reverse(samples[scenario as usize].loss), scenario)
        });
        Self { samples, order }
    }

    fn count(&self) -> f64 {
        f64::from(u32::try_from(self.samples.len()).expect("at most 10,000,000 scenarios"))
    }

    fn falling(&self) -> impl Iterator<Item = Sample> + '_ {
        self.order
            .iter()
            .map(|&scenario| self.samples[scenario as usize])
    }

    /// The loss down to which the weights, from the top, add up to more than this share of the scenarios.
    fn exceeded_by(&self, share: f64) -> i64 {
        let enough = share * self.count();
        let mut sum = 0.0;
        let reached = |sample: &Sample| {
            sum += sample.weight;
            sum > enough
        };
        self.falling()
            .find(reached)
            .or_else(|| self.falling().last())
            .map_or(0, |sample| sample.loss)
    }

    pub(super) fn quantile(&self, level: Level) -> i64 {
        self.exceeded_by(level.tail())
    }

    fn var(&self, level: Level) -> Estimate {
        let q = self.quantile(level);
        let error = self.error(|sample| if sample.loss > q { sample.weight } else { 0.0 });
        let (low, high) = (
            level.tail() + DEVIATE * error,
            level.tail() - DEVIATE * error,
        );
        Estimate {
            value_minor: q,
            low_minor: self.exceeded_by(low),
            high_minor: self.exceeded_by(high.max(0.0)),
        }
    }

    /// The standard error of a mean over the scenarios.
    fn error(&self, of: impl Fn(Sample) -> f64) -> f64 {
        let (mean, square) = self
            .falling()
            .map(of)
            .fold((0.0, 0.0), |(m, s), value| (m + value, s + value * value));
        let (mean, square) = (mean / self.count(), square / self.count());
        ((square - mean * mean).max(0.0) / self.count()).sqrt()
    }

    pub(super) fn moments(&self) -> (Estimate, i64) {
        let total: f64 = self.falling().map(|sample| sample.weight).sum();
        let mean = self
            .falling()
            .map(|sample| sample.weight * to_f64(sample.loss))
            .sum::<f64>()
            / total;
        let square = |sample: Sample| {
            sample.weight * (to_f64(sample.loss) - mean) * (to_f64(sample.loss) - mean)
        };
        let variance = self.falling().map(square).sum::<f64>() / total;
        let error = self.error(|sample| sample.weight * (to_f64(sample.loss) - mean));
        (around(nearest(mean), error), nearest(variance.sqrt()))
    }

    /// Draws once more the scenarios that lost at least a quantile, and adds up what each name lost in them.
    pub(super) fn attribute(&self, sampler: &Sampler<'_>, quantiles: &[i64]) -> Vec<Sums> {
        let least = quantiles.iter().copied().min().unwrap_or(i64::MAX);
        let tail = &self.order[..self
            .order
            .partition_point(|&s| self.samples[s as usize].loss >= least)];
        let tasks: Vec<_> = tail
            .par_chunks(tail.len().div_ceil(TASKS).max(1))
            .map(|scenarios| self.task(sampler, quantiles, scenarios))
            .collect();
        let mut sums: Vec<_> = quantiles
            .iter()
            .map(|&q| Sums::new(q, sampler.model().names()))
            .collect();
        for task in tasks {
            sums.iter_mut()
                .zip(&task)
                .for_each(|(sums, task)| sums.merge(task));
        }
        sums
    }

    fn task(&self, sampler: &Sampler<'_>, quantiles: &[i64], scenarios: &[u32]) -> Vec<Sums> {
        let model = sampler.model();
        let mut sums: Vec<_> = quantiles
            .iter()
            .map(|&q| Sums::new(q, model.names()))
            .collect();
        let mut work = sampler.work();
        for &scenario in scenarios {
            let Sample {
                loss: total,
                weight,
            } = self.samples[scenario as usize];
            for sums in &mut sums {
                sums.bases(model, total, weight);
            }
            sampler.sample(scenario, &mut work, |name, loss| {
                for sums in &mut sums {
                    sums.add(name, total, weight * to_f64(loss));
                }
            });
        }
        sums
    }

    pub(super) fn at_level(&self, level: Level, sums: &Sums) -> AtLevel {
        let q = sums.quantile;
        let beyond: f64 = self
            .falling()
            .take_while(|sample| sample.loss > q)
            .map(|sample| sample.weight)
            .sum();
        let equal: f64 = self
            .falling()
            .filter(|sample| sample.loss == q)
            .map(|sample| sample.weight)
            .sum();
        let tail = level.tail() * self.count();
        let share = if equal > 0.0 {
            (tail - beyond) / equal
        } else {
            0.0
        };
        let contributions = sums
            .beyond
            .iter()
            .zip(&sums.equal)
            .map(|(beyond, equal)| (beyond + share * equal) / tail);
        let numerators: Vec<i128> = contributions.map(parts).collect();
        let (contributions_minor, es) = apportion(&numerators, parts(1.0));
        let excess = |sample: Sample| sample.weight * to_f64((sample.loss - q).max(0));
        AtLevel {
            level,
            var: self.var(level),
            es: around(es, self.error(excess) / level.tail()),
            contributions_minor,
        }
    }
}

impl Sums {
    fn new(quantile: i64, names: usize) -> Self {
        Self {
            quantile,
            beyond: vec![0.0; names],
            equal: vec![0.0; names],
        }
    }

    fn add(&mut self, name: usize, total: i64, weighed: f64) {
        match total.cmp(&self.quantile) {
            std::cmp::Ordering::Greater => self.beyond[name] += weighed,
            std::cmp::Ordering::Equal => self.equal[name] += weighed,
            std::cmp::Ordering::Less => (),
        }
    }

    /// What names lose even in their best states.
    fn bases(&mut self, model: &crate::model::Model, total: i64, weight: f64) {
        if model.has_bases() {
            for name in 0..model.names() {
                self.add(name, total, weight * to_f64(model.base(name)));
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.beyond
            .iter_mut()
            .zip(&other.beyond)
            .for_each(|(ours, theirs)| *ours += theirs);
        self.equal
            .iter_mut()
            .zip(&other.equal)
            .for_each(|(ours, theirs)| *ours += theirs);
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a mean of losses")]
fn parts(minor: f64) -> i128 {
    (minor * PARTS).round() as i128
}

#[allow(clippy::cast_possible_truncation, reason = "a mean of losses")]
fn nearest(minor: f64) -> i64 {
    minor.round() as i64
}
