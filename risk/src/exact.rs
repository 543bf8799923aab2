//! Books of one factor without simulation: the second implementation that the first is held to.
//!
//! Given the factor, names are independent, so the conditional distribution of the loss is the convolution of the
//! names' (Andersen, Sidenius and Basu, Risk 16(11), 2003); the loss's own is its mean over the factor, by the
//! trapezoidal rule, which for a smooth integrand times the normal density converges faster than any power of the step
//! (Trefethen and Weideman, *SIAM Review* 56, 2014). Gaussian copula only.

use rayon::prelude::*;

use crate::{input::Portfolio, math::normal, model::Model, parameters::Copula, units::Level};

/// Nodes of the factor from -`REACH` to `REACH`.
const NODES: u32 = 512;
const REACH: f64 = 8.5;
/// The most distinct losses.
const LOSSES_MAX: u64 = 1 << 22;

/// Why a book cannot be done exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than one factor.
    #[error("only books of one factor have an exact loss distribution here")]
    Factors,
    /// Some loss is not a whole number of units, or negative.
    #[error("a loss is not a whole number of units")]
    Unit,
    /// Too many units.
    #[error("the largest loss has too many units")]
    Size,
}

/// The distribution of a loss in whole units.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    probabilities: Vec<f64>,
}

/// One name's losses in units with the joint probability of each and all worse, as a Φ of the factor.
struct Law {
    weight: f64,
    /// e, and the losses with their shares of the state's probability.
    steps: Vec<(f64, Vec<(usize, f64)>)>,
}

/// The loss distribution of a book of one factor whose losses are whole multiples of `unit_minor`.
///
/// # Errors
/// Where the book is not such a one.
pub fn one_factor(portfolio: &Portfolio, unit_minor: u64) -> Result<Distribution, Refusal> {
    if portfolio.factors() != 1 {
        return Err(Refusal::Factors);
    }
    let model = Model::new(portfolio, Copula::Gaussian);
    let laws = (0..model.names())
        .map(|name| law(&model, name, unit_minor))
        .collect::<Result<Vec<_>, _>>()?;
    let most = |law: &Law| {
        law.steps
            .iter()
            .flat_map(|(_, losses)| losses)
            .map(|&(loss, _)| loss)
            .max()
            .unwrap_or(0)
    };
    let size = laws.iter().map(most).sum::<usize>() + 1;
    if u64::try_from(size).map_or(true, |size| size > LOSSES_MAX) {
        return Err(Refusal::Size);
    }
    let step = 2.0 * REACH / f64::from(NODES);
    let nodes: Vec<Vec<f64>> = (0..=NODES)
        .into_par_iter()
        .map(|node| {
            let z = f64::from(node) * step - REACH;
            let weight = normal::density(z) * step;
            conditional(&laws, z, size)
                .into_iter()
                .map(|p| p * weight)
                .collect()
        })
        .collect();
    let mut probabilities = vec![0.0; size];
    for node in &nodes {
        probabilities
            .iter_mut()
            .zip(node)
            .for_each(|(sum, p)| *sum += p);
    }
    Ok(Distribution { probabilities })
}

fn law(model: &Model, name: usize, unit_minor: u64) -> Result<Law, Refusal> {
    let unit = i64::try_from(unit_minor)
        .ok()
        .filter(|&unit| unit > 0)
        .ok_or(Refusal::Unit)?;
    let units = |loss: i64| {
        if model.base(name) != 0 || loss < 0 || loss % unit != 0 {
            return Err(Refusal::Unit);
        }
        usize::try_from(loss / unit).map_err(|_| Refusal::Size)
    };
    let steps = model
        .steps(name)
        .iter()
        .enumerate()
        .map(|(position, step)| {
            let losses = if position == 0 {
                model.severities(name)
            } else {
                vec![step.loss]
            };
            Ok((
                step.e,
                shares(
                    &losses
                        .into_iter()
                        .map(units)
                        .collect::<Result<Vec<_>, _>>()?,
                ),
            ))
        });
    Ok(Law {
        weight: model.weights(name)[0],
        steps: steps.collect::<Result<_, _>>()?,
    })
}

/// Equally likely losses, each once.
fn shares(losses: &[usize]) -> Vec<(usize, f64)> {
    let each = 1.0 / losses.iter().map(|_| 1.0).sum::<f64>();
    let mut shares = std::collections::BTreeMap::new();
    for &loss in losses {
        *shares.entry(loss).or_insert(0.0) += each;
    }
    shares.into_iter().collect()
}

/// The distribution given the factor, name by name.
fn conditional(laws: &[Law], z: f64, size: usize) -> Vec<f64> {
    let mut distribution = vec![0.0; size];
    distribution[0] = 1.0;
    let mut most = 0;
    for law in laws {
        let mut atoms = Vec::new();
        let mut joint = 0.0;
        for (e, losses) in &law.steps {
            let below = normal::distribution(e + law.weight * z).max(joint);
            atoms.extend(
                losses
                    .iter()
                    .map(|&(loss, share)| (loss, share * (below - joint))),
            );
            joint = below;
        }
        convolve(&mut distribution, most, &atoms, 1.0 - joint);
        most += atoms.iter().map(|&(loss, _)| loss).max().unwrap_or(0);
    }
    distribution
}

/// In place, from the largest loss down.
fn convolve(distribution: &mut [f64], most: usize, atoms: &[(usize, f64)], none: f64) {
    let reach = atoms.iter().map(|&(loss, _)| loss).max().unwrap_or(0);
    for loss in (0..=most + reach).rev() {
        let from = |&(atom, p): &(usize, f64)| {
            if atom <= loss {
                p * distribution[loss - atom]
            } else {
                0.0
            }
        };
        let others = atoms
            .iter()
            .filter(|(atom, _)| *atom > 0)
            .map(from)
            .sum::<f64>();
        let same: f64 = none
            + atoms
                .iter()
                .filter(|(atom, _)| *atom == 0)
                .map(|&(_, p)| p)
                .sum::<f64>();
        distribution[loss] = same * distribution[loss] + others;
    }
}

impl Distribution {
    /// The probability of each number of units.
    #[must_use]
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// The mean, in units.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.losses().map(|(loss, p)| loss * p).sum()
    }

    /// The standard deviation, in units.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        self.losses()
            .map(|(loss, p)| (loss - mean) * (loss - mean) * p)
            .sum::<f64>()
            .sqrt()
    }

    /// The quantile, in units.
    #[must_use]
    pub fn quantile(&self, level: Level) -> usize {
        let mut joint = 0.0;
        let reached = |p: &f64| {
            joint += p;
            joint >= level.to_f64()
        };
        self.probabilities
            .iter()
            .position(reached)
            .unwrap_or(self.probabilities.len() - 1)
    }

    /// Expected shortfall, in units: [E(L; L > q) + q (P(L ≤ q) - α)]/(1-α).
    #[must_use]
    pub fn expected_shortfall(&self, level: Level) -> f64 {
        let q = self.quantile(level);
        let above: f64 = self.losses().skip(q + 1).map(|(loss, p)| loss * p).sum();
        let beyond: f64 = self.probabilities.iter().skip(q + 1).sum();
        let (at, _) = self.losses().nth(q).unwrap_or((0.0, 0.0));
        (above + at * (level.tail() - beyond)) / level.tail()
    }

    fn losses(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        (0_u32..)
            .map(f64::from)
            .zip(self.probabilities.iter().copied())
    }
}
