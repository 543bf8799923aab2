//! Tunes importance sampling: where the factors' mean moves, and how default probabilities are twisted.

use crate::{
    kernel::{Kernel, Source, row_of},
    math::{Curve, normal},
    measure::plain::{Ordered, to_f64},
    model::Model,
    parameters::Parameters,
    random::PILOT,
};

/// Scenarios of the run that finds the loss to aim at.
const PILOT_SCENARIOS: u32 = 32_768;
/// Cells of the table of θ: m(z)/x from 1 down, four to a halving.
const CELLS: u32 = 33;
/// How far the factors may move.
const REACH: f64 = 8.0;
/// No name's odds are multiplied by more than e to this.
const TWIST_MAX: f64 = 30.0;

/// How scenarios are drawn instead of as they are.
#[derive(Clone, Debug)]
pub(super) struct Tuning {
    /// Where the normal coordinates' mean moves.
    pub(super) mean: Vec<f64>,
    /// What each name's default costs, as a share of the loss aimed at.
    pub(super) costs: Vec<f64>,
    /// From m(z)/x of at least `cells[j].from`; falling, the last from zero.
    pub(super) cells: Vec<Cell>,
    /// Φ.
    pub(super) distribution: Curve,
}

/// One θ.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) from: f64,
    pub(super) theta: f64,
    /// e^{θc} of each name.
    pub(super) odds: Vec<f64>,
}

pub(super) fn tune(model: &Model, parameters: &Parameters) -> Tuning {
    let costs: Vec<f64> = (0..model.names())
        .map(|name| to_f64(model.steps(name)[0].loss))
        .collect();
    let aim = aim(model, parameters);
    let distribution = Curve::new(|x| (normal::distribution(x), normal::density(x)));
    if aim <= 0.0 {
        // There is no loss to aim at, so scenarios are drawn without a change of measure.
        let cells = vec![Cell {
            from: 0.0,
            theta: 0.0,
            odds: vec![1.0; model.names()],
        }];
        return Tuning {
            mean: vec![0.0; model.dimensions()],
            costs,
            cells,
            distribution,
        };
    }
    let costs = costs.iter().map(|cost| cost / aim).collect();
    let mut tuning = Tuning {
        mean: vec![0.0; model.dimensions()],
        costs,
        cells: Vec::new(),
        distribution,
    };
    tuning.mean = tuning.likeliest(model);
    tuning.cells = (0..CELLS).map(|cell| tuning.cell(model, cell)).collect();
    tuning
}

/// VaR of a plain run at the highest level, above what is lost in the best states.
fn aim(model: &Model, parameters: &Parameters) -> f64 {
    let settings = parameters.settings();
    let kernel = Kernel::new(
        model,
        parameters.key(),
        Source::random(parameters.key(), PILOT),
        PILOT,
    );
    let losses = kernel.losses(PILOT_SCENARIOS.min(settings.scenarios));
    let level = settings.highest();
    to_f64(Ordered::new(&losses, &[level]).var(level).value_minor - model.base_sum())
}

impl Tuning {
    /// All names' default probabilities at normal coordinates.
    pub(super) fn probabilities(&self, model: &Model, row: &[f64], into: &mut [f64]) {
        for (name, into) in into.iter_mut().enumerate() {
            let y = model
                .weights(name)
                .iter()
                .zip(&row[1..])
                .fold(0.0, |sum, (weight, z)| sum + weight * z);
            *into = self.distribution.at(model.steps(name)[0].e * row[0] + y);
        }
    }

    fn at(&self, model: &Model, z: &[f64]) -> Vec<f64> {
        let mut row = vec![0.0; model.factors + 1];
        row_of(model, z, &mut row);
        let mut probabilities = vec![0.0; model.names()];
        self.probabilities(model, &row, &mut probabilities);
        probabilities
    }

    /// m(z)/x.
    fn mean_loss(&self, model: &Model, z: &[f64]) -> f64 {
        self.at(model, z)
            .iter()
            .zip(&self.costs)
            .map(|(p, cost)| p * cost)
            .sum()
    }

    /// The point of least norm where the expected loss is the one aimed at. With g = ln m(z)/x:
    /// z ← (∇g·z - g) ∇g/|∇g|², halfway each time.
    fn likeliest(&self, model: &Model) -> Vec<f64> {
        const ITERATIONS: usize = 60;
        const STEP: f64 = 1e-4;
        let mut z = vec![0.0; model.dimensions()];
        let log_mean = |z: &[f64]| libm::log(self.mean_loss(model, z).max(1e-300));
        if log_mean(&z) >= 0.0 {
            return z;
        }
        for _ in 0..ITERATIONS {
            let here = log_mean(&z);
            let slope = |coordinate: usize| {
                let mut beside = z.clone();
                beside[coordinate] += STEP;
                (log_mean(&beside) - here) / STEP
            };
            let gradient: Vec<f64> = (0..z.len()).map(slope).collect();
            let square: f64 = gradient.iter().map(|g| g * g).sum();
            if square < 1e-12 {
                break;
            }
            let along: f64 = gradient.iter().zip(&z).map(|(g, z)| g * z).sum::<f64>() - here;
            for (z, g) in z.iter_mut().zip(&gradient) {
                *z = (0.5 * (*z + along * g / square)).clamp(-REACH, REACH);
            }
        }
        z
    }

    /// θ where m(z) is x 2^(-cell/4), on the ray through μ.
    fn cell(&self, model: &Model, cell: u32) -> Cell {
        let share = libm::exp2(-f64::from(cell) / 4.0);
        let theta = if cell == 0 {
            0.0
        } else {
            self.theta(&self.at(model, &self.on_ray(model, share)))
        };
        let odds = self
            .costs
            .iter()
            .map(|cost| libm::exp(theta * cost))
            .collect();
        Cell {
            from: if cell + 1 == CELLS { 0.0 } else { share },
            theta,
            odds,
        }
    }

    fn on_ray(&self, model: &Model, share: f64) -> Vec<f64> {
        let norm = self
            .mean
            .iter()
            .map(|mean| mean * mean)
            .sum::<f64>()
            .sqrt()
            .max(1e-9);
        let point = |t: f64| {
            self.mean
                .iter()
                .map(|mean| mean / norm * t)
                .collect::<Vec<_>>()
        };
        let (mut low, mut high) = (-REACH, norm.min(REACH));
        for _ in 0..30 {
            let middle = f64::midpoint(low, high);
            if self.mean_loss(model, &point(middle)) > share {
                high = middle;
            } else {
                low = middle;
            }
        }
        point(low)
    }

    /// ψ'(θ) = 1, by bisection: ψ' rises.
    fn theta(&self, probabilities: &[f64]) -> f64 {
        let largest = self.costs.iter().copied().fold(1e-12, f64::max);
        let (mut low, mut high) = (0.0, TWIST_MAX / largest);
        for _ in 0..40 {
            let theta = f64::midpoint(low, high);
            let twisted = probabilities.iter().zip(&self.costs).map(|(p, cost)| {
                let odds = libm::exp(theta * cost);
                cost * p * odds / (1.0 + p * (odds - 1.0))
            });
            if twisted.sum::<f64>() > 1.0 {
                high = theta;
            } else {
                low = theta;
            }
        }
        low
    }
}
