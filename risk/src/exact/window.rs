//! Probabilities on the cells of a grid, of which only a window is not nothing.

use super::law::Atom;

/// Probabilities below it are left out at a window's ends.
const NOTHING: f64 = 1e-19;

/// Consecutive cells, and what lies beyond the grid.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) first: usize,
    pub(super) values: Vec<f64>,
    pub(super) beyond: f64,
}

impl Window {
    /// All on the first cell.
    pub(super) fn nothing() -> Self {
        Self {
            first: 0,
            values: vec![1.0],
            beyond: 0.0,
        }
    }

    /// One name more, on a grid of so many cells.
    pub(super) fn convolved(&self, atoms: &[Atom], none: f64, cells: usize) -> Self {
        let reach = atoms.iter().map(|atom| atom.cell).max().unwrap_or(0);
        let length = (self.values.len() + reach).min(cells - self.first);
        let mut values = vec![0.0; length];
        let mut beyond = self.beyond;
        let mut add = |cell: usize, probability: f64| {
            let fit = self.values.len().min(length.saturating_sub(cell));
            let (inside, outside) = self.values.split_at(fit);
            for (into, value) in values.iter_mut().skip(cell).zip(inside) {
                *into += probability * value;
            }
            beyond += probability * outside.iter().sum::<f64>();
        };
        add(0, none);
        for atom in atoms {
            add(atom.cell, atom.probability);
        }
        let mut window = Self {
            first: self.first,
            values,
            beyond,
        };
        window.trim();
        window
    }

    fn trim(&mut self) {
        let is_something = |value: &f64| *value >= NOTHING;
        let last = self
            .values
            .iter()
            .rposition(is_something)
            .map_or(1, |last| last + 1);
        self.values.truncate(last);
        let first = self.values.iter().position(is_something).unwrap_or(0);
        self.values.drain(..first);
        self.first += first;
    }

    pub(super) fn last(&self) -> usize {
        self.first + self.values.len() - 1
    }
}

/// How probable the tail is, given the names so far, by what they have lost.
#[derive(Clone, Debug)]
pub(super) struct Chances {
    first: usize,
    values: Vec<f64>,
}

impl Chances {
    /// Given all names: nothing below the quantile's cell, `share` on it, all above.
    pub(super) fn of_all(window: &Window, quantile: usize, share: f64) -> Self {
        let chance = |cell: usize| match cell.cmp(&quantile) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => share,
            std::cmp::Ordering::Greater => 1.0,
        };
        Self {
            first: window.first,
            values: (window.first..=window.last()).map(chance).collect(),
        }
    }

    /// From the chances given the names up to one, those given the names before it. Also what that name loses in the
    /// tail. `before` is the distribution of the names before it.
    pub(super) fn without(
        &self,
        before: &Window,
        atoms: &[Atom],
        none: f64,
        cells: usize,
    ) -> (Self, f64) {
        let reach = atoms.iter().map(|atom| atom.cell).max().unwrap_or(0);
        let length = before.values.len();
        let padded: Vec<f64> = (before.first..before.first + length + reach)
            .map(|cell| self.at(cell, cells))
            .collect();
        let mut values: Vec<f64> = padded[..length]
            .iter()
            .map(|chance| none * chance)
            .collect();
        let mut cost = 0.0;
        for atom in atoms {
            let moved = &padded[atom.cell..atom.cell + length];
            let mut chance = 0.0;
            for ((value, moved), probability) in values.iter_mut().zip(moved).zip(&before.values) {
                *value += atom.probability * moved;
                chance += probability * moved;
            }
            cost += atom.cost * (chance + before.beyond);
        }
        let chances = Self {
            first: before.first,
            values,
        };
        (chances, cost)
    }

    /// Beyond the window is next to nothing; beyond the grid is the tail.
    fn at(&self, cell: usize, cells: usize) -> f64 {
        if cell >= cells {
            return 1.0;
        }
        let place = cell.saturating_sub(self.first).min(self.values.len() - 1);
        self.values[place]
    }
}
