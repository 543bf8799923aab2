//! Draws one scenario where losses are large, and weighs it.

use super::tune::{Cell, Tuning};
use crate::{
    kernel::{Source, row_of},
    model::Model,
    random::{
        DETAILS, TWISTED,
        philox::{Key, Prepared, Row},
    },
};

/// One scenario in so many is drawn without a change of measure.
const NOMINAL_EVERY: u32 = 8;
const LANES: usize = 16;
/// Names that are drawn from the blocks of all lanes, a word each.
const CHUNK: usize = LANES * 4;

/// A scenario's loss and weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) loss: i64,
    pub(super) weight: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Sampler<'a> {
    model: &'a Model,
    key: Key,
    source: Source,
    tuning: Tuning,
    chunks: Vec<Prepared<LANES>>,
    norm_square: f64,
}

/// Room to compute one scenario in.
pub(super) struct Work {
    normals: Vec<f64>,
    row: Vec<f64>,
    probabilities: Vec<f64>,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(model: &'a Model, key: Key, tuning: Tuning) -> Self {
        let first = (0_u32..).step_by(LANES).take(model.names().div_ceil(CHUNK));
        let chunks = first
            .map(|first| Prepared::new(&key, first, TWISTED))
            .collect();
        let norm_square = tuning.mean.iter().map(|mean| mean * mean).sum();
        Self {
            model,
            key,
            source: Source::random(key, 0),
            tuning,
            chunks,
            norm_square,
        }
    }

    pub(super) fn model(&self) -> &Model {
        self.model
    }

    pub(super) fn work(&self) -> Work {
        Work {
            normals: vec![0.0; self.model.dimensions()],
            row: vec![0.0; self.model.factors + 1],
            probabilities: vec![0.0; self.model.names()],
        }
    }

    /// Draws a scenario; `lost` hears of each name that ends worse than in its best state.
    pub(super) fn sample(
        &self,
        scenario: u32,
        work: &mut Work,
        mut lost: impl FnMut(usize, i64),
    ) -> Sample {
        let nominal = scenario.is_multiple_of(NOMINAL_EVERY);
        let shift = self.coordinates(scenario, nominal, work);
        self.tuning
            .probabilities(self.model, &work.row, &mut work.probabilities);
        let cell = self.cell(&work.probabilities);
        let mut loss = self.model.base_sum();
        let mut psi = Product::default();
        let mut cost = 0.0;
        let row = Row::new(&self.key, scenario, TWISTED);
        for (chunk, prepared) in self.chunks.iter().enumerate() {
            let words: [u32; CHUNK] = bytemuck::cast(prepared.blocks(&self.key, row));
            let names = chunk * CHUNK..self.model.names().min((chunk + 1) * CHUNK);
            for (name, word) in names.zip(words) {
                let (p, odds) = (work.probabilities[name], cell.odds[name]);
                let norm = 1.0 + p * (odds - 1.0);
                psi.times(norm);
                let q = if nominal { p } else { p * odds / norm };
                let u = (f64::from(word) + 0.5) / 4_294_967_296.0;
                if u < q {
                    cost += self.tuning.costs[name];
                }
                if let Some(worse) = self.worse(name, scenario, u, p, q, &work.row) {
                    loss += worse;
                    lost(name, worse);
                }
            }
        }
        let log_ratio = shift - cell.theta * cost + psi.ln();
        Sample {
            loss,
            weight: weight(log_ratio),
        }
    }

    /// |μ|²/2 - μ·z, the coordinates z being left in `work`.
    fn coordinates(&self, scenario: u32, nominal: bool, work: &mut Work) -> f64 {
        self.source.normals(scenario, &mut work.normals);
        let mut along = 0.0;
        for (z, mean) in work.normals.iter_mut().zip(&self.tuning.mean) {
            *z += if nominal { 0.0 } else { *mean };
            along += *z * mean;
        }
        row_of(self.model, &work.normals, &mut work.row);
        0.5 * self.norm_square - along
    }

    fn cell(&self, probabilities: &[f64]) -> &Cell {
        let mean: f64 = probabilities
            .iter()
            .zip(&self.tuning.costs)
            .map(|(p, cost)| p * cost)
            .sum();
        let position = self.tuning.cells.partition_point(|cell| cell.from > mean);
        &self.tuning.cells[position.min(self.tuning.cells.len() - 1)]
    }

    /// What a name loses above its base, if it is not in its best state. Below q it defaults; from q to one it is as it
    /// would be from p to one.
    #[inline]
    fn worse(
        &self,
        name: usize,
        scenario: u32,
        u: f64,
        p: f64,
        q: f64,
        row: &[f64],
    ) -> Option<i64> {
        if u < q {
            return Some(self.model.fixed(name).unwrap_or_else(|| {
                let number = u32::try_from(name).expect("at most 10,000 names");
                self.model
                    .severity(name, self.key.block([number, scenario, DETAILS, 0])[2])
            }));
        }
        let others = self
            .model
            .steps(name)
            .get(1..)
            .filter(|steps| !steps.is_empty())?;
        let y = self
            .model
            .weights(name)
            .iter()
            .zip(&row[1..])
            .fold(0.0, |sum, (weight, z)| sum + weight * z);
        let u = p + (u - q) * (1.0 - p) / (1.0 - q);
        others
            .iter()
            .find(|step| u < self.tuning.distribution.at(step.e * row[0] + y))
            .map(|step| step.loss)
    }
}

fn weight(log_ratio: f64) -> f64 {
    let share = 1.0 / f64::from(NOMINAL_EVERY);
    1.0 / (share + (1.0 - share) * libm::exp(-log_ratio))
}

/// A product of numbers of at least one, of which only the logarithm is wanted.
struct Product {
    value: f64,
    log: f64,
}

impl Default for Product {
    fn default() -> Self {
        Self {
            value: 1.0,
            log: 0.0,
        }
    }
}

impl Product {
    #[inline]
    fn times(&mut self, factor: f64) {
        self.value *= factor;
        if self.value > 1e200 {
            self.log += libm::log(self.value);
            self.value = 1.0;
        }
    }

    fn ln(&self) -> f64 {
        self.log + libm::log(self.value)
    }
}
