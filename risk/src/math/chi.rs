//! The chi-squared distribution: the mixing variable of Student's t.
//!
//! P(a, x) and Q(a, x), the regularised incomplete gamma functions, by the series DLMF 8.11.4 below a + 1 and the
//! continued fraction DLMF 8.9.2 (Lentz's method) above.

use super::{Curve, normal, solve::invert};

/// The probability of at most `x` under `degrees` of freedom, and of more.
#[must_use]
pub fn distribution(degrees: f64, x: f64) -> (f64, f64) {
    incomplete_gamma(0.5 * degrees, 0.5 * x)
}

/// The density.
#[must_use]
pub fn density(degrees: f64, x: f64) -> f64 {
    let a = 0.5 * degrees;
    0.5 * libm::exp((a - 1.0) * libm::log(0.5 * x) - 0.5 * x - libm::lgamma(a))
}

/// √(W/ν) as a function of a standard normal z, where W has the chi-squared distribution and Φ(z) is its rank.
pub(crate) fn scale(degrees: u32) -> Curve {
    let degrees = f64::from(degrees);
    Curve::new(|z| {
        let rank = normal::distribution(-z.abs());
        let slope = |x: f64| density(degrees, x);
        let w = if z < 0.0 {
            invert(rank, |x| distribution(degrees, x).0, slope)
        } else {
            invert(rank, |x| distribution(degrees, x).1, |x| -slope(x))
        };
        let value = (w / degrees).sqrt();
        (
            value,
            normal::density(z) / slope(w) / (2.0 * degrees * value),
        )
    })
}

/// P(a, x) and Q(a, x).
fn incomplete_gamma(a: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let lower = front * series(a, x);
        (lower, 1.0 - lower)
    } else {
        let upper = front * continued(a, x);
        (1.0 - upper, upper)
    }
}

fn series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    for n in 1..10_000 {
        term *= x / (a + f64::from(n));
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

fn continued(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut result = d;
    for n in 1..10_000 {
        let n = f64::from(n);
        let over = -n * (n - a);
        b += 2.0;
        d = 1.0 / (over * d + b);
        c = b + over / c;
        result *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With two degrees the distribution is 1 - exp(-x/2).
    #[test]
    fn two_degrees_are_exponential() {
        for x in [1e-5, 0.3, 2.0, 7.0, 40.0] {
            let (below, above) = distribution(2.0, x);
            assert!((above / libm::exp(-0.5 * x) - 1.0).abs() < 1e-13);
            assert!((below + libm::expm1(-0.5 * x)).abs() < 1e-14);
        }
    }

    /// √(W/2) with two degrees is √(-ln(1-u)).
    #[test]
    fn scale_inverts_the_distribution() {
        let scale = scale(2);
        for z in [-7.3, -3.01, -1.0, 0.0, 0.123, 2.77, 6.5] {
            let exact = (-libm::log(normal::distribution(-z))).sqrt();
            assert!(
                (scale.at(z) / exact - 1.0).abs() < 1e-5,
                "{z}: {} {exact}",
                scale.at(z)
            );
        }
    }
}
