//! Shares of scenarios by loss.

use crate::{outcome::Histogram, units::BILLION};

const BINS: i64 = 128;

/// The histogram of losses, each once, with probabilities that add up to one.
pub(crate) fn of_shares(losses: &[i64], probability: impl Fn(usize) -> f64) -> Histogram {
    histogram(losses, 1.0, probability)
}

/// The histogram of losses with weights that add up to `total`.
pub(crate) fn histogram(losses: &[i64], total: f64, weight: impl Fn(usize) -> f64) -> Histogram {
    let least = losses.iter().copied().min().unwrap_or(0);
    let most = losses.iter().copied().max().unwrap_or(0);
    let width = (most - least) / BINS + 1;
    let mut sums =
        vec![0.0; usize::try_from((most - least) / width + 1).expect("at most 128 bins")];
    for (scenario, loss) in losses.iter().enumerate() {
        let bin = usize::try_from((loss - least) / width).expect("not below the least");
        sums[bin] += weight(scenario);
    }
    let shares_ppb = sums.iter().map(|sum| ppb(sum / total)).collect();
    Histogram {
        first_minor: least,
        width_minor: width,
        shares_ppb,
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a billion"
)]
fn ppb(share: f64) -> u64 {
    (share * f64::from(BILLION)).round() as u64
}
