//! Books of one factor without simulation: a second implementation that the engine is held to. It takes nothing from
//! the engine but the normal and the Beta distribution functions.
//!
//! 1. Given the factor, names are independent. So the conditional distribution of the loss is the convolution of the
//!    names' distributions (Andersen, Sidenius and Basu, Risk 16(11), 2003).
//! 2. The distribution of the loss is the mean over the factor, by the trapezoidal rule. For a smooth integrand times
//!    the normal density it converges faster than any power of the step (Trefethen and Weideman, *SIAM Review* 56,
//!    2014).
//!
//! Not here: the t copula, and ratings.

use std::collections::BTreeMap;

use rayon::prelude::*;
use risk::{
    input::{Lgd, NameDraft},
    math::{beta::Shape, normal},
    units::{Fraction, Level},
};

use crate::books::fraction;

/// Nodes of the factor from -`REACH` to `REACH`.
const NODES: u32 = 512;
const REACH: f64 = 8.5;
/// Equally likely classes that a Beta distribution is drawn from.
const CLASSES: u32 = 1_024;

/// The distribution of a loss in whole units.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    probabilities: Vec<f64>,
}

/// One name: it defaults with probability Φ(e + w z) given the factor z, and then loses so many units.
struct Law {
    e: f64,
    w: f64,
    /// Each loss in units, and its share of the defaults.
    losses: Vec<(usize, f64)>,
}

/// The loss distribution of names with one loading, whose losses are whole multiples of `unit_minor`.
pub fn one_factor(names: &[NameDraft], unit_minor: u64) -> Distribution {
    let laws: Vec<Law> = names.iter().map(|name| law(name, unit_minor)).collect();
    let size = laws.iter().map(most).sum::<usize>() + 1;
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
    Distribution { probabilities }
}

fn law(name: &NameDraft, unit_minor: u64) -> Law {
    let loadings = name.loadings.as_deref().unwrap();
    assert_eq!(loadings.len(), 1, "{}: not one factor", name.id);
    assert_eq!(name.rating, None, "{}: rated", name.id);
    let (a, exposure) = (loadings[0].to_f64(), name.exposure_minor.unwrap());
    let own = (1.0 - a * a).sqrt();
    let units = |lgd: Fraction| {
        let uncovered = exposure - name.collateral_minor.unwrap_or(0);
        let loss = lgd.of(exposure).min(uncovered);
        assert_eq!(loss % unit_minor, 0, "{}: no whole units", name.id);
        usize::try_from(loss / unit_minor).unwrap()
    };
    let losses: Vec<usize> = match name.lgd.unwrap() {
        Lgd::Fixed(lgd) => vec![units(lgd)],
        Lgd::Beta { mean, deviation } => classes(mean.to_f64(), deviation.to_f64())
            .into_iter()
            .map(|share| units(fraction(share)))
            .collect(),
    };
    Law {
        e: normal::quantile(name.pd.unwrap().to_f64()) / own,
        w: -a / own,
        losses: shares(&losses),
    }
}

fn most(law: &Law) -> usize {
    law.losses.iter().map(|&(loss, _)| loss).max().unwrap_or(0)
}

/// The means of the classes of a Beta distribution. With X of parameters a and b, E(X; X ≤ x) is E(X) times the
/// probability of at most x under parameters a + 1 and b (DLMF 8.17.20).
fn classes(mean: f64, deviation: f64) -> Vec<f64> {
    let total = mean * (1.0 - mean) / (deviation * deviation) - 1.0;
    let (a, b) = (mean * total + 1.0, (1.0 - mean) * total);
    let moved = a / (a + b);
    let spread = (moved * (1.0 - moved) / (a + b + 1.0)).sqrt();
    let shape = Shape::from_moments(mean, deviation).unwrap();
    let below = Shape::from_moments(moved, spread).unwrap();
    let edges: Vec<f64> = (0..=CLASSES)
        .map(|edge| quantile(shape, f64::from(edge) / f64::from(CLASSES)))
        .map(|x| mean * below.distribution(x))
        .collect();
    edges
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) * f64::from(CLASSES))
        .collect()
}

/// By bisection.
fn quantile(shape: Shape, probability: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let x = f64::midpoint(low, high);
        if shape.distribution(x) < probability {
            low = x;
        } else {
            high = x;
        }
    }
    high
}

/// Equally likely losses, each once.
fn shares(losses: &[usize]) -> Vec<(usize, f64)> {
    let each = 1.0 / losses.iter().map(|_| 1.0).sum::<f64>();
    let mut shares = BTreeMap::new();
    for &loss in losses {
        *shares.entry(loss).or_insert(0.0) += each;
    }
    shares.into_iter().collect()
}

/// The distribution given the factor, name by name.
fn conditional(laws: &[Law], z: f64, size: usize) -> Vec<f64> {
    let mut distribution = vec![0.0; size];
    distribution[0] = 1.0;
    let mut reached = 0;
    for law in laws {
        let p = normal::distribution(law.e + law.w * z);
        let atoms: Vec<_> = law
            .losses
            .iter()
            .map(|&(loss, share)| (loss, share * p))
            .collect();
        convolve(&mut distribution, reached, &atoms, 1.0 - p);
        reached += most(law);
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
        let probability = same * distribution[loss] + others;
        // Numbers near the smallest that there are take a hundred times as long.
        distribution[loss] = if probability < 1e-100 {
            0.0
        } else {
            probability
        };
    }
}

impl Distribution {
    /// The distribution of the sum of two independent losses.
    pub fn plus(&self, other: &Self) -> Self {
        let (ours, theirs) = (&self.probabilities, &other.probabilities);
        let mut probabilities = vec![0.0; ours.len() + theirs.len() - 1];
        for (a, p) in ours.iter().enumerate() {
            for (b, q) in theirs.iter().enumerate() {
                probabilities[a + b] += p * q;
            }
        }
        Self { probabilities }
    }

    /// The mean, in units.
    pub fn mean(&self) -> f64 {
        self.losses().map(|(loss, p)| loss * p).sum()
    }

    /// The standard deviation, in units.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        self.losses()
            .map(|(loss, p)| (loss - mean) * (loss - mean) * p)
            .sum::<f64>()
            .sqrt()
    }

    /// The quantile, in units.
    pub fn quantile(&self, level: Level) -> usize {
        let mut joint = 0.0;
        let reached = |p: &f64| {
            joint += p;
            // A level that is met exactly is met.
            joint >= level.to_f64() - 1e-12
        };
        self.probabilities
            .iter()
            .position(reached)
            .unwrap_or(self.probabilities.len() - 1)
    }

    /// Expected shortfall, in units: [E(L; L > q) + q (P(L ≤ q) - α)]/(1-α).
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
