//! Intervals of confidence.

use crate::{math::beta, units::Level};

/// The standard normal deviate of a two-sided interval of 95%.
pub(crate) const DEVIATE: f64 = 1.959_963_984_540_054;

/// The ranks, from 1, of the losses between which the quantile lies 95 times in a hundred.
///
/// How many of n losses are below the quantile is binomial with n and α, whatever the losses' distribution (David and
/// Nagaraja, *Order Statistics*, section 7.1): the ranks are one more than the binomial's quantiles at 2.5% and 97.5%,
/// found from P(B ≤ k) = I_{1-α}(n-k, k+1) (DLMF 8.17.5).
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
        low + 1
    };
    (quantile(0.025).max(1), quantile(0.975).min(count))
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

    /// By summing binomial probabilities: n = 1,000 and 99% give 984 to 996; n = 100 and 50% give 40 to 60, plus one.
    #[test]
    fn ranks_of_small_samples() {
        assert_eq!(ranks(1_000, Level::P99), (984, 997));
        assert_eq!(ranks(100, Level::from_ppm(500_000).unwrap()), (41, 61));
        let (low, high) = ranks(1_000_000, Level::P999);
        assert!(
            (998_930..998_945).contains(&low) && (999_057..999_068).contains(&high),
            "{low} {high}"
        );
    }
}
