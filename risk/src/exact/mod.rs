//! Books of one Gaussian factor without simulation.
//!
//! Given the factor, names are independent, so the conditional distribution of the loss is the convolution of the
//! names' (Andersen, Sidenius and Basu, *Risk* 16(11), 2003). The distribution is the mean of those over the factor,
//! by the trapezoidal rule: for a smooth integrand times the normal density its error falls faster than any power of
//! the step (Trefethen and Weideman, *SIAM Review* 56, 2014).
//!
//! Losses are put on a grid. Where all are multiples of one unit that is fine enough, they lie on it, and results are
//! exact to what is lost by rounding. Otherwise every cost is between two cells, and there are bounds:
//!
//! | result | bounds |
//! | --- | --- |
//! | VaR | that of losses rounded down and up, for few names; else means of VaR over near levels, by the bounds of ES |
//! | ES, above | that of losses split over both cells, each mean kept: more spread, so more shortfall |
//! | ES, below | E(L T)/(1-α), T choosing the worst 1-α of the split losses: no choice is worse than the worst |
//!
//! The last is the sum over the names of E(L_i T)/(1-α), which are the contributions. It is also the value, so that
//! they add up. E(L_i T) takes the distribution of all names before i and, from behind, the expectation of T given the
//! sum so far.

mod grid;
mod law;
mod window;

use self::{
    grid::{Distribution, FEW_NAMES, Grid, Tail},
    law::{Rounding, moments},
};
use crate::{
    found::Found,
    math::normal,
    measure::{
        plain::{between, to_f64},
        rational::apportion,
    },
    model::Model,
    outcome::{AtLevel, Estimate},
    parameters::{Method, Parameters},
    units::Level,
};

/// How far the factor reaches, in deviations.
const REACH: f64 = 8.5;
/// The widest step of the factor.
const STEP_MAX: f64 = 0.25;
/// The most steps of the factor.
const STEPS_MAX: f64 = 1_000.0;
/// By what share of itself a tail is made smaller and larger, for chords.
const CHORD: f64 = 0.1;
/// Parts of a minor unit that contributions are apportioned in.
const PARTS: f64 = 4_096.0;

/// Whether there is one Gaussian factor, and no default that gains.
pub(crate) fn applies(model: &Model) -> bool {
    let gains = |name| model.steps(name).iter().any(|step| step.loss < 0);
    model.dimensions() == 1 && !(0..model.names()).any(gains)
}

/// Nothing where the method does not apply.
pub(crate) fn run(model: &Model, parameters: &Parameters) -> Option<Found> {
    if !applies(model) {
        return None;
    }
    let levels = &parameters.settings().levels;
    let nodes = nodes(model);
    let grid = Grid::new(model, &nodes, levels);
    let split = grid.distribution(model, &nodes, Rounding::Split);
    let rounded = |rounding| grid.distribution(model, &nodes, rounding);
    let bounds = if grid.is_whole() {
        Bounds::None
    } else if model.names() <= FEW_NAMES {
        Bounds::Rounded(Box::new([Rounding::Down, Rounding::Up].map(rounded)))
    } else {
        Bounds::Chords
    };
    // A level's own tail, then one that is smaller and one that is larger.
    let around = if bounds.is_chords() {
        &[1.0, 1.0 - CHORD, 1.0 + CHORD][..]
    } else {
        &[1.0]
    };
    let tails: Vec<Tail> = levels
        .iter()
        .flat_map(|level| around.iter().map(|share| split.tail(level.tail() * share)))
        .collect();
    let in_tails = grid.contributions(model, &nodes, &split, &tails);
    let on_grid = OnGrid {
        model,
        split: &split,
        bounds,
    };
    let tails = tails
        .chunks(around.len())
        .zip(in_tails.chunks(around.len()));
    Some(Found {
        method: Method::Exact,
        scenarios: 0,
        deviation_minor: deviation(model, &nodes),
        levels: levels
            .iter()
            .zip(tails)
            .map(|(&level, (tails, in_tails))| on_grid.at_level(level, tails, in_tails))
            .collect(),
        histogram: split.histogram(model.base_sum()),
    })
}

/// Where bounds of VaR come from.
enum Bounds {
    /// All costs are on the grid.
    None,
    /// Losses rounded down and up.
    Rounded(Box<[Distribution; 2]>),
    /// Chords of the integral of VaR.
    Chords,
}

impl Bounds {
    fn is_chords(&self) -> bool {
        matches!(self, Self::Chords)
    }
}

struct OnGrid<'a> {
    model: &'a Model,
    split: &'a Distribution,
    bounds: Bounds,
}

impl OnGrid<'_> {
    /// `in_tails` is what each name loses above its base in each of the tails.
    fn at_level(&self, level: Level, tails: &[Tail], in_tails: &[Vec<f64>]) -> AtLevel {
        let probability = tails[0].probability;
        let shares: Vec<f64> = (0..)
            .zip(&in_tails[0])
            .map(|(name, loss)| loss / probability + to_f64(self.model.base(name)))
            .collect();
        let numerators: Vec<i128> = shares.iter().map(|&share| parts(share)).collect();
        let (contributions_minor, es) = apportion(&numerators, parts(1.0));
        let most = to_f64(self.model.base_sum()) + self.most_in(&tails[0]) / probability;
        AtLevel {
            level,
            var: self.var(tails, in_tails),
            es: between(es, (shares.iter().sum(), most)),
            contributions_minor,
            gain_ppm: None,
        }
    }

    /// E(L T) of the split losses, which is at least that of the losses.
    fn most_in(&self, tail: &Tail) -> f64 {
        self.split.in_tail(tail, self.model.expected_above_base())
    }

    /// The quantile of the split losses, within its bounds.
    fn var(&self, tails: &[Tail], in_tails: &[Vec<f64>]) -> Estimate {
        let base = self.model.base_sum();
        let value = self.split.minor(tails[0].quantile);
        let (low, high) = match &self.bounds {
            Bounds::None => (to_f64(value), to_f64(value)),
            Bounds::Rounded(rounded) => {
                let [low, high] = [&rounded[0], &rounded[1]].map(|distribution| {
                    distribution.minor(distribution.exceeded(tails[0].probability))
                });
                (to_f64(low), to_f64(high))
            }
            Bounds::Chords => self.chords(tails, in_tails),
        };
        let bounds = between(value, (low, high));
        Estimate {
            value_minor: base + value,
            low_minor: base + bounds.low_minor,
            high_minor: (base + bounds.high_minor).min(self.model.most()),
        }
    }

    /// VaR falls with the tail, so it is at most its mean over what a smaller tail leaves of this one, and at least its
    /// mean over what a larger one adds.
    fn chords(&self, tails: &[Tail], in_tails: &[Vec<f64>]) -> (f64, f64) {
        let least = |place: usize| in_tails[place].iter().sum::<f64>();
        let apart = CHORD * tails[0].probability;
        let most = self.most_in(&tails[0]);
        ((least(2) - most) / apart, (most - least(1)) / apart)
    }
}

/// The factor's values, and their weights, which add up to one.
fn nodes(model: &Model) -> Vec<(f64, f64)> {
    let step = step(model);
    let count = (2.0 * REACH / step).ceil();
    let step = 2.0 * REACH / count;
    let mut nodes = Vec::new();
    let mut node = 0.0;
    while node <= count {
        let z = node * step - REACH;
        nodes.push((z, normal::density(z) * step));
        node += 1.0;
    }
    nodes
}

/// The trapezoidal rule's error falls as exp(-2π² w²/h²) with the step h, where w is how wide the factor's values are
/// that lead to one loss: the conditional deviation over the slope of the conditional mean. And no name's default comes
/// about within less than the inverse of its weight.
fn step(model: &Model) -> f64 {
    const PROBE: f64 = 0.25;
    let probes: Vec<(f64, f64)> = (-24..=24)
        .map(|probe| moments(model, f64::from(probe) * PROBE))
        .collect();
    let widths = probes.windows(2).map(|pair| {
        let slope = (pair[1].0 - pair[0].0).abs() / PROBE;
        pair[0].1.min(pair[1].1).sqrt() / slope.max(1e-300)
    });
    let steepest = (0..model.names())
        .map(|name| model.weights(name)[0].abs())
        .fold(1e-300, f64::max);
    let least = 2.0 * REACH / STEPS_MAX;
    // Where hardly anything is lost, the width says nothing.
    let width = widths
        .filter(|width| *width > 0.0)
        .fold(1.0 / steepest, f64::min);
    width.clamp(least, STEP_MAX)
}

/// By the law of total variance.
fn deviation(model: &Model, nodes: &[(f64, f64)]) -> i64 {
    let (mut mean, mut square) = (0.0, 0.0);
    for &(z, weight) in nodes {
        let (m, variance) = moments(model, z);
        mean += weight * m;
        square += weight * (variance + m * m);
    }
    whole((square - mean * mean).max(0.0).sqrt())
}

#[allow(clippy::cast_possible_truncation, reason = "a mean of losses")]
fn parts(minor: f64) -> i128 {
    (minor * PARTS).round() as i128
}

#[allow(clippy::cast_possible_truncation, reason = "a deviation of losses")]
fn whole(minor: f64) -> i64 {
    minor.round() as i64
}
