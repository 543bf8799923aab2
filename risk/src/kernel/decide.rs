//! Decides whether a name is in a worse state, where the limits have left it open.

use super::{coordinates::Coordinates, table::Table};
use crate::{
    math::normal,
    model::Model,
    random::{
        DETAILS, DRAWS, draw, join,
        philox::{Block, Key},
    },
};

/// Φ(x) in 64 bits: a draw below it is below Φ(x). All ones stand for one.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a probability; saturates at all ones"
)]
#[inline]
pub(crate) fn threshold(x: f64) -> u64 {
    (normal::distribution(x) * 18_446_744_073_709_551_616.0) as u64
}

#[derive(Clone, Debug)]
pub(crate) struct Decider {
    key: Key,
    pilot: u32,
    table: Table,
}

impl Decider {
    pub(crate) fn new(key: Key, pilot: u32) -> Self {
        Self {
            key,
            pilot,
            table: Table::new(),
        }
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// The 16 leading bits of a name's draw.
    pub(crate) fn draw(&self, scenario: u32, name: usize) -> u16 {
        draw(&self.key, DRAWS + self.pilot, scenario, number(name))
    }

    /// What a name loses above its base, if it is not in its best state.
    #[inline]
    pub(crate) fn loss(
        &self,
        model: &Model,
        coordinates: &Coordinates,
        member: usize,
        scenario: u32,
        name: usize,
        draw: u16,
    ) -> Option<i64> {
        if name >= model.names() {
            return None;
        }
        let row = coordinates.row(member);
        let y = systematic(model, name, row);
        for (position, step) in model.steps(name).iter().enumerate() {
            let x = step.e * row[0] + y;
            let (least, most) = self.table.bounds(x);
            if draw < least || draw <= most && self.below(x, scenario, name, draw) {
                return Some(if position == 0 {
                    self.default(model, scenario, name)
                } else {
                    step.loss
                });
            }
        }
        None
    }

    #[cold]
    fn below(&self, x: f64, scenario: u32, name: usize, draw: u16) -> bool {
        let threshold = threshold(x);
        let [low, high, ..] = self.details(scenario, name);
        let all = u64::from(draw) << 48 | join(low, high) >> 16;
        all < threshold || threshold == u64::MAX
    }

    #[inline]
    fn default(&self, model: &Model, scenario: u32, name: usize) -> i64 {
        model
            .fixed(name)
            .unwrap_or_else(|| model.severity(name, self.details(scenario, name)[2]))
    }

    fn details(&self, scenario: u32, name: usize) -> Block {
        self.key
            .block([number(name), scenario, DETAILS + self.pilot, 0])
    }
}

/// w · Z, from left to right.
#[inline]
pub(crate) fn systematic(model: &Model, name: usize, row: &[f64]) -> f64 {
    model
        .weights(name)
        .iter()
        .zip(&row[1..])
        .fold(0.0, |sum, (weight, z)| sum + weight * z)
}

fn number(name: usize) -> u32 {
    u32::try_from(name).expect("at most 10,000 names")
}
