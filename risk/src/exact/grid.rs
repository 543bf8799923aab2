//! The distribution of the loss on a grid.

use rayon::prelude::*;

use super::{
    law::{Law, Rounding},
    window::{Chances, Window},
};
use crate::{
    measure::{histogram::of_shares, plain::to_f64},
    model::Model,
    outcome::Histogram,
    units::Level,
};

/// Cells of the grid that finds how far the other has to reach.
const COARSE: i64 = 256;
/// So many names have costs of many cells.
pub(super) const FEW_NAMES: usize = 128;
/// What is taken for nothing: a level that is missed by less is met.
const TOLERANCE: f64 = 1e-12;
/// The probability that may lie beyond the grid.
const BEYOND: f64 = 1e-7;
/// Tasks that contributions are summed in: a fixed number, because their sums are not integers.
const TASKS: usize = 16;

/// Cells of a width.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    unit: i64,
    cells: usize,
    /// Whether every cost is a whole number of cells.
    whole: bool,
}

/// The probability of each cell, and of what is beyond the grid.
#[derive(Clone, Debug)]
pub(super) struct Distribution {
    unit: i64,
    probabilities: Vec<f64>,
    /// For each of the factor's values, the first and the last cell that is not nothing.
    ranges: Vec<(usize, usize)>,
}

/// The worst losses, of a probability.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    pub(super) probability: f64,
    pub(super) quantile: usize,
    /// How much of the quantile's own probability is part of it.
    share: f64,
}

impl Grid {
    pub(super) fn new(model: &Model, nodes: &[(f64, f64)], levels: &[Level]) -> Self {
        let most = model.most() - model.base_sum();
        let coarse = Self::of(model, (most / COARSE).max(1), most);
        let highest = levels.last().map_or(0.5, |level| level.tail());
        let reach = coarse
            .distribution(model, nodes, Rounding::Split)
            .exceeded(BEYOND.min(highest / 100.0));
        let reach = (coarse.unit * signed(reach + 3)).min(most);
        Self::of(model, reach / fineness(model) + 1, reach)
    }

    fn of(model: &Model, unit: i64, reach: i64) -> Self {
        let divisor = divisor(model);
        // A unit that divides all costs, if it is not much finer.
        let unit = if divisor > 0 && 4 * divisor >= unit {
            divisor
        } else {
            unit
        };
        Self {
            unit,
            cells: usize::try_from(reach / unit + 2).expect("thousands"),
            whole: divisor > 0 && divisor % unit == 0,
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The names on the grid, those that can lose least first: windows stay small.
    fn laws(&self, model: &Model, rounding: Rounding) -> Vec<Law> {
        let law = |name| Law::new(model, name, self.unit, rounding);
        let mut laws: Vec<Law> = (0..model.names()).into_par_iter().map(law).collect();
        laws.sort_by_key(|law| law.most);
        laws
    }

    pub(super) fn distribution(
        &self,
        model: &Model,
        nodes: &[(f64, f64)],
        rounding: Rounding,
    ) -> Distribution {
        let laws = self.laws(model, rounding);
        let given = |&(z, _): &(f64, f64)| {
            let mut atoms = Vec::new();
            laws.iter().fold(Window::nothing(), |window, law| {
                let none = law.given(z, &mut atoms);
                window.convolved(&atoms, none, self.cells)
            })
        };
        let windows: Vec<Window> = nodes.par_iter().map(given).collect();
        let mut probabilities = vec![0.0; self.cells + 1];
        for (window, (_, weight)) in windows.iter().zip(nodes) {
            for (into, value) in probabilities
                .iter_mut()
                .skip(window.first)
                .zip(&window.values)
            {
                *into += weight * value;
            }
            probabilities[self.cells] += weight * window.beyond;
        }
        let range = |window: &Window| {
            let beyond = window.beyond > 0.0;
            (
                window.first,
                if beyond { self.cells } else { window.last() },
            )
        };
        Distribution {
            unit: self.unit,
            probabilities,
            ranges: windows.iter().map(range).collect(),
        }
    }

    /// For each tail, what each name loses in it: E(L_i T). `split` is the distribution that the tails are of.
    pub(super) fn contributions(
        &self,
        model: &Model,
        nodes: &[(f64, f64)],
        split: &Distribution,
        tails: &[Tail],
    ) -> Vec<Vec<f64>> {
        let laws = self.laws(model, Rounding::Split);
        let none = || vec![vec![0.0; model.names()]; tails.len()];
        let places: Vec<usize> = (0..nodes.len()).collect();
        let task = |places: &[usize]| {
            let mut sums = none();
            for &place in places {
                let (z, weight) = nodes[place];
                let given = Given {
                    laws: &laws,
                    z,
                    weight,
                    cells: self.cells,
                };
                given.attribute(split.ranges[place], tails, &mut sums);
            }
            sums
        };
        let tasks: Vec<_> = places
            .par_chunks(nodes.len().div_ceil(TASKS))
            .map(task)
            .collect();
        let mut sums = none();
        for task in tasks {
            for (sums, task) in sums.iter_mut().zip(task) {
                sums.iter_mut()
                    .zip(task)
                    .for_each(|(sum, part)| *sum += part);
            }
        }
        sums
    }
}

/// One value of the factor.
struct Given<'a> {
    laws: &'a [Law],
    z: f64,
    weight: f64,
    cells: usize,
}

impl Given<'_> {
    /// Adds what the names lose in each tail.
    fn attribute(&self, range: (usize, usize), tails: &[Tail], sums: &mut [Vec<f64>]) {
        let mut open = Vec::new();
        for (tail, sums) in tails.iter().zip(sums) {
            if range.0 > tail.quantile {
                self.all(sums);
            } else if range.1 >= tail.quantile {
                open.push((tail, sums));
            }
        }
        if !open.is_empty() {
            self.backward(open);
        }
    }

    /// All losses are in the tail.
    fn all(&self, sums: &mut [f64]) {
        let mut atoms = Vec::new();
        for law in self.laws {
            law.given(self.z, &mut atoms);
            sums[law.name] += self.weight * atoms.iter().map(|atom| atom.cost).sum::<f64>();
        }
    }

    fn backward(&self, mut tails: Vec<(&Tail, &mut Vec<f64>)>) {
        let mut atoms = Vec::new();
        let mut windows = vec![Window::nothing()];
        for law in self.laws {
            let none = law.given(self.z, &mut atoms);
            let next = windows[windows.len() - 1].convolved(&atoms, none, self.cells);
            windows.push(next);
        }
        let all = windows.pop().expect("there is the first");
        let mut chances: Vec<Chances> = tails
            .iter()
            .map(|(tail, _)| Chances::of_all(&all, tail.quantile, tail.share))
            .collect();
        for (law, before) in self.laws.iter().zip(&windows).rev() {
            let none = law.given(self.z, &mut atoms);
            for (chances, (_, sums)) in chances.iter_mut().zip(&mut tails) {
                let (without, cost) = chances.without(before, &atoms, none, self.cells);
                *chances = without;
                sums[law.name] += self.weight * cost;
            }
        }
    }
}

/// The greatest number that all costs are multiples of; zero where there is none.
fn divisor(model: &Model) -> i64 {
    let costs = (0..model.names()).flat_map(|name| {
        let others = model.steps(name)[1..].iter().map(|step| step.loss);
        model.costs(name).into_iter().chain(others)
    });
    costs.fold(0, |mut a, mut b| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    })
}

/// How many cells the grid has: fewer for more names, whose own losses matter less, and for costs that are drawn, which
/// are on many cells each.
fn fineness(model: &Model) -> i64 {
    let drawn = (0..model.names()).any(|name| model.fixed(name).is_none());
    match model.names() {
        _ if drawn => 512,
        0..=FEW_NAMES => 2_048,
        _ => 1_024,
    }
}

impl Distribution {
    /// A cell in minor units.
    pub(super) fn minor(&self, cell: usize) -> i64 {
        self.unit * signed(cell)
    }

    /// The quantile: the first cell that is exceeded with a probability of at most `tail`.
    pub(super) fn exceeded(&self, tail: f64) -> usize {
        let mut joint = 0.0;
        let reached = |p: &f64| {
            joint += p;
            joint >= 1.0 - tail - TOLERANCE
        };
        let last = self.probabilities.len() - 1;
        self.probabilities.iter().position(reached).unwrap_or(last)
    }

    /// The worst losses with a probability of `tail` together.
    pub(super) fn tail(&self, tail: f64) -> Tail {
        let quantile = self.exceeded(tail);
        let (below, at) = (
            &self.probabilities[..quantile],
            self.probabilities[quantile],
        );
        let beyond = 1.0 - below.iter().sum::<f64>() - at;
        let share = if at > 0.0 { (tail - beyond) / at } else { 0.0 };
        Tail {
            probability: tail,
            quantile,
            share: share.clamp(0.0, 1.0),
        }
    }

    /// E(L T) in minor units, where E(L) is `expected`: with q the quantile, E((L - q)⁺) + q P(T).
    pub(super) fn in_tail(&self, tail: &Tail, expected: f64) -> f64 {
        let q = tail.quantile;
        let cells = self.probabilities[..q].iter().enumerate();
        let below: f64 = cells
            .map(|(cell, p)| to_f64(self.minor(q - cell)) * p)
            .sum();
        let at = to_f64(self.minor(q));
        (expected - at + below).max(0.0) + at * tail.probability
    }

    pub(super) fn histogram(&self, base: i64) -> Histogram {
        let something = self
            .probabilities
            .iter()
            .rposition(|p| *p >= 5e-10)
            .unwrap_or(0);
        let losses: Vec<i64> = (0..=something)
            .map(|cell| base + self.minor(cell))
            .collect();
        of_shares(&losses, |cell| self.probabilities[cell])
    }
}

fn signed(cell: usize) -> i64 {
    i64::try_from(cell).expect("thousands")
}
