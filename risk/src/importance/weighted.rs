//! Results of scenarios with different weights.
//!
//! As [`crate::measure`], with `P(L > x)` estimated by the weights' mean over the scenarios that lost more (Glynn,
//! *Importance sampling for Monte Carlo estimation of quantiles*, 1996). Weights are added up in one order, whatever
//! the threads.

use rayon::prelude::*;

use super::scenario::{Sample, Sampler};
use crate::{
    measure::{
        interval::{Bounds, Exceedance, Strata, invert},
        plain::{between, excess_bounds, to_f64},
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
    sampler: &'a Sampler<'a>,
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
    pub(super) fn new(sampler: &'a Sampler<'a>, samples: &'a [Sample]) -> Self {
        let mut order: Vec<u32> = (0_u32..).take(samples.len()).collect();
        order.par_sort_unstable_by_key(|&scenario| {
            (std::cmp::Reverse(samples[scenario as usize].loss), scenario)
        });
        Self {
            sampler,
            samples,
            order,
        }
    }

    fn count(&self) -> f64 {
        f64::from(u32::try_from(self.samples.len()).expect("at most 10,000,000 scenarios"))
    }

    fn falling(&self) -> impl Iterator<Item = Sample> + '_ {
        self.order
            .iter()
            .map(|&scenario| self.samples[scenario as usize])
    }

    fn strata(&self) -> Strata {
        Strata::new(self.sampler.counts(), self.sampler.weight_max())
    }

    /// What the scenarios lost beyond a loss, weighed.
    fn excesses(&self, q: i64) -> Strata {
        let mut excesses = self.strata();
        for &scenario in &self.order {
            let sample = self.samples[scenario as usize];
            if sample.loss <= q {
                break;
            }
            let excess = sample.weight * to_f64(sample.loss - q);
            excesses.add(self.sampler.stratum(scenario), excess);
        }
        excesses
    }

    /// How many plain scenarios one of these is worth for expected shortfall: the variance of what is lost beyond the
    /// quantile, over that of its estimate here. Nothing where neither varies.
    pub(super) fn gain(&self, level: Level) -> Option<f64> {
        let q = self.quantile(level);
        let beyond = || self.falling().take_while(|sample| sample.loss > q);
        let mean_of = |excess: &dyn Fn(f64) -> f64| {
            let weighted = |sample: Sample| sample.weight * excess(to_f64(sample.loss - q));
            beyond().map(weighted).sum::<f64>() / self.count()
        };
        let mean = mean_of(&|excess| excess);
        let plain = mean_of(&|excess| excess * excess) - mean * mean;
        let here = self.excesses(q).variance() * self.count();
        (plain > 0.0 && here > 0.0).then(|| plain / here)
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
        let falling = self
            .order
            .iter()
            .map(|&scenario| (scenario as usize, self.samples[scenario as usize].loss));
        let exceeding = Exceeding {
            weighted: self,
            strata: self.strata(),
        };
        let (low, high) = invert(falling, level.tail(), exceeding);
        Estimate {
            value_minor: q,
            low_minor: low.min(q),
            high_minor: high.max(q),
        }
    }

    /// The standard deviation.
    pub(super) fn deviation(&self) -> i64 {
        let total: f64 = self.falling().map(|sample| sample.weight).sum();
        let weighted = |sample: Sample| sample.weight * to_f64(sample.loss);
        let mean = self.falling().map(weighted).sum::<f64>() / total;
        let square = |sample: Sample| {
            sample.weight * (to_f64(sample.loss) - mean) * (to_f64(sample.loss) - mean)
        };
        nearest((self.falling().map(square).sum::<f64>() / total).sqrt())
    }

    /// Draws once more the scenarios that lost at least a quantile, and adds up what each name lost in them.
    pub(super) fn attribute(&self, quantiles: &[i64]) -> Vec<Sums> {
        let least = quantiles.iter().copied().min().unwrap_or(i64::MAX);
        let tail = &self.order[..self
            .order
            .partition_point(|&s| self.samples[s as usize].loss >= least)];
        let tasks: Vec<_> = tail
            .par_chunks(tail.len().div_ceil(TASKS).max(1))
            .map(|scenarios| self.task(quantiles, scenarios))
            .collect();
        let mut sums: Vec<_> = quantiles
            .iter()
            .map(|&q| Sums::new(q, self.sampler.model().names()))
            .collect();
        for task in tasks {
            sums.iter_mut()
                .zip(&task)
                .for_each(|(sums, task)| sums.merge(task));
        }
        sums
    }

    fn task(&self, quantiles: &[i64], scenarios: &[u32]) -> Vec<Sums> {
        let sampler = self.sampler;
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
        let most = self.sampler.model().most();
        AtLevel {
            level,
            var: self.var(level),
            es: between(es, excess_bounds(q, level, &self.excesses(q), most)),
            contributions_minor,
            gain_ppm: self.gain(level).map(ppm),
        }
    }
}

/// The weights of the scenarios that lost as much.
struct Exceeding<'a> {
    weighted: &'a Weighted<'a>,
    strata: Strata,
}

impl Exceedance for Exceeding<'_> {
    fn add(&mut self, scenario: usize) {
        let number = u32::try_from(scenario).expect("at most 10,000,000 scenarios");
        let stratum = self.weighted.sampler.stratum(number);
        self.strata
            .add(stratum, self.weighted.samples[scenario].weight);
    }

    fn bounds(&self) -> Bounds {
        self.strata.bounds(1.0)
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

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive; saturates"
)]
fn ppm(gain: f64) -> u64 {
    // What a number in JSON holds exactly.
    (gain * 1e6).round().min(9_007_199_254_740_991.0) as u64
}
