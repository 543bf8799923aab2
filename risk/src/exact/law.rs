//! What one name loses, given the factor.

use crate::{math::normal, measure::plain::to_f64, model::Model};

/// How a cost that is between two cells is put on the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    /// On the lower cell.
    Down,
    /// On both, so that the mean is kept.
    Split,
    /// On the upper cell.
    Up,
}

/// A cell that a name's loss may be on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atom {
    pub(super) cell: usize,
    pub(super) probability: f64,
    /// The probability times the loss in minor units.
    pub(super) cost: f64,
}

/// A name's loss above its base, on a grid.
#[derive(Clone, Debug)]
pub(super) struct Law {
    pub(super) name: usize,
    w: f64,
    /// Each step's e, and its cells if that state is reached.
    steps: Vec<(f64, Vec<Atom>)>,
    pub(super) most: usize,
}

impl Law {
    pub(super) fn new(model: &Model, name: usize, unit: i64, rounding: Rounding) -> Self {
        let steps = model.steps(name).iter().enumerate().map(|(place, step)| {
            let costs = if place == 0 {
                model.costs(name)
            } else {
                vec![step.loss]
            };
            (step.e, atoms(&costs, unit, rounding))
        });
        let steps: Vec<_> = steps.collect();
        let cells = steps
            .iter()
            .flat_map(|(_, atoms)| atoms)
            .map(|atom| atom.cell);
        Self {
            name,
            w: model.weights(name)[0],
            most: cells.max().unwrap_or(0),
            steps,
        }
    }

    /// Where the name's loss may be, given the factor. Returns the probability of losing nothing.
    pub(super) fn given(&self, z: f64, into: &mut Vec<Atom>) -> f64 {
        into.clear();
        let mut worse = 0.0;
        for (e, atoms) in &self.steps {
            let joint = normal::distribution(e + self.w * z);
            let probability = (joint - worse).max(0.0);
            worse = joint.max(worse);
            if probability > 0.0 {
                into.extend(atoms.iter().map(|atom| Atom {
                    cell: atom.cell,
                    probability: atom.probability * probability,
                    cost: atom.cost * probability,
                }));
            }
        }
        1.0 - worse
    }
}

/// Equally likely costs, rising, on a grid; each cell once.
fn atoms(costs: &[i64], unit: i64, rounding: Rounding) -> Vec<Atom> {
    let share = 1.0 / to_f64(i64::try_from(costs.len()).expect("few"));
    let mut atoms: Vec<Atom> = Vec::new();
    let mut add = |cell: i64, probability: f64, cost: i64| {
        let cell = usize::try_from(cell).expect("no cost is a gain");
        let cost = probability * to_f64(cost);
        // Costs rise, so the cell is one of the last two, or a new one.
        match atoms
            .iter_mut()
            .rev()
            .take(2)
            .find(|atom| atom.cell == cell)
        {
            Some(atom) => {
                atom.probability += probability;
                atom.cost += cost;
            }
            None => atoms.push(Atom {
                cell,
                probability,
                cost,
            }),
        }
    };
    for &cost in costs {
        let (below, over) = (cost / unit, cost % unit);
        match rounding {
            _ if over == 0 => add(below, share, cost),
            Rounding::Down => add(below, share, cost),
            Rounding::Up => add(below + 1, share, cost),
            Rounding::Split => {
                let upper = to_f64(over) / to_f64(unit);
                add(below, share * (1.0 - upper), cost);
                add(below + 1, share * upper, cost);
            }
        }
    }
    atoms
}

/// The mean and the variance of all names' losses above their bases, given the factor.
pub(super) fn moments(model: &Model, z: f64) -> (f64, f64) {
    let (mut mean, mut variance) = (0.0, 0.0);
    for name in 0..model.names() {
        let w = model.weights(name)[0];
        let (mut first, mut second, mut worse) = (0.0, 0.0, 0.0);
        for (place, step) in model.steps(name).iter().enumerate() {
            let joint = normal::distribution(step.e + w * z);
            let probability = (joint - worse).max(0.0);
            worse = joint.max(worse);
            let (cost, square) = if place == 0 {
                model.cost_moments(name)
            } else {
                (to_f64(step.loss), to_f64(step.loss) * to_f64(step.loss))
            };
            first += probability * cost;
            second += probability * square;
        }
        mean += first;
        variance += (second - first * first).max(0.0);
    }
    (mean, variance)
}
