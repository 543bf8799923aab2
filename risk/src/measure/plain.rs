//! Results of scenarios with equal weights.

use rayon::prelude::*;

use super::{
    interval::{Bounds, Strata, ranks},
    rational::{apportion, nearest},
};
use crate::{
    kernel::Kernel,
    model::Model,
    outcome::{AtLevel, Estimate},
    units::{Level, MILLION},
};

/// Scenarios of one task that attributes losses to names.
const BATCH: usize = 2_048;

/// Losses, the upper ones in order.
pub(crate) struct Ordered<'a> {
    losses: &'a [i64],
    /// The losses of rank `from` and above, rising.
    upper: Vec<i64>,
    from: usize,
}

impl<'a> Ordered<'a> {
    /// Ready for these levels and their intervals.
    pub(crate) fn new(losses: &'a [i64], levels: &[Level]) -> Self {
        let count = count(losses);
        let least = levels
            .iter()
            .map(|&level| rank(count, level).min(ranks(count, level).0))
            .min()
            .unwrap_or(count);
        let from = least as usize - 1;
        let mut upper = losses.to_vec();
        upper.select_nth_unstable(from);
        upper.drain(..from);
        upper.par_sort_unstable();
        Self {
            losses,
            upper,
            from,
        }
    }

    /// The loss of a rank, from 1.
    fn at(&self, rank: u32) -> i64 {
        self.upper[rank as usize - 1 - self.from]
    }

    fn count(&self) -> u32 {
        count(self.losses)
    }

    /// VaR with its interval by order statistics.
    pub(crate) fn var(&self, level: Level) -> Estimate {
        let (low, high) = ranks(self.count(), level);
        let value = self.at(rank(self.count(), level));
        Estimate {
            value_minor: value,
            low_minor: self.at(low),
            high_minor: self.at(high),
        }
    }

    /// The numerator of ES over [`denominator`].
    pub(crate) fn es(&self, level: Level) -> i128 {
        let q = self.var(level).value_minor;
        let above: i128 = self
            .upper
            .iter()
            .filter(|&&loss| loss > q)
            .map(|&loss| i128::from(loss))
            .sum();
        let beyond = self.upper.len() - self.upper.partition_point(|&loss| loss <= q);
        i128::from(MILLION) * above + i128::from(q) * self.at_quantile(level, beyond)
    }

    /// n (P(L ≤ q) - α) in parts per million, where this many losses are above q.
    fn at_quantile(&self, level: Level, beyond: usize) -> i128 {
        let (count, beyond) = (i128::from(self.count()), wide(beyond));
        i128::from(MILLION) * (count - beyond) - i128::from(level.ppm()) * count
    }

    /// Bounds of ES. By the delta method its error is that of the mean of (L-q)⁺/(1-α) (Manistre and Hancock, *North
    /// American Actuarial Journal* 9, 2005).
    fn es_bounds(&self, level: Level, most: i64) -> Bounds {
        let q = self.var(level).value_minor;
        let mut excesses = Strata::new(&[self.count()], 1.0);
        for loss in self.upper.iter().filter(|&&loss| loss > q) {
            excesses.add(0, to_f64(loss - q));
        }
        excess_bounds(q, level, &excesses, most)
    }

    /// One level's results, of which no scenario can lose more than `most`.
    pub(crate) fn at_level(&self, level: Level, attribution: &Attribution, most: i64) -> AtLevel {
        let (contributions_minor, es) = self.contributions(level, attribution);
        AtLevel {
            level,
            var: self.var(level),
            es: between(es, self.es_bounds(level, most)),
            contributions_minor,
            gain_ppm: None,
        }
    }

    fn contributions(&self, level: Level, attribution: &Attribution) -> (Vec<i64>, i64) {
        let equal = wide(attribution.equal).max(1);
        let at_quantile = self.at_quantile(level, attribution.beyond);
        let numerators: Vec<i128> = attribution
            .names
            .iter()
            .map(|name| i128::from(MILLION) * name.beyond * equal + at_quantile * name.equal)
            .collect();
        apportion(&numerators, denominator(self.count(), level) * equal)
    }
}

/// n (1-α) in parts per million.
pub(crate) fn denominator(count: u32, level: Level) -> i128 {
    i128::from(count) * i128::from(MILLION - level.ppm())
}

/// ⌈αn⌉, at least 1.
pub(crate) fn rank(count: u32, level: Level) -> u32 {
    let scaled = (u64::from(count) * u64::from(level.ppm())).div_ceil(u64::from(MILLION));
    u32::try_from(scaled).expect("at most n").max(1)
}

/// Which losses the names had in the scenarios of one level.
#[derive(Clone, Debug)]
pub(crate) struct Attribution {
    /// How many scenarios lost more than VaR.
    beyond: usize,
    /// How many lost just VaR.
    equal: usize,
    names: Vec<Sums>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    beyond: i128,
    equal: i128,
}

/// Simulates once more the scenarios that lost at least VaR, and adds up what each name lost in them.
pub(crate) fn attribute(
    kernel: &Kernel<'_>,
    model: &Model,
    losses: &[i64],
    quantiles: &[i64],
) -> Vec<Attribution> {
    let least = quantiles.iter().copied().min().unwrap_or(i64::MAX);
    let tail: Vec<u32> = (0_u32..)
        .zip(losses)
        .filter(|&(_, &loss)| loss >= least)
        .map(|(scenario, _)| scenario)
        .collect();
    let none = || {
        quantiles
            .iter()
            .map(|_| Attribution {
                beyond: 0,
                equal: 0,
                names: vec![Sums::default(); model.names()],
            })
            .collect::<Vec<_>>()
    };
    let batch = |mut sums: Vec<Attribution>, scenarios: &[u32]| {
        kernel.batch(scenarios, |at, name, loss| {
            let total = losses[scenarios[at] as usize];
            for (level, &q) in sums.iter_mut().zip(quantiles) {
                level.names[name].add(total, q, loss);
            }
        });
        sums
    };
    let add = |mut left: Vec<Attribution>, right: Vec<Attribution>| {
        left.iter_mut()
            .zip(&right)
            .for_each(|(left, right)| left.merge(right));
        left
    };
    let mut sums = tail.par_chunks(BATCH).fold(none, batch).reduce(none, add);
    for (level, &q) in sums.iter_mut().zip(quantiles) {
        level.finish(model, losses, q);
    }
    sums
}

impl Attribution {
    fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.names.iter_mut().zip(&other.names) {
            ours.beyond += theirs.beyond;
            ours.equal += theirs.equal;
        }
    }

    /// Counts the scenarios, and adds what names lose even in their best states.
    fn finish(&mut self, model: &Model, losses: &[i64], q: i64) {
        self.beyond = losses.iter().filter(|&&loss| loss > q).count();
        self.equal = losses.iter().filter(|&&loss| loss == q).count();
        for (name, sums) in self.names.iter_mut().enumerate() {
            sums.beyond += i128::from(model.base(name)) * wide(self.beyond);
            sums.equal += i128::from(model.base(name)) * wide(self.equal);
        }
    }
}

impl Sums {
    #[inline]
    fn add(&mut self, total: i64, q: i64, loss: i64) {
        if total > q {
            self.beyond += i128::from(loss);
        } else if total == q {
            self.equal += i128::from(loss);
        }
    }
}

/// The standard deviation.
pub(crate) fn deviation(losses: &[i64]) -> i64 {
    let count = i128::from(count(losses));
    let mean = nearest(losses.par_iter().map(|&loss| i128::from(loss)).sum(), count);
    let square = |&loss: &i64| i128::from(loss - mean).pow(2).unsigned_abs();
    let variance = losses.par_iter().map(square).sum::<u128>() / (count - 1).unsigned_abs().max(1);
    i64::try_from(variance.isqrt()).expect("a deviation of losses")
}

/// Bounds of ES at a quantile, where `excesses` has what scenarios lost beyond it.
pub(crate) fn excess_bounds(q: i64, level: Level, excesses: &Strata, most: i64) -> Bounds {
    let (low, high) = excesses.bounds(to_f64(most - q));
    let scaled = |excess: f64| (to_f64(q) + excess.max(0.0) / level.tail()).min(to_f64(most));
    (scaled(low), scaled(high))
}

/// A value with its bounds, rounded outwards.
pub(crate) fn between(value_minor: i64, (low, high): Bounds) -> Estimate {
    Estimate {
        value_minor,
        low_minor: whole(low.floor()).min(value_minor),
        high_minor: whole(high.ceil()).max(value_minor),
    }
}

fn count(losses: &[i64]) -> u32 {
    u32::try_from(losses.len()).expect("at most 10,000,000 scenarios")
}

fn wide(count: usize) -> i128 {
    i128::try_from(count).expect("a number of scenarios")
}

#[allow(clippy::cast_precision_loss, reason = "at most 10^15, which is exact")]
pub(crate) fn to_f64(minor: i64) -> f64 {
    minor as f64
}

#[allow(clippy::cast_possible_truncation, reason = "saturates")]
fn whole(value: f64) -> i64 {
    value as i64
}
