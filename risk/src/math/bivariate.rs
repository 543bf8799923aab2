//! The bivariate normal distribution.
//!
//! Φ₂(h, k; ρ) = Φ(h)Φ(k) + 1/(2π) ∫₀^{asin ρ} exp(-(h² + k² - 2hk sin θ)/(2 cos² θ)) dθ (Sheppard 1900; Genz,
//! *Statistics and Computing* 14, 2004, section 2), by Gauss-Legendre quadrature.

use super::{gauss, normal};

/// P(X ≤ h, Y ≤ k) at correlation `rho`, for |ρ| < 1.
#[must_use]
pub fn distribution(h: f64, k: f64, rho: f64) -> f64 {
    const PANELS: u32 = 16;
    let density = |theta: f64| {
        let (sine, cosine) = (libm::sin(theta), libm::cos(theta));
        libm::exp(-(h * h + k * k - 2.0 * h * k * sine) / (2.0 * cosine * cosine))
    };
    let dependence =
        gauss::integrate(0.0, libm::asin(rho), PANELS, density) / std::f64::consts::TAU;
    normal::distribution(h) * normal::distribution(k) + dependence
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Φ₂(0, 0; ρ) = 1/4 + asin ρ / 2π.
    #[test]
    fn at_the_origin() {
        for rho in [-0.9, 0.0, 0.3, 0.99] {
            let exact = 0.25 + libm::asin(rho) / std::f64::consts::TAU;
            assert!((distribution(0.0, 0.0, rho) - exact).abs() < 1e-14);
        }
    }
}
