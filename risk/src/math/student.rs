//! Student's t distribution: quantile and expected shortfall.
//!
//! The tail is P(T > t) = I_{ν/(ν+t²)}(ν/2, 1/2)/2 (DLMF 8.17, Johnson, Kotz and Balakrishnan, *Continuous Univariate
//! Distributions* 2, chapter 28). Expected shortfall at level α, with q its quantile and f the density:
//! f(q)/(1-α) (ν+q²)/(ν-1) (McNeil, Frey and Embrechts, *Quantitative Risk Management*, example 2.15).

use super::{beta, solve::invert};

/// P(T > t) for t at least 0.
#[must_use]
pub fn tail(degrees: f64, t: f64) -> f64 {
    0.5 * beta::incomplete(0.5 * degrees, 0.5, degrees / (degrees + t * t))
}

/// The density.
#[must_use]
pub fn density(degrees: f64, t: f64) -> f64 {
    let norm = libm::lgamma(0.5 * (degrees + 1.0)) - libm::lgamma(0.5 * degrees);
    let shape = -0.5 * (degrees + 1.0) * libm::log1p(t * t / degrees);
    libm::exp(norm + shape) / (degrees * std::f64::consts::PI).sqrt()
}

/// The quantile; infinite at 0 and 1.
#[must_use]
pub fn quantile(degrees: f64, p: f64) -> f64 {
    let outer = p.min(1.0 - p);
    if outer <= 0.0 {
        return f64::INFINITY.copysign(p - 0.5);
    }
    if outer >= 0.5 {
        return 0.0;
    }
    invert(outer, |t| tail(degrees, t), |t| -density(degrees, t)).copysign(p - 0.5)
}

/// The mean beyond the quantile of `level`, for more than one degree of freedom.
#[must_use]
pub fn expected_shortfall(degrees: f64, level: f64) -> f64 {
    let q = quantile(degrees, level);
    density(degrees, q) / (1.0 - level) * (degrees + q * q) / (degrees - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_degrees_at_99_percent() {
        assert!((quantile(4.0, 0.99) - 3.746_947).abs() < 5e-7);
        assert!((expected_shortfall(4.0, 0.99) - 5.220_584).abs() < 5e-7);
    }

    /// With one degree the quantile is tan(π(p - 1/2)); with two, (2p-1)/√(2p(1-p)).
    #[test]
    fn closed_forms() {
        for p in [1e-9, 0.01, 0.3, 0.5, 0.9, 0.9999] {
            let one = libm::tan(std::f64::consts::PI * (p - 0.5));
            let two = (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt();
            assert!((quantile(1.0, p) - one).abs() <= 1e-6 * one.abs(), "{p}");
            assert!(
                (quantile(2.0, p) - two).abs() <= 1e-9 * two.abs(),
                "{p}: {} {two}",
                quantile(2.0, p)
            );
        }
    }
}
