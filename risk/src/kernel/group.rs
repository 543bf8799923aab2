//! Groups of scenarios with like factors, and the bounds of each name's probability over a group.

use super::{coordinates::Coordinates, scan::CHUNK, table::Table};
use crate::model::Model;

/// Scenarios of a group, at most.
const GROUP: usize = 128;

/// How much each coordinate says about the names.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    importance: Vec<f64>,
}

impl Grouping {
    /// For each coordinate, the sum of the names' sensitivities to it.
    pub(crate) fn new(model: &Model) -> Self {
        let mut importance = vec![0.0; model.factors + 1];
        for name in 0..model.names() {
            let finite = model
                .steps(name)
                .iter()
                .map(|step| step.e.abs())
                .filter(|e| *e < 1e9);
            importance[0] += finite.fold(0.0, f64::max);
            for (sum, weight) in importance[1..].iter_mut().zip(model.weights(name)) {
                *sum += weight.abs();
            }
        }
        Self { importance }
    }

    /// Splits the scenarios at the median of the coordinate that matters most, again and again.
    pub(crate) fn groups(&self, coordinates: &mut Coordinates) -> Vec<Vec<usize>> {
        let mut groups = Vec::new();
        let mut members: Vec<usize> = (0..coordinates.len()).collect();
        self.split(coordinates, &mut members, &mut groups);
        groups
    }

    fn split(
        &self,
        coordinates: &Coordinates,
        members: &mut [usize],
        groups: &mut Vec<Vec<usize>>,
    ) {
        if members.len() <= GROUP {
            return groups.push(members.to_vec());
        }
        let bounds = coordinates.bounds(members);
        let spread = |coordinate: usize| {
            (bounds[coordinate].1 - bounds[coordinate].0) * self.importance[coordinate]
        };
        let widest = (0..bounds.len())
            .max_by(|&a, &b| spread(a).total_cmp(&spread(b)))
            .unwrap_or(0);
        let middle = members.len() / 2;
        let value = |member: usize| coordinates.row(member)[widest];
        members.select_nth_unstable_by(middle, |&a, &b| value(a).total_cmp(&value(b)));
        let (low, high) = members.split_at_mut(middle);
        self.split(coordinates, low, groups);
        self.split(coordinates, high, groups);
    }
}

/// For each name, bounds on the 16 leading bits of its probability of not ending in its best state.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    above: Vec<[u16; CHUNK]>,
    always: Vec<usize>,
    /// The bound below which a draw surely means default, for names with one worse state of one cost.
    sure: Vec<Sure>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sure {
    below: u16,
    loss: i64,
}

impl Limits {
    pub(crate) fn new(model: &Model) -> Self {
        let sure = |name| Sure {
            below: 0,
            loss: model.fixed(name).unwrap_or(0),
        };
        Self {
            above: vec![[0; CHUNK]; model.names().div_ceil(CHUNK)],
            always: Vec::new(),
            sure: (0..model.names()).map(sure).collect(),
        }
    }

    /// Over the box of a group: each term is greatest at one of its ends and least at the other, and a rounded sum of
    /// greater terms in the same order is never smaller.
    pub(crate) fn set(&mut self, model: &Model, bounds: &[(f64, f64)], table: &Table) {
        self.always.clear();
        let (scale, factors) = bounds.split_first().expect("a row begins with the scale");
        let limits = self.above.as_flattened_mut().iter_mut();
        for (name, (limit, sure)) in limits.zip(&mut self.sure).enumerate() {
            let (least, greatest) = range(model, name, *scale, factors);
            let above = table.above(greatest);
            if above == u16::MAX {
                // No bound of 16 bits is above the largest draw, so all draws of such names are looked at.
                self.always.push(name);
            }
            *limit = if above == u16::MAX { 0 } else { above + 1 };
            sure.below = if model.steps(name).len() == 1 && model.fixed(name).is_some() {
                table.below(least)
            } else {
                0
            };
        }
    }

    pub(crate) fn all(&self) -> &[[u16; CHUNK]] {
        &self.above
    }

    pub(crate) fn always(&self) -> &[usize] {
        &self.always
    }

    /// The loss that a draw is sure to mean, for any scenario of the group.
    #[inline]
    pub(crate) fn sure(&self, name: usize, draw: u16) -> Option<i64> {
        let sure = self.sure.get(name)?;
        (draw < sure.below).then_some(sure.loss)
    }
}

/// The bounds between which x of the last step lies.
#[inline]
fn range(model: &Model, name: usize, scale: (f64, f64), factors: &[(f64, f64)]) -> (f64, f64) {
    let ends = |coefficient: f64, (low, high): (f64, f64)| {
        let (at_low, at_high) = (coefficient * low, coefficient * high);
        (at_low.min(at_high), at_low.max(at_high))
    };
    let weights = model.weights(name).iter().zip(factors);
    let y = weights.fold((0.0, 0.0), |(least, greatest), (&weight, &bounds)| {
        let (low, high) = ends(weight, bounds);
        (least + low, greatest + high)
    });
    let step = model
        .steps(name)
        .last()
        .expect("every name has the step of default");
    let (low, high) = ends(step.e, scale);
    (low + y.0, high + y.1)
}
