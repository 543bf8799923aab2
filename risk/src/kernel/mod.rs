//! The simulation: from scenarios to losses.
//!
//! A name with a PD of 1% defaults in one scenario of a hundred, so most of the work is to find out that a name does
//! not default. Each name has 16 random bits in each scenario, the leading ones of U.
//!
//! 1. Scenarios are put into groups of like factors ([`group`]). Over a group, each name's probability has an upper
//!    limit.
//! 2. A name whose 16 bits are not below its limit does not default. [`scan`] compares 128 names at a time.
//! 3. A table of Φ ([`table`]) decides nearly all of the others.
//! 4. Where the 16 bits equal those of Φ itself, Φ and 48 more bits decide.
//!
//! Groups, limits and table save work and change no result: it is that of comparing 64 bits of U with Φ for every name.
//! The tests make that comparison.

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

/// What scenarios are simulated with.
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
