//! The factors of a batch of scenarios.

use crate::{
    math::{Curve, normal},
    model::Model,
    random::{FACTORS, join, philox::Key, sobol::Sequences, uniform},
};

/// Where factors come from.
#[allow(clippy::large_enum_variant, reason = "there is one a run")]
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Independent random numbers.
    Random(Key, u32),
    /// Scrambled Sobol sequences.
    Even(Sequences),
}

impl Source {
    pub(crate) fn random(key: Key, pilot: u32) -> Self {
        Self::Random(key, FACTORS + pilot)
    }

    /// The standard normal coordinates of a scenario, in order.
    #[inline]
    pub(crate) fn normals(&self, scenario: u32, into: &mut [f64]) {
        match self {
            Self::Random(key, domain) => {
                for (block, pair) in (0..).zip(into.chunks_mut(2)) {
                    let [w0, w1, w2, w3] = key.block([block, scenario, *domain, 0]);
                    for (into, word) in pair.iter_mut().zip([join(w0, w1), join(w2, w3)]) {
                        *into = normal::quantile(uniform(word));
                    }
                }
            }
            Self::Even(sequences) => {
                for (dimension, into) in into.iter_mut().enumerate() {
                    *into = normal::quantile(uniform(sequences.word(scenario, dimension)));
                }
            }
        }
    }
}

/// A row for each scenario, with s and Z: they are multiplied with the [`Model`]'s e and w.
#[derive(Clone, Debug)]
pub(crate) struct Coordinates {
    rows: Vec<f64>,
    width: usize,
}

impl Coordinates {
    pub(crate) fn new(model: &Model, source: &Source, scenarios: &[u32]) -> Self {
        let width = model.factors + 1;
        let mut rows = vec![1.0; scenarios.len() * width];
        let mut normals = vec![0.0; model.dimensions()];
        for (row, &scenario) in rows.chunks_exact_mut(width).zip(scenarios) {
            source.normals(scenario, &mut normals);
            row_of(model, &normals, row);
        }
        Self { rows, width }
    }

    #[inline]
    pub(crate) fn row(&self, member: usize) -> &[f64] {
        &self.rows[member * self.width..(member + 1) * self.width]
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len() / self.width
    }

    /// The least and the greatest of each coordinate.
    pub(crate) fn bounds(&self, members: &[usize]) -> Vec<(f64, f64)> {
        let mut bounds = vec![(f64::INFINITY, f64::NEG_INFINITY); self.width];
        for &member in members {
            for (bound, &value) in bounds.iter_mut().zip(self.row(member)) {
                *bound = (bound.0.min(value), bound.1.max(value));
            }
        }
        bounds
    }
}

/// s and Z of standard normal coordinates, of which the last is the mixing variable's.
#[inline]
pub(crate) fn row_of(model: &Model, normals: &[f64], row: &mut [f64]) {
    let (factors, mixing) = normals.split_at(model.factors);
    row[0] = model
        .scale
        .as_ref()
        .map_or(1.0, |scale: &Curve| scale.at(mixing[0]));
    row[1..].copy_from_slice(factors);
}
