//! A portfolio in the form that the simulation computes with.
//!
//! Name i's latent variable is `X_i = (a_i · Z + √(1-|a_i|²) ε_i)/s`, with Z and ε standard normal; s is 1 for the
//! Gaussian copula (Li, *Journal of Fixed Income* 9, 2000; Gupton, Finger and Bhatia, *CreditMetrics*, 1997) and
//! √(W/ν), W chi-squared with ν degrees and common to all names, for the t copula (McNeil, Frey and Embrechts, *QRM*,
//! sections 7.3 and 11.1). Name i ends in the k-th worst state or one below it when `X_i < c_ik`, the quantile of X at
//! the states' joint probability: when a uniform U = Φ(ε) is below
//!
//! ```text
//! Φ(e_ik s + w_i · Z),   e_ik = c_ik/√(1-|a_i|²),   w_i = -a_i/√(1-|a_i|²)
//! ```
//!
//! The worst state is default. Without a rating it is the only one.

use crate::{
    input::{Lgd, Name, Portfolio},
    math::{
        Curve,
        beta::{CLASSES, Classes, Shape},
        chi, normal, student,
    },
    measure::rational::nearest,
    parameters::Copula,
    units::{BILLION, Fraction},
};

/// Stands for a quantile that is infinite.
const CERTAIN: f64 = 1e30;

/// A portfolio under a copula.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) factors: usize,
    /// Where each name is in the portfolio.
    places: Vec<usize>,
    /// The weights w of all names, one for each factor.
    weights: Vec<f64>,
    /// The steps of all names, the worst first.
    steps: Vec<Step>,
    /// Where each name's steps begin, and where the last's end.
    begins: Vec<usize>,
    severities: Vec<Severity>,
    /// What each name loses in its best state; negative is a gain.
    bases: Vec<i64>,
    classes: Vec<Classes>,
    /// The expected loss, times a billion times [`CLASSES`].
    expected: i128,
    /// The most that all names can lose together.
    most: i64,
    cost_moments: Vec<(f64, f64)>,
    /// s as a function of a standard normal, for the t copula.
    pub(crate) scale: Option<Curve>,
}

/// A state that is worse than the best, or one below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// The joint probability of this state and all below.
    pub(crate) probability: f64,
    pub(crate) e: f64,
    /// The loss above the base. Of the first step, default, it is the mean where the cost is drawn.
    pub(crate) loss: i64,
}

/// What a default costs, above the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Fixed(i64),
    Drawn {
        classes: usize,
        exposure: u64,
        most: u64,
        base: i64,
    },
}

impl Model {
    pub(crate) fn new(portfolio: &Portfolio, copula: Copula) -> Self {
        let mut model = Self {
            factors: portfolio.factors(),
            places: Vec::new(),
            weights: Vec::new(),
            steps: Vec::new(),
            begins: vec![0],
            severities: Vec::new(),
            bases: Vec::new(),
            classes: Vec::new(),
            expected: 0,
            most: 0,
            cost_moments: Vec::new(),
            scale: match copula {
                Copula::Gaussian => None,
                Copula::StudentT { degrees } => Some(chi::scale(degrees)),
            },
        };
        let mut shapes = Shapes::default();
        for (place, name) in portfolio.names().iter().enumerate() {
            if model.add(portfolio, name, copula, &mut shapes) {
                model.places.push(place);
            }
        }
        model.classes = shapes.classes;
        model
    }

    /// A name that can neither lose nor gain is no part of the model, so it changes no figure.
    fn add(
        &mut self,
        portfolio: &Portfolio,
        name: &Name,
        copula: Copula,
        shapes: &mut Shapes,
    ) -> bool {
        let states = states(portfolio, name);
        let possible = || states.iter().filter(|state| state.probability.ppb() > 0);
        let costless = |name: &Name| match name.lgd {
            Lgd::Fixed(lgd) => capped(lgd, name.exposure_minor, name.uncovered_minor()) == 0,
            Lgd::Beta { .. } => name.uncovered_minor() == 0,
        };
        let matters = |state: &State| state.loss.map_or(!costless(name), |loss| loss != 0);
        if !possible().any(matters) {
            return false;
        }
        let own = (1.0 - name.systematic()).sqrt();
        self.weights
            .extend(name.loadings.iter().map(|loading| -loading.to_f64() / own));
        let base = states.last().map_or(0, |state| state.loss.unwrap_or(0));
        self.severities.push(shapes.severity(name, base));
        let costs = shapes.costs(name);
        let worst = costs.last().copied().unwrap_or(0);
        let losses = possible().map(|state| state.loss.unwrap_or(worst));
        self.most += losses.fold(i64::MIN, i64::max);
        let above = || costs.iter().map(|&cost| floating(i128::from(cost - base)));
        let count = floating(wide(costs.len()));
        let first = above().sum::<f64>() / count;
        let second = above().map(|cost| cost * cost).sum::<f64>() / count;
        self.cost_moments.push((first, second));
        for state in &states {
            let expected = state.loss.map_or_else(
                || mean_times_classes(&costs),
                |loss| i128::from(loss) * wide(CLASSES),
            );
            self.expected += i128::from(state.probability.ppb()) * expected;
        }
        let mut joint = 0_u64;
        let mut steps: Vec<Step> = Vec::new();
        for state in states {
            joint += u64::from(state.probability.ppb());
            let probability = joint_probability(joint);
            let loss = state
                .loss
                .map_or_else(|| mean_of_costs(&costs) - base, |loss| loss - base);
            // A state that costs what the one below costs is no step of its own; default always is.
            let again = steps.len() > 1 && steps.last().is_some_and(|last| last.loss == loss);
            if again {
                steps.pop();
            }
            steps.push(Step {
                probability,
                e: 0.0,
                loss,
            });
        }
        // What the best state costs is the base, and what cannot happen is no step.
        let mut worse = steps.len();
        while worse > 1 && steps[worse - 1].loss == 0 {
            worse -= 1;
        }
        steps.truncate(worse);
        for step in &mut steps {
            step.e = quantile(step.probability, copula).clamp(-CERTAIN, CERTAIN) / own;
        }
        self.steps.extend(steps);
        self.begins.push(self.steps.len());
        self.bases.push(base);
        true
    }

    /// What the names of the model have, in their places among so many names of the portfolio.
    pub(crate) fn spread(&self, of_names: &[i64], names: usize) -> Vec<i64> {
        let mut spread = vec![0; names];
        for (&place, &value) in self.places.iter().zip(of_names) {
            spread[place] = value;
        }
        spread
    }

    pub(crate) fn names(&self) -> usize {
        self.bases.len()
    }

    /// Coordinates a scenario is drawn in: the factors, and the t copula's mixing variable.
    pub(crate) fn dimensions(&self) -> usize {
        self.factors + usize::from(self.scale.is_some())
    }

    #[inline]
    pub(crate) fn weights(&self, name: usize) -> &[f64] {
        &self.weights[name * self.factors..(name + 1) * self.factors]
    }

    /// The name's steps, the worst first. There is at least one.
    #[inline]
    pub(crate) fn steps(&self, name: usize) -> &[Step] {
        &self.steps[self.begins[name]..self.begins[name + 1]]
    }

    pub(crate) fn base(&self, name: usize) -> i64 {
        self.bases[name]
    }

    /// Whether any name loses or gains in its best state.
    pub(crate) fn has_bases(&self) -> bool {
        self.bases.iter().any(|&base| base != 0)
    }

    /// What all names lose in their best states.
    pub(crate) fn base_sum(&self) -> i64 {
        self.bases.iter().sum()
    }

    /// The expected loss: each state's probability times its cost. No simulation is needed for it.
    pub(crate) fn expected(&self) -> i64 {
        nearest(self.expected, i128::from(BILLION) * wide(CLASSES))
    }

    /// The mean of what is lost above the bases.
    pub(crate) fn expected_above_base(&self) -> f64 {
        let scale = i128::from(BILLION) * wide(CLASSES);
        let above = self.expected - i128::from(self.base_sum()) * scale;
        // Whole and rest apart, as together they may have more digits than a floating-point number.
        let (whole, rest) = (above.div_euclid(scale), above.rem_euclid(scale));
        floating(whole) + floating(rest) / floating(scale)
    }

    /// Equally likely costs of a default above the base, rising.
    pub(crate) fn costs(&self, name: usize) -> Vec<i64> {
        match self.severities[name] {
            Severity::Fixed(loss) => vec![loss],
            Severity::Drawn {
                classes,
                exposure,
                most,
                base,
            } => {
                let means = self.classes[classes].means();
                let above = |&share: &Fraction| capped(share, exposure, most) - base;
                means.iter().map(above).collect()
            }
        }
    }

    /// The mean of a default's cost above the base, and of its square.
    pub(crate) fn cost_moments(&self, name: usize) -> (f64, f64) {
        self.cost_moments[name]
    }

    /// The most that all names can lose together.
    pub(crate) fn most(&self) -> i64 {
        self.most
    }

    /// What a default costs above the base, if that is always the same.
    #[inline]
    pub(crate) fn fixed(&self, name: usize) -> Option<i64> {
        match self.severities[name] {
            Severity::Fixed(loss) => Some(loss),
            Severity::Drawn { .. } => None,
        }
    }

    /// What a default costs above the base, where 32 random bits decide.
    pub(crate) fn severity(&self, name: usize, word: u32) -> i64 {
        match self.severities[name] {
            Severity::Fixed(loss) => loss,
            Severity::Drawn {
                classes,
                exposure,
                most,
                base,
            } => capped(self.classes[classes].draw(word), exposure, most) - base,
        }
    }
}

fn capped(share: Fraction, exposure: u64, most: u64) -> i64 {
    signed(share.of(exposure).min(most))
}

fn signed(minor: u64) -> i64 {
    i64::try_from(minor).expect("exposures are at most 10^15")
}

fn joint_probability(ppb: u64) -> f64 {
    f64::from(u32::try_from(ppb.min(u64::from(BILLION))).expect("at most a billion"))
        / f64::from(BILLION)
}

fn quantile(probability: f64, copula: Copula) -> f64 {
    match copula {
        Copula::Gaussian => normal::quantile(probability),
        Copula::StudentT { degrees } => student::quantile(f64::from(degrees), probability),
    }
}

/// A state in which a name may end, and its cost. The cost of default is in the name's severity.
struct State {
    probability: Fraction,
    loss: Option<i64>,
}

/// All states of a name, from the worst to the best. Their probabilities add up to one.
fn states(portfolio: &Portfolio, name: &Name) -> Vec<State> {
    let survival = BILLION - name.pd.ppb();
    let default = State {
        probability: name.pd,
        loss: None,
    };
    let Some((migration, rating)) = portfolio.migration().zip(name.rating) else {
        return vec![
            default,
            State {
                probability: fraction(survival),
                loss: Some(0),
            },
        ];
    };
    // A name with a PD of its own survives with another probability than its rating says: the rest of its row is
    // scaled. What rounding leaves goes to the best state.
    let row = BILLION - migration.pd(rating).ppb();
    let scaled = |p: Fraction| u64::from(p.ppb()) * u64::from(survival) / u64::from(row.max(1));
    let ends = migration
        .probabilities(rating)
        .iter()
        .zip(migration.losses_ppb(rating));
    let ends = ends.map(|(&p, &loss)| State {
        probability: fraction(u32::try_from(scaled(p)).expect("a share of a billion")),
        loss: Some(share(loss, name.exposure_minor)),
    });
    let mut states: Vec<_> = std::iter::once(default).chain(ends.rev()).collect();
    let below: u32 = states
        .iter()
        .rev()
        .skip(1)
        .map(|state| state.probability.ppb())
        .sum();
    if let Some(best) = states.last_mut() {
        best.probability = fraction(BILLION - below);
    }
    states
}

fn fraction(ppb: u32) -> Fraction {
    Fraction::from_ppb(ppb).expect("at most a billion")
}

fn share(ppb: i32, exposure: u64) -> i64 {
    let magnitude = signed(fraction(ppb.unsigned_abs()).of(exposure));
    if ppb < 0 { -magnitude } else { magnitude }
}

/// The Beta distributions of a portfolio, each made once.
#[derive(Default)]
struct Shapes {
    known: std::collections::BTreeMap<(Fraction, Fraction), usize>,
    classes: Vec<Classes>,
}

impl Shapes {
    fn severity(&mut self, name: &Name, base: i64) -> Severity {
        match name.lgd {
            Lgd::Fixed(lgd) => {
                Severity::Fixed(capped(lgd, name.exposure_minor, name.uncovered_minor()) - base)
            }
            Lgd::Beta { mean, deviation } => Severity::Drawn {
                classes: self.classes(mean, deviation),
                exposure: name.exposure_minor,
                most: name.uncovered_minor(),
                base,
            },
        }
    }

    fn classes(&mut self, mean: Fraction, deviation: Fraction) -> usize {
        *self.known.entry((mean, deviation)).or_insert_with(|| {
            let shape = Shape::from_moments(mean.to_f64(), deviation.to_f64())
                .expect("checked with the portfolio");
            self.classes.push(Classes::new(shape));
            self.classes.len() - 1
        })
    }

    /// What a default costs: equally likely amounts, rising.
    fn costs(&self, name: &Name) -> Vec<i64> {
        let capped = |share| capped(share, name.exposure_minor, name.uncovered_minor());
        match name.lgd {
            Lgd::Fixed(lgd) => vec![capped(lgd)],
            Lgd::Beta { mean, deviation } => {
                let means = self.classes[self.known[&(mean, deviation)]].means();
                means.iter().map(|&share| capped(share)).collect()
            }
        }
    }
}

/// The mean of equally likely costs, times [`CLASSES`].
fn mean_times_classes(costs: &[i64]) -> i128 {
    let sum: i128 = costs.iter().map(|&cost| i128::from(cost)).sum();
    sum * wide(CLASSES / costs.len())
}

/// The mean of equally likely costs, rounded down.
fn mean_of_costs(costs: &[i64]) -> i64 {
    i64::try_from(mean_times_classes(costs) / wide(CLASSES)).expect("a mean of losses")
}

#[allow(clippy::cast_precision_loss, reason = "to the nearest")]
fn floating(value: i128) -> f64 {
    value as f64
}

fn wide(count: usize) -> i128 {
    i128::try_from(count).expect("a small count")
}
