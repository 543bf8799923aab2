//! Where large losses come from: the factors at which a loss of at least x is most likely.
//!
//! Given the factors, P(L ≥ x | z) ≤ exp(ψ(θ, z) - θ x) for any θ ≥ 0 (Chernoff), with
//! `ψ(θ, z) = Σ ln(1 + p (e^{θc} - 1))`; the bound is least where ψ'(θ) = x, or at θ = 0 if m(z) ≥ x. A cause of a loss
//! of x is a local maximum over z of the least bound times the normal density: of `J(z) = ψ - θ x - |z|²/2` (Glasserman
//! and Li, section 5.1). There may be several: one a sector, one each way where loadings have both signs, and none of
//! the factors where one name is enough. So the search climbs from each axis, both ways, and from the origin. All is
//! computed with ln Φ, as Φ itself is flat where names hardly ever default.

use rayon::prelude::*;

use super::tune::TWIST_MAX;
use crate::{kernel::row_of, math::normal, model::Model};

/// How far the factors may move.
pub(super) const REACH: f64 = 8.0;
/// Evaluations of one climb.
const EVALUATIONS: u32 = 40;
/// Where a climb may begin on an axis.
const BEGINNINGS: [f64; 4] = [1.0, 2.5, 4.0, 5.5];
/// Causes that are nearer to each other are one.
const APART: f64 = 0.5;
/// A cause so much less likely than the likeliest, as the difference of logarithms, needs no scenarios of its own.
const LIKELY: f64 = 6.0;

/// The bound at a point.
#[derive(Clone, Debug)]
struct Point {
    z: Vec<f64>,
    theta: f64,
    height: f64,
    slope: Vec<f64>,
}

pub(super) struct Search<'a> {
    pub(super) model: &'a Model,
    /// What each name's default costs in the mean.
    pub(super) costs: &'a [f64],
    /// x.
    pub(super) aim: f64,
}

impl Search<'_> {
    /// The likeliest causes first, at most so many.
    pub(super) fn causes(&self, most: usize) -> Vec<Vec<f64>> {
        let dimensions = self.model.dimensions();
        let directions: Vec<Option<(usize, f64)>> = (0..dimensions)
            .flat_map(|axis| [Some((axis, -1.0)), Some((axis, 1.0))])
            .chain([None])
            .collect();
        let mut found: Vec<Point> = directions
            .par_iter()
            .map(|direction| self.climb(self.beginning(*direction)))
            .collect();
        found.sort_by(|a, b| b.height.total_cmp(&a.height));
        let mut causes: Vec<Point> = Vec::new();
        for point in found {
            let likely = causes
                .first()
                .is_none_or(|first| first.height - point.height < LIKELY);
            let apart = causes
                .iter()
                .all(|cause| distance(&cause.z, &point.z) > APART);
            if likely && apart && causes.len() < most {
                causes.push(point);
            }
        }
        causes.into_iter().map(|point| point.z).collect()
    }

    fn beginning(&self, direction: Option<(usize, f64)>) -> Point {
        let origin = self.at(vec![0.0; self.model.dimensions()], 0.0);
        let Some((axis, sign)) = direction else {
            return origin;
        };
        let points = BEGINNINGS.map(|far| {
            let mut z = vec![0.0; self.model.dimensions()];
            z[axis] = sign * far;
            self.at(z, origin.theta)
        });
        let highest = |best: Point, next: Point| {
            if next.height > best.height {
                next
            } else {
                best
            }
        };
        points.into_iter().reduce(highest).unwrap_or(origin)
    }

    /// Up the slope, by steps that grow while they lead up.
    fn climb(&self, mut here: Point) -> Point {
        let mut stride = 0.5;
        for _ in 0..EVALUATIONS {
            let step = here
                .slope
                .iter()
                .map(|slope| (stride * slope).clamp(-1.0, 1.0));
            let next: Vec<f64> = here
                .z
                .iter()
                .zip(step)
                .map(|(z, step)| (z + step).clamp(-REACH, REACH))
                .collect();
            if distance(&here.z, &next) < 1e-3 {
                break;
            }
            let next = self.at(next, here.theta);
            if next.height > here.height {
                here = next;
                stride *= 1.6;
            } else {
                stride *= 0.4;
            }
        }
        here
    }

    fn at(&self, z: Vec<f64>, guess: f64) -> Point {
        const STEP: f64 = 1e-4;
        let mut row = vec![0.0; self.model.factors + 1];
        row_of(self.model, &z, &mut row);
        // The slope of s in the t copula's mixing variable.
        let scale_slope = self.model.scale.as_ref().map(|scale| {
            let mixing = z[self.model.factors];
            (scale.at(mixing + STEP) - scale.at(mixing - STEP)) / (2.0 * STEP)
        });
        let names: Vec<Given> = self.given(&row);
        let theta = self.theta(&names, guess);
        let mut height = -theta * self.aim;
        let mut slope = vec![0.0; z.len()];
        for given in &names {
            let survive = given.log_survival;
            let default = given.log_default + theta * given.cost;
            height += survive.max(default) + libm::log1p(libm::exp(-(survive - default).abs()));
            let sway = given.twisted(theta) * -libm::expm1(-theta * given.cost) * given.slope;
            for (slope, weight) in slope.iter_mut().zip(self.model.weights(given.name)) {
                *slope += sway * weight;
            }
            if let Some(scale_slope) = scale_slope {
                slope[self.model.factors] += sway * self.model.steps(given.name)[0].e * scale_slope;
            }
        }
        for (slope, z) in slope.iter_mut().zip(&z) {
            height -= 0.5 * z * z;
            *slope -= z;
        }
        Point {
            z,
            theta,
            height,
            slope,
        }
    }

    /// The names that matter, given a scenario's coordinates.
    fn given(&self, row: &[f64]) -> Vec<Given> {
        let costly = self.costs.iter().copied().enumerate();
        costly
            .filter(|&(_, cost)| cost > 0.0)
            .map(|(name, cost)| {
                let weights = self.model.weights(name).iter().zip(&row[1..]);
                let y = weights.fold(0.0, |sum, (weight, z)| sum + weight * z);
                let x = self.model.steps(name)[0].e * row[0] + y;
                Given {
                    name,
                    cost,
                    log_default: normal::log_distribution(x),
                    log_survival: normal::log_distribution(-x),
                    slope: normal::log_slope(x),
                }
            })
            .collect()
    }

    /// ψ'(θ) = x: Newton's steps, and bisection where they lead out. ψ' rises.
    fn theta(&self, names: &[Given], guess: f64) -> f64 {
        let largest = self.costs.iter().copied().fold(1e-12, f64::max);
        let (mut low, mut high) = (0.0, TWIST_MAX / largest);
        let mut theta = 0.0;
        for step in 0..40 {
            let (mut mean, mut variance) = (0.0, 0.0);
            for given in names {
                let q = given.twisted(theta);
                mean += given.cost * q;
                variance += given.cost * given.cost * q * (1.0 - q);
            }
            if step == 0 && mean >= self.aim {
                return 0.0;
            }
            if mean > self.aim {
                high = theta;
            } else {
                low = theta;
            }
            if (mean / self.aim - 1.0).abs() < 1e-6 {
                break;
            }
            let newton = theta + (self.aim - mean) / variance;
            theta = if step == 0 && guess > low && guess < high {
                guess
            } else if newton > low && newton < high {
                newton
            } else {
                f64::midpoint(low, high)
            };
        }
        theta
    }

    /// θ and each name's e^{θc} - 1 at a point.
    pub(super) fn twist(&self, z: &[f64]) -> f64 {
        let mut row = vec![0.0; self.model.factors + 1];
        row_of(self.model, z, &mut row);
        self.theta(&self.given(&row), 0.0)
    }

    /// m(z)/x.
    pub(super) fn mean(&self, z: &[f64]) -> f64 {
        let mut row = vec![0.0; self.model.factors + 1];
        row_of(self.model, z, &mut row);
        let names = self.given(&row);
        names
            .iter()
            .map(|given| given.cost * given.twisted(0.0))
            .sum::<f64>()
            / self.aim
    }
}

/// One name, given the factors.
struct Given {
    name: usize,
    cost: f64,
    log_default: f64,
    log_survival: f64,
    /// Of `log_default`, in Φ's argument.
    slope: f64,
}

impl Given {
    /// p e^{θc}/(1 + p (e^{θc} - 1))
    fn twisted(&self, theta: f64) -> f64 {
        1.0 / (1.0 + libm::exp(self.log_survival - self.log_default - theta * self.cost))
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    square.sqrt()
}
