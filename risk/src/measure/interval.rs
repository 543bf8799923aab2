//! Intervals of confidence.

use crate::{math::beta, units::Level};

/// The standard normal deviate of a two-sided interval of 95%.
pub(crate) const DEVIATE: f64 = 1.959_963_984_540_054;

/// How many scenarios with something that none of them showed are still to be expected: -ln 2.5%.
const UNSEEN: f64 = 3.688_879_454_113_936;

/// Bounds of a mean that hold 95 times in a hundred.
pub(crate) type Bounds = (f64, f64);

/// Sums of a quantity over scenarios. How many scenarios each stratum has was decided before they were drawn.
#[derive(Clone, Debug)]
pub(crate) struct Strata {
    strata: Vec<Sums>,
    /// The most that a scenario weighs.
    weight_max: f64,
}

#[derive(Clone, Copy, Debug)]
struct Sums {
    count: f64,
    first: f64,
    second: f64,
    third: f64,
}

impl Strata {
    /// Of so many scenarios each, in which the quantity is zero until it is added.
    pub(crate) fn new(counts: &[u32], weight_max: f64) -> Self {
        let sums = |&count: &u32| Sums {
            count: f64::from(count),
            first: 0.0,
            second: 0.0,
            third: 0.0,
        };
        Self {
            strata: counts.iter().map(sums).collect(),
            weight_max,
        }
    }

    pub(crate) fn add(&mut self, stratum: usize, value: f64) {
        let sums = &mut self.strata[stratum];
        sums.first += value;
        sums.second += value * value;
        sums.third += value * value * value;
    }

    fn count(&self) -> f64 {
        self.strata.iter().map(|sums| sums.count).sum()
    }

    pub(crate) fn mean(&self) -> f64 {
        self.strata.iter().map(|sums| sums.first).sum::<f64>() / self.count()
    }

    /// The variance of the mean, and the third central moment of the mean.
    fn central(&self) -> (f64, f64) {
        let (mut variance, mut third) = (0.0, 0.0);
        for sums in self.strata.iter().filter(|sums| sums.count > 1.0) {
            let mean = sums.first / sums.count;
            variance +=
                (sums.second - sums.first * mean).max(0.0) * sums.count / (sums.count - 1.0);
            third += sums.third - 3.0 * sums.second * mean + 2.0 * sums.first * mean * mean;
        }
        let count = self.count();
        (variance / (count * count), third / (count * count * count))
    }

    /// The variance of the mean.
    pub(crate) fn variance(&self) -> f64 {
        self.central().0
    }

    /// Bounds of the mean of a quantity that is at most `most` in a scenario that weighs nothing more than another.
    ///
    /// Rare and large values make the mean skew. Hall's transformation (P. Hall, *On the removal of skewness by
    /// transformation*, JRSS B 54, 1992) undoes that: with T = (mean - truth)/σ and g the skewness of the mean,
    /// `T + g T²/3 + g² T³/27 + g/6` is normal. Where no value was seen, the truth may be as much as would show with a
    /// probability of 97.5%.
    pub(crate) fn bounds(&self, most: f64) -> Bounds {
        let mean = self.mean();
        let (variance, third) = self.central();
        if variance <= 0.0 {
            let unseen = UNSEEN * self.weight_max / self.count() * most;
            return (mean, mean + if mean > 0.0 { 0.0 } else { unseen });
        }
        let deviation = variance.sqrt();
        let skewness = third / (variance * deviation);
        let from_normal = |y: f64| {
            if skewness.abs() < 1e-6 {
                return y;
            }
            3.0 / skewness * (libm::cbrt(1.0 + skewness * (y - skewness / 6.0)) - 1.0)
        };
        (
            mean - deviation * from_normal(DEVIATE),
            mean - deviation * from_normal(-DEVIATE),
        )
    }
}

/// What tells how probable a larger loss is, scenario by scenario from the largest loss down.
pub(crate) trait Exceedance {
    /// One scenario more has lost so much.
    fn add(&mut self, scenario: usize);
    /// Bounds of the probability of losing as much as the scenarios so far.
    fn bounds(&self) -> Bounds;
}

/// Bounds of a quantile, by inverting a test: x is within them if, as far as scenarios tell, P(L > x) may be at most
/// `tail`, and P(L ≥ x) at least that. Losses may come in lumps. `falling` has each scenario and its loss, the
/// largest first.
pub(crate) fn invert(
    falling: impl Iterator<Item = (usize, i64)>,
    tail: f64,
    mut exceedance: impl Exceedance,
) -> (i64, i64) {
    let mut falling = falling.peekable();
    let (mut low, mut high) = (0, None);
    // P(L > loss) may be so small before any scenario lost as much.
    let mut lower = 0.0;
    while let Some(&(_, loss)) = falling.peek() {
        if lower > tail {
            break;
        }
        low = loss;
        while let Some((scenario, _)) = falling.next_if(|&(_, next)| next == loss) {
            exceedance.add(scenario);
        }
        let bounds = exceedance.bounds();
        lower = bounds.0;
        if high.is_none() && bounds.1 >= tail {
            high = Some(loss);
        }
    }
    (low, high.unwrap_or(low).max(low))
}

/// The ranks, from 1, of the losses between which the quantile lies at least 95 times in a hundred.
///
/// The loss of rank r is not above the quantile if r losses are at most the quantile; the loss of rank s is not below
/// it if fewer than s losses are. How many are is binomial with n and α, or on the safe side of it where losses come in
/// lumps (David and Nagaraja, *Order Statistics*, section 7.1). So the ranks are the binomial's quantile at 2.5%, and
/// one more than that at 97.5%, found from P(B ≤ k) = I_{1-α}(n-k, k+1) (DLMF 8.17.5).
pub(crate) fn ranks(count: u32, level: Level) -> (u32, u32) {
    let (n, alpha) = (f64::from(count), level.to_f64());
    let reach = (DEVIATE * (n * alpha * (1.0 - alpha)).sqrt()).ceil() + 3.0;
    let inside = |k: f64| truncate(k.clamp(0.0, n - 1.0));
    let quantile = |p: f64| {
        let (mut low, mut high) = (
            inside(n * alpha - 2.0 * reach),
            inside(n * alpha + 2.0 * reach),
        );
        while low < high {
            let middle = low.midpoint(high);
            if below(n, alpha, f64::from(middle)) >= p {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    };
    (quantile(0.025).max(1), (quantile(0.975) + 1).min(count))
}

fn below(n: f64, alpha: f64, k: f64) -> f64 {
    beta::incomplete(n - k, k + 1.0, 1.0 - alpha)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the number of scenarios"
)]
fn truncate(value: f64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By summing binomial probabilities: n = 1,000 and 99% give 983 to 996; n = 100 and 50% give 40 to 60.
    #[test]
    fn ranks_of_small_samples() {
        assert_eq!(ranks(1_000, Level::P99), (983, 997));
        assert_eq!(ranks(100, Level::from_ppm(500_000).unwrap()), (40, 61));
        let (low, high) = ranks(1_000_000, Level::P999);
        assert!(
            (998_929..998_944).contains(&low) && (999_057..999_068).contains(&high),
            "{low} {high}"
        );
    }

    /// A name that is lost with probability 1% is not lost at 99%: the level is met exactly.
    #[test]
    fn inverted_tests_take_lumps_whole() {
        struct Counted(u32);
        impl Exceedance for Counted {
            fn add(&mut self, _: usize) {
                self.0 += 1;
            }
            fn bounds(&self) -> Bounds {
                let share = f64::from(self.0) / 1_000.0;
                (share * 0.9, share * 1.1)
            }
        }
        let found = |losses: &[(u32, i64)], tail| {
            let falling = losses
                .iter()
                .flat_map(|&(times, loss)| (0..times).map(move |_| (0, loss)));
            invert(falling, tail, Counted(0))
        };
        assert_eq!(found(&[(10, 7), (990, 0)], 0.01), (0, 7));
        assert_eq!(found(&[(9, 7), (991, 0)], 0.01), (0, 0));
        assert_eq!(found(&[(12, 7), (988, 0)], 0.01), (7, 7));
        assert_eq!(found(&[(9, 9), (4, 8), (987, 1)], 0.01), (8, 8));
    }

    /// Of Poisson counts: P. Hall's interval of ten is within 2% of the exact one, 4.80 to 18.39.
    #[test]
    fn few_scenarios_make_skew_intervals() {
        let mut strata = Strata::new(&[1_000_000], 1.0);
        assert_eq!(strata.bounds(5.0).0, 0.0);
        assert!((strata.bounds(5.0).1 * 1e6 / 5.0 - 3.69).abs() < 0.01);
        for _ in 0..10 {
            strata.add(0, 1.0);
        }
        let (low, high) = strata.bounds(1.0);
        assert!((low * 1e6 - 4.80).abs() < 0.1, "{low}");
        assert!((high * 1e6 - 18.39).abs() < 0.4, "{high}");
    }
}
