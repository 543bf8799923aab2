//! Rounding that adds up.

/// Each numerator over the common denominator, rounded so that all add up to their rounded sum (largest remainders,
/// the first where they are equal), and that sum.
pub(crate) fn apportion(numerators: &[i128], denominator: i128) -> (Vec<i64>, i64) {
    let total = nearest(numerators.iter().sum(), denominator);
    let mut shares: Vec<i64> = numerators
        .iter()
        .map(|over| narrow(over.div_euclid(denominator)))
        .collect();
    let mut order: Vec<usize> = (0..numerators.len()).collect();
    order.sort_by_key(|&name| std::cmp::Reverse(numerators[name].rem_euclid(denominator)));
    let left = usize::try_from(total - shares.iter().sum::<i64>()).expect("floors are below");
    for &name in order.iter().cycle().take(left) {
        shares[name] += 1;
    }
    (shares, total)
}

/// The nearest integer, halves up.
pub(crate) fn nearest(numerator: i128, denominator: i128) -> i64 {
    narrow((2 * numerator + denominator).div_euclid(2 * denominator))
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value).expect("a mean of losses")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!(apportion(&[10, 10, 10], 3), (vec![4, 3, 3], 10));
        assert_eq!(apportion(&[1, 2, 3, -1], 4), (vec![0, 0, 1, 0], 1));
        assert_eq!(apportion(&[], 4), (vec![], 0));
    }
}
