//! Percentiles and medians.

use std::time::Duration;

/// The value that so many hundredths of the values do not exceed (nearest rank).
pub(super) fn percentile(values: &[f64], hundredths: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * hundredths).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

/// The middle value; of an even number of values, the mean of the two in the middle.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => {
            f64::midpoint(sorted[length / 2 - 1], sorted[length / 2])
        }
        length => sorted[length / 2],
    }
}

pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// For counts, which are far from what a float holds exactly.
#[allow(clippy::cast_precision_loss)]
pub(super) fn float(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn ranks() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 50).to_bits(), 50_f64.to_bits());
        assert_eq!(percentile(&values, 99).to_bits(), 99_f64.to_bits());
        assert_eq!(percentile(&values, 100).to_bits(), 100_f64.to_bits());
        assert_eq!(median(&[3.0]).to_bits(), 3_f64.to_bits());
        assert_eq!(median(&[1.0, 4.0, 2.0, 9.0]).to_bits(), 3_f64.to_bits());
        assert!(median(&[]).is_nan());
    }
}
