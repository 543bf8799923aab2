//! The simulation: scenarios in, losses out.
//!
//! Names of 1% default in one scenario of a hundred, so most of the work is to find out that nothing happened. For
//! each name and scenario there are 16 random bits, the leading ones of U. Scenarios are taken in groups of like
//! factors ([`group`]); over a group, no name's probability is above a limit, and a name whose 16 bits are not below
//! its limit is done with. That comparison is what [`scan`] does for 128 names at a time. What is left is decided
//! by a table of Φ ([`table`]), nearly always; and where the 16 bits are those of Φ itself, by Φ and 48 bits more.
//! Grouping, limits and table save work and decide nothing: the result is that of comparing 64 bits of U with Φ for
//! every name, and the tests compare it with just that.

mod coordinates;
mod decide;
mod group;
mod scan;
mod table;

use rayon::prelude::*;

pub(crate) use self::coordinates::{Source, row_of};
use self::{
    coordinates::Coordinates,
    decide::Decider,
    group::{Grouping, Limits},
    scan::Draws,
};
use crate::{model::Model, random::philox::Key};

/// Scenarios of one task.
const BATCH: usize = 16_384;

/// All that scenarios are simulated with.
#[derive(Clone, Debug)]
pub(crate) struct Kernel<'a> {
    model: &'a Model,
    source: Source,
    draws: Draws,
    decider: Decider,
    grouping: Grouping,
}

impl<'a> Kernel<'a> {
    pub(crate) fn new(model: &'a Model, key: Key, source: Source, pilot: u32) -> Self {
        Self {
            model,
            source,
            draws: Draws::new(key, crate::random::DRAWS + pilot, model.names()),
            decider: Decider::new(key, pilot),
            grouping: Grouping::new(model),
        }
    }

    /// The loss of each of the first scenarios.
    pub(crate) fn losses(&self, scenarios: u32) -> Vec<i64> {
        let base = self.model.base_sum();
        let mut losses = vec![base; scenarios as usize];
        let numbers: Vec<u32> = (0..scenarios).collect();
        losses
            .par_chunks_mut(BATCH)
            .zip(numbers.par_chunks(BATCH))
            .for_each(|(losses, scenarios)| {
                self.batch(scenarios, |at, _, loss| losses[at] += loss);
            });
        losses
    }

    /// Calls `lost(position, name, loss)` for each name of each scenario that ends worse than in its best state.
    pub(crate) fn batch(&self, scenarios: &[u32], mut lost: impl FnMut(usize, usize, i64)) {
        let mut coordinates = Coordinates::new(self.model, &self.source, scenarios);
        let mut limits = Limits::new(self.model);
        for members in self.grouping.groups(&mut coordinates) {
            limits.set(
                self.model,
                &coordinates.bounds(&members),
                self.decider.table(),
            );
            for &member in &members {
                let scenario = scenarios[member];
                let mut decide = |name: usize, draw: u16| {
                    let loss = limits.sure(name, draw);
                    let decided = || {
                        self.decider
                            .loss(self.model, &coordinates, member, scenario, name, draw)
                    };
                    if let Some(loss) = loss.or_else(decided) {
                        lost(member, name, loss);
                    }
                };
                self.draws.scan(scenario, limits.all(), &mut decide);
                for &name in limits.always() {
                    decide(name, self.decider.draw(scenario, name));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
