//! The Beta distribution: the incomplete beta function, and classes to draw from.
//!
//! `I_x(a, b)` by its continued fraction (DLMF 8.17.22, evaluated by Lentz's method), on the side of the mean where it
//! converges; the other side by `I_x(a, b) = 1 - I_{1-x}(b, a)`.

use crate::units::{BILLION, Fraction};

/// The parameters of a Beta distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    a: f64,
    b: f64,
}

impl Shape {
    const LEAST: f64 = 0.05;
    const MOST: f64 = 1e5;

    /// The shape with these moments, if there is one whose parameters are from 0.05 to 100,000:
    /// a = m (m(1-m)/s² - 1), b = (1-m) (m(1-m)/s² - 1).
    #[must_use]
    pub fn from_moments(mean: f64, deviation: f64) -> Option<Self> {
        let total = mean * (1.0 - mean) / (deviation * deviation) - 1.0;
        let (a, b) = (mean * total, (1.0 - mean) * total);
        let usable = |parameter: f64| (Self::LEAST..=Self::MOST).contains(&parameter);
        (usable(a) && usable(b)).then_some(Self { a, b })
    }

    /// The probability of at most `x`.
    #[must_use]
    pub fn distribution(self, x: f64) -> f64 {
        incomplete(self.a, self.b, x)
    }

    /// The share of the mean that comes from at most `x`: `I_x(a+1, b)`, by DLMF 8.17.20.
    fn partial_mean(self, x: f64) -> f64 {
        let excess =
            libm::exp(self.a * libm::log(x) + self.b * libm::log1p(-x) - ln_beta(self.a, self.b))
                / self.a;
        self.mean() * (self.distribution(x) - excess).max(0.0)
    }

    fn mean(self) -> f64 {
        self.a / (self.a + self.b)
    }

    fn deviation(self) -> f64 {
        let total = self.a + self.b;
        (self.a * self.b / (total * total * (total + 1.0))).sqrt()
    }
}

/// How many classes a Beta distribution is drawn from.
pub(crate) const CLASSES: usize = 1_024;

/// A Beta distribution as equally likely classes, each at its own mean.
///
/// With F the distribution and M(u) the part of the mean below its u-quantile (the Lorenz curve), the mean of class j
/// is 1024 (M((j+1)/1024) - M(j/1024)): the classes' mean is the distribution's. M is known, with its slope
/// dM/dF = x, at 257 points, and between them by Hermite's cubic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Classes(Vec<Fraction>);

impl Classes {
    pub(crate) fn new(shape: Shape) -> Self {
        let points = points(shape);
        let mut below = 0.0;
        let mut segment = 0;
        let mut class = |edge: usize| {
            let u = to_f64(edge) / to_f64(CLASSES);
            while segment + 2 < points.len() && points[segment + 1].share <= u {
                segment += 1;
            }
            let upto = if edge == CLASSES {
                shape.mean()
            } else {
                hermite(&points[segment], &points[segment + 1], u)
            };
            // The next class gets what rounding leaves over.
            let share = fraction((upto - below) * to_f64(CLASSES));
            below += share.to_f64() / to_f64(CLASSES);
            share
        };
        Self((1..=CLASSES).map(&mut class).collect())
    }

    /// The class that 32 random bits choose.
    #[inline]
    pub(crate) fn draw(&self, word: u32) -> Fraction {
        self.0[(word >> 22) as usize]
    }

    pub(crate) fn means(&self) -> &[Fraction] {
        &self.0
    }
}

struct Point {
    x: f64,
    share: f64,
    mean_below: f64,
}

/// Points of the Lorenz curve, dense at the ends, over twelve deviations about the mean.
fn points(shape: Shape) -> Vec<Point> {
    const SEGMENTS: u32 = 256;
    let (mean, reach) = (shape.mean(), 12.0 * shape.deviation());
    let (low, high) = ((mean - reach).max(0.0), (mean + reach).min(1.0));
    let at = |k: u32| {
        low + (high - low)
            * 0.5
            * (1.0 - libm::cos(std::f64::consts::PI * f64::from(k) / f64::from(SEGMENTS)))
    };
    let inner = (1..SEGMENTS).map(at).map(|x| Point {
        x,
        share: shape.distribution(x),
        mean_below: shape.partial_mean(x),
    });
    let first = Point {
        x: low,
        share: 0.0,
        mean_below: 0.0,
    };
    let last = Point {
        x: high,
        share: 1.0,
        mean_below: mean,
    };
    std::iter::once(first)
        .chain(inner)
        .chain(std::iter::once(last))
        .collect()
}

fn hermite(left: &Point, right: &Point, u: f64) -> f64 {
    let width = right.share - left.share;
    if width <= 0.0 {
        return left.mean_below;
    }
    let t = (u - left.share) / width;
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * left.mean_below
        + (t3 - 2.0 * t2 + t) * width * left.x
        + (3.0 * t2 - 2.0 * t3) * right.mean_below
        + (t3 - t2) * width * right.x
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a billion"
)]
fn fraction(share: f64) -> Fraction {
    let ppb = (share * f64::from(BILLION))
        .round()
        .clamp(0.0, f64::from(BILLION)) as u32;
    Fraction::from_ppb(ppb).expect("clamped")
}

#[allow(clippy::cast_precision_loss, reason = "small")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

/// ln B(a, b).
fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// The regularised incomplete beta function `I_x(a, b)`.
#[must_use]
pub fn incomplete(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = libm::exp(a * libm::log(x) + b * libm::log1p(-x) - ln_beta(a, b));
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction_of(a, b, x) / a
    } else {
        1.0 - front * fraction_of(b, a, 1.0 - x) / b
    }
}

/// The continued fraction of DLMF 8.17.22, by Lentz's method.
fn fraction_of(a: f64, b: f64, x: f64) -> f64 {
    const ITERATIONS: u32 = 20_000;
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for m in 1..=ITERATIONS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        result *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closed forms: I_x(1, 1) = x, I_x(2, 1) = x², I_x(1/2, 1/2) = 2/π asin √x.
    #[test]
    fn incomplete_beta_meets_closed_forms() {
        for x in [1e-6, 0.1, 0.5, 0.77, 0.999] {
            assert!((incomplete(1.0, 1.0, x) - x).abs() < 1e-14);
            assert!((incomplete(2.0, 1.0, x) - x * x).abs() < 1e-14);
            let arcsine = libm::asin(x.sqrt()) * 2.0 / std::f64::consts::PI;
            assert!((incomplete(0.5, 0.5, x) - arcsine).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn classes_have_the_moments_of_the_distribution() {
        for (mean, deviation) in [
            (0.45, 0.25),
            (0.1, 0.05),
            (0.5, 0.45),
            (0.9, 0.001),
            (0.03, 0.08),
        ] {
            let classes = Classes::new(Shape::from_moments(mean, deviation).unwrap());
            let values: Vec<_> = classes.means().iter().map(|share| share.to_f64()).collect();
            let found = values.iter().sum::<f64>() / 1_024.0;
            let variance = values
                .iter()
                .map(|value| (value - found) * (value - found))
                .sum::<f64>()
                / 1_024.0;
            assert!((found - mean).abs() < 1e-6, "{mean} {deviation}: {found}");
            assert!(
                (variance.sqrt() / deviation - 1.0).abs() < 5e-3,
                "{mean} {deviation}: {}",
                variance.sqrt()
            );
            assert!(values.is_sorted_by(|a, b| a - b < 1e-7));
        }
    }
}
