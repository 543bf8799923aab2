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
const NOMINAL_EVERY: u32 = 5;
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
    pilot: u32,
    source: Source,
    tuning: &'a Tuning,
    chunks: Vec<Prepared<LANES>>,
    /// How many scenarios each stratum has: those that are drawn as they are, then each component's.
    counts: Vec<u32>,
    /// The strata's shares.
    shares: Vec<f64>,
}

/// Room to compute one scenario in.
pub(super) struct Work<'a> {
    normals: Vec<f64>,
    row: Vec<f64>,
    probabilities: Vec<f64>,
    cells: Vec<&'a Cell>,
}

impl<'a> Sampler<'a> {
    /// For so many scenarios, with numbers of its own where it is a pilot.
    pub(super) fn new(
        model: &'a Model,
        key: Key,
        tuning: &'a Tuning,
        scenarios: u32,
        pilot: u32,
    ) -> Self {
        let first = (0_u32..).step_by(LANES).take(model.names().div_ceil(CHUNK));
        let chunks = first
            .map(|first| Prepared::new(&key, first, TWISTED + pilot))
            .collect();
        let mut counts = vec![0; tuning.components.len() + 1];
        for scenario in 0..scenarios {
            counts[stratum(scenario, tuning.components.len())] += 1;
        }
        let shares = counts
            .iter()
            .map(|&count| f64::from(count) / f64::from(scenarios))
            .collect();
        Self {
            model,
            key,
            pilot,
            source: Source::random(key, pilot),
            tuning,
            chunks,
            counts,
            shares,
        }
    }

    pub(super) fn model(&self) -> &Model {
        self.model
    }

    pub(super) fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// The most that a scenario weighs.
    pub(super) fn weight_max(&self) -> f64 {
        1.0 / self.shares[0]
    }

    /// Zero for a scenario that is drawn as it is, or one more than its component.
    pub(super) fn stratum(&self, scenario: u32) -> usize {
        stratum(scenario, self.tuning.components.len())
    }

    pub(super) fn work(&self) -> Work<'a> {
        Work {
            normals: vec![0.0; self.model.dimensions()],
            row: vec![0.0; self.model.factors + 1],
            probabilities: vec![0.0; self.model.names()],
            cells: Vec::new(),
        }
    }

    /// Draws a scenario; `lost` hears of each name that ends worse than in its best state.
    pub(super) fn sample(
        &self,
        scenario: u32,
        work: &mut Work<'a>,
        mut lost: impl FnMut(usize, i64),
    ) -> Sample {
        let stratum = self.stratum(scenario);
        let component = stratum.checked_sub(1);
        self.coordinates(scenario, component, work);
        let tuning = self.tuning;
        let mean = tuning.probabilities(self.model, &work.row, &mut work.probabilities);
        work.cells.clear();
        work.cells.extend(
            tuning
                .components
                .iter()
                .map(|component| component.cell(mean)),
        );
        let own = component.map(|component| work.cells[component]);
        let mut loss = self.model.base_sum();
        let mut cost = 0.0;
        let row = Row::new(&self.key, scenario, TWISTED + self.pilot);
        for (chunk, prepared) in self.chunks.iter().enumerate() {
            let words: [u32; CHUNK] = bytemuck::cast(prepared.blocks(&self.key, row));
            let names = chunk * CHUNK..self.model.names().min((chunk + 1) * CHUNK);
            for (name, word) in names.zip(words) {
                let p = work.probabilities[name];
                let q = own.map_or(p, |cell| {
                    let twist = cell.twists[name];
                    p * (1.0 + twist) / (1.0 + p * twist)
                });
                let u = (f64::from(word) + 0.5) / 4_294_967_296.0;
                if u < q {
                    cost += tuning.costs[name];
                }
                if let Some(worse) = self.worse(name, scenario, u, p, q, &work.row) {
                    loss += worse;
                    lost(name, worse);
                }
            }
        }
        Sample {
            loss,
            weight: self.weight(work, cost),
        }
    }

    /// Leaves the coordinates in `work`.
    fn coordinates(&self, scenario: u32, component: Option<usize>, work: &mut Work<'_>) {
        self.source.normals(scenario, &mut work.normals);
        if let Some(component) = component {
            let mean = &self.tuning.components[component].mean;
            for (z, mean) in work.normals.iter_mut().zip(mean) {
                *z += mean;
            }
        }
        row_of(self.model, &work.normals, &mut work.row);
    }

    /// The balance heuristic: the density of the scenario as it is over that of the mixture. With the component's
    /// μ and θ, the ratio of its density is exp(μ·z - |μ|²/2 + θ Σ c D - ψ(θ)).
    fn weight(&self, work: &Work<'_>, cost: f64) -> f64 {
        /// A scenario that much more likely than as it is weighs nothing.
        const CERTAIN: f64 = 600.0;
        let mut density = self.shares[0];
        let components = self.tuning.components.iter().zip(&work.cells);
        for ((component, cell), share) in components.zip(&self.shares[1..]) {
            let along: f64 = work
                .normals
                .iter()
                .zip(&component.mean)
                .map(|(z, mean)| z * mean)
                .sum();
            let mut log_ratio = along - 0.5 * component.norm_square + cell.theta * cost;
            if cell.theta > 0.0 {
                log_ratio -= log_product(&work.probabilities, &cell.twists);
            }
            density += share * libm::exp(log_ratio.min(CERTAIN));
        }
        1.0 / density
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
                let block = self.key.block([number, scenario, DETAILS + self.pilot, 0]);
                self.model.severity(name, block[2])
            }));
        }
        let steps = self.model.steps(name);
        if steps.len() == 1 {
            return None;
        }
        let u = p + (u - q) * (1.0 - p) / (1.0 - q);
        (1..steps.len())
            .find(|&step| u < self.tuning.probability(self.model, name, step, row))
            .map(|step| steps[step].loss)
    }
}

fn stratum(scenario: u32, components: usize) -> usize {
    let (round, place) = (scenario / NOMINAL_EVERY, scenario % NOMINAL_EVERY);
    if place == 0 {
        0
    } else {
        1 + (round * (NOMINAL_EVERY - 1) + place - 1) as usize % components
    }
}

/// ψ: Σ ln(1 + p twist). No factor is above e^30, so sixteen of them are a number.
#[inline]
fn log_product(probabilities: &[f64], twists: &[f64]) -> f64 {
    const LANES: usize = 4;
    let mut sum = 0.0;
    for (p, twist) in probabilities
        .chunks(16 * LANES)
        .zip(twists.chunks(16 * LANES))
    {
        let mut product = [1.0; LANES];
        let ((p, p_rest), (twist, twist_rest)) =
            (p.as_chunks::<LANES>(), twist.as_chunks::<LANES>());
        for (p, twist) in p.iter().zip(twist) {
            for lane in 0..LANES {
                product[lane] *= 1.0 + p[lane] * twist[lane];
            }
        }
        for ((p, twist), product) in p_rest.iter().zip(twist_rest).zip(&mut product) {
            *product *= 1.0 + p * twist;
        }
        sum += product.map(libm::log).iter().sum::<f64>();
    }
    sum
}
