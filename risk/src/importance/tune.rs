//! Finds how scenarios are to be drawn.

use rayon::prelude::*;

use super::search::{REACH, Search};
use crate::{
    kernel::{Kernel, Source},
    math::{Curve, normal},
    measure::{
        plain::{Ordered, denominator, to_f64},
        rational::nearest,
    },
    model::Model,
    parameters::Parameters,
    random::PILOT,
};

/// Scenarios of the plain run that finds the losses to aim at.
pub(crate) const PILOT_SCENARIOS: u32 = 32_768;
/// Cells of a table of θ: m(z)/x from 1 down, two to a halving.
const CELLS: u32 = 21;
/// No name's odds are multiplied by more than e to this.
pub(super) const TWIST_MAX: f64 = 30.0;
/// The most losses that are aimed at.
pub(crate) const AIMS_MAX: usize = 4;
/// The most changes of measure.
pub(crate) const COMPONENTS_MAX: usize = 16;
/// The most that is aimed at, as a share of what all defaults cost in the mean.
const AIM_MAX: f64 = 0.9;

/// How scenarios are drawn instead of as they are.
#[derive(Clone, Debug)]
pub(super) struct Tuning {
    /// What each name's default costs in the mean. Zero where it cannot default, or for nothing.
    pub(super) costs: Vec<f64>,
    /// The changes of measure.
    pub(super) components: Vec<Component>,
    /// Φ.
    distribution: Curve,
}

/// One change of measure.
#[derive(Clone, Debug)]
pub(super) struct Component {
    /// Where the normal coordinates' mean moves.
    pub(super) mean: Vec<f64>,
    /// |mean|².
    pub(super) norm_square: f64,
    /// x.
    aim: f64,
    /// From m(z)/x of at least `cells[j].from`; falling, the last from zero.
    cells: Vec<Cell>,
}

/// One θ.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    from: f64,
    pub(super) theta: f64,
    /// e^{θc} - 1 of each name.
    pub(super) twists: Vec<f64>,
}

/// Nothing where no loss can be aimed at.
pub(super) fn tune(model: &Model, parameters: &Parameters) -> Option<Tuning> {
    let costs: Vec<f64> = (0..model.names())
        .map(|name| model.steps(name)[0])
        .map(|step| {
            if step.probability > 0.0 {
                to_f64(step.loss.max(0))
            } else {
                0.0
            }
        })
        .collect();
    let aims = aims(model, parameters, AIM_MAX * costs.iter().sum::<f64>());
    let each = COMPONENTS_MAX / aims.len().max(1);
    let components: Vec<Component> = aims
        .into_iter()
        .flat_map(|aim| {
            let search = Search {
                model,
                costs: &costs,
                aim,
            };
            let causes = search.causes(each);
            causes
                .into_iter()
                .map(|mean| Component::new(&search, mean))
                .collect::<Vec<_>>()
        })
        .collect();
    (!components.is_empty()).then(|| Tuning {
        costs,
        components,
        distribution: Curve::new(|x| (normal::distribution(x), normal::density(x))),
    })
}

/// Losses above what is lost in the best states: VaR at each level, by a plain run; expected shortfall where VaR is
/// nothing.
fn aims(model: &Model, parameters: &Parameters, most: f64) -> Vec<f64> {
    let settings = parameters.settings();
    let kernel = Kernel::new(
        model,
        parameters.key(),
        Source::random(parameters.key(), PILOT),
        PILOT,
    );
    let losses = kernel.losses(PILOT_SCENARIOS);
    let ordered = Ordered::new(&losses, &settings.levels);
    let cheapest = (0..model.names())
        .map(|name| model.steps(name)[0])
        .filter(|step| step.probability > 0.0 && step.loss > 0)
        .map(|step| step.loss)
        .min();
    let aim = |index: usize| {
        let level = settings.levels[index];
        let es = nearest(ordered.es(level), denominator(PILOT_SCENARIOS, level));
        let above = [ordered.var(level).value_minor, es].map(|loss| loss - model.base_sum());
        let above = above.into_iter().find(|&above| above > 0).or(cheapest)?;
        Some(to_f64(above).min(most))
    };
    let count = settings.levels.len();
    let chosen = count.min(AIMS_MAX);
    let mut aims: Vec<f64> = (0..chosen)
        .map(|place| {
            if chosen > 1 {
                place * (count - 1) / (chosen - 1)
            } else {
                0
            }
        })
        .filter_map(aim)
        .collect();
    aims.dedup_by(|next, before| *next < 1.05 * *before);
    aims
}

impl Tuning {
    /// All names' default probabilities, from s and the factors, and what defaults cost in the mean.
    pub(super) fn probabilities(&self, model: &Model, row: &[f64], into: &mut [f64]) -> f64 {
        let mut mean = 0.0;
        for (name, into) in into.iter_mut().enumerate() {
            *into = self.probability(model, name, 0, row);
            mean += *into * self.costs[name];
        }
        mean
    }

    /// The probability of a name's step or a worse one. Drawing and weighing use the same.
    #[inline]
    pub(super) fn probability(&self, model: &Model, name: usize, step: usize, row: &[f64]) -> f64 {
        /// Beyond it a default is taken to be impossible: its probability is below 1e-18.
        const IMPOSSIBLE: f64 = -8.8;
        let weights = model.weights(name).iter().zip(&row[1..]);
        let y = weights.fold(0.0, |sum, (weight, z)| sum + weight * z);
        let x = model.steps(name)[step].e * row[0] + y;
        if x < IMPOSSIBLE {
            0.0
        } else {
            self.distribution.at(x)
        }
    }
}

impl Component {
    fn new(search: &Search<'_>, mean: Vec<f64>) -> Self {
        let norm_square = mean.iter().map(|mean| mean * mean).sum();
        let cells = (0..CELLS)
            .into_par_iter()
            .map(|cell| Cell::new(search, &mean, cell))
            .collect();
        Self {
            mean,
            norm_square,
            aim: search.aim,
            cells,
        }
    }

    /// The twist where defaults cost so much in the mean.
    #[inline]
    pub(super) fn cell(&self, mean: f64) -> &Cell {
        let share = mean / self.aim;
        let position = self.cells.partition_point(|cell| cell.from > share);
        &self.cells[position.min(self.cells.len() - 1)]
    }
}

impl Cell {
    /// θ where m(z) is x 2^(-cell/2), on the ray through the component's mean.
    fn new(search: &Search<'_>, mean: &[f64], cell: u32) -> Self {
        let share = libm::exp2(-f64::from(cell) / 2.0);
        let theta = if cell == 0 {
            0.0
        } else {
            search.twist(&on_ray(search, mean, share))
        };
        Self {
            from: if cell + 1 == CELLS { 0.0 } else { share },
            theta,
            twists: search
                .costs
                .iter()
                .map(|cost| libm::expm1(theta * cost))
                .collect(),
        }
    }
}

fn on_ray(search: &Search<'_>, mean: &[f64], share: f64) -> Vec<f64> {
    let norm = mean
        .iter()
        .map(|mean| mean * mean)
        .sum::<f64>()
        .sqrt()
        .max(1e-9);
    let point = |t: f64| mean.iter().map(|mean| mean / norm * t).collect::<Vec<_>>();
    let (mut low, mut high) = (-REACH, REACH);
    for _ in 0..20 {
        let middle = f64::midpoint(low, high);
        if search.mean(&point(middle)) > share {
            high = middle;
        } else {
            low = middle;
        }
    }
    point(low)
}
