//! Closed forms: what is known without simulation. They hold the engine's normal distribution to published figures.
//!
//! | what | formula | source |
//! | --- | --- | --- |
//! | [`vasicek_quantile`] | `Φ((Φ⁻¹(p) + √ρ Φ⁻¹(α))/√(1-ρ))` | Vasicek, *Loan portfolio value*, Risk 15(12), 2002 |
//! | [`vasicek_shortfall`] | `Φ₂(Φ⁻¹(p), -Φ⁻¹(α); √ρ)/(1-α)` | McNeil, Frey, Embrechts, *QRM*, section 11.2 |
//! | [`basel_risk_weight`] | see there | Basel Committee, *International Convergence*, 2006, paragraph 272 |
//!
//! Student's t is in [`risk::math::student`].

use risk::math::normal;

use crate::gauss;

/// The α-quantile of the share of a large pool that defaults: one factor, equal names, no name large.
fn vasicek_quantile(pd: f64, correlation: f64, level: f64) -> f64 {
    let shift = normal::quantile(pd) + correlation.sqrt() * normal::quantile(level);
    normal::distribution(shift / (1.0 - correlation).sqrt())
}

/// The mean share of a large pool that defaults, in the worst 1-α of cases.
fn vasicek_shortfall(pd: f64, correlation: f64, level: f64) -> f64 {
    bivariate(
        normal::quantile(pd),
        -normal::quantile(level),
        correlation.sqrt(),
    ) / (1.0 - level)
}

/// The risk weight of a corporate exposure under Basel II's foundation approach, as a share of the exposure
/// (0.9232 is 92.32%), for a PD at or above the floor of 0.03%:
///
/// ```text
/// R = 0.12 w + 0.24 (1 - w),  w = (1 - e^(-50 PD))/(1 - e^(-50))
/// b = (0.11852 - 0.05478 ln PD)²
/// K = LGD (Φ((Φ⁻¹(PD) + √R Φ⁻¹(0.999))/√(1-R)) - PD) (1 + (M - 2.5) b)/(1 - 1.5 b)
/// risk weight = 12.5 K
/// ```
///
/// M is the effective maturity in years. The scaling factor of 1.06 of paragraph 14 is left out, as in the
/// Committee's own table of illustrative weights (annex 5).
fn basel_risk_weight(pd: f64, lgd: f64, maturity_years: f64) -> f64 {
    let weight = libm::expm1(-50.0 * pd) / libm::expm1(-50.0);
    let correlation = 0.12 * weight + 0.24 * (1.0 - weight);
    let root = 0.118_52 - 0.054_78 * libm::log(pd);
    let slope = root * root;
    let unexpected = vasicek_quantile(pd, correlation, 0.999) - pd;
    12.5 * lgd * unexpected * (1.0 + (maturity_years - 2.5) * slope) / (1.0 - 1.5 * slope)
}

/// P(X ≤ h, Y ≤ k) of two standard normals at correlation `rho`, for |ρ| < 1:
///
/// Φ₂(h, k; ρ) = Φ(h)Φ(k) + 1/(2π) ∫₀^{asin ρ} exp(-(h² + k² - 2hk sin θ)/(2 cos² θ)) dθ (Sheppard 1900; Genz,
/// *Statistics and Computing* 14, 2004, section 2), by Gauss-Legendre quadrature.
fn bivariate(h: f64, k: f64, rho: f64) -> f64 {
    const PANELS: u32 = 16;
    let density = |theta: f64| {
        let (sine, cosine) = (libm::sin(theta), libm::cos(theta));
        libm::exp(-(h * h + k * k - 2.0 * h * k * sine) / (2.0 * cosine * cosine))
    };
    let dependence =
        gauss::integrate(0.0, libm::asin(rho), PANELS, density) / std::f64::consts::TAU;
    normal::distribution(h) * normal::distribution(k) + dependence
}

#[test]
fn vasicek() {
    for (level, var, es) in [
        (0.99, 0.075_250_79, 0.105_129),
        (0.999, 0.145_525_27, 0.181_436),
    ] {
        assert!((vasicek_quantile(0.01, 0.2, level) - var).abs() < 5e-9);
        assert!(
            (vasicek_shortfall(0.01, 0.2, level) - es).abs() < 5e-7,
            "{}",
            vasicek_shortfall(0.01, 0.2, level)
        );
    }
}

/// The Committee's illustrative weights at LGD 45% and 2.5 years, in per cent to two digits.
#[test]
fn basel() {
    for (pd, weight) in [(0.0003, 14.44), (0.01, 92.32), (0.03, 128.44)] {
        assert!((100.0 * basel_risk_weight(pd, 0.45, 2.5) - weight).abs() < 0.005);
    }
}

/// Φ₂(0, 0; ρ) = 1/4 + asin ρ / 2π.
#[test]
fn bivariate_at_the_origin() {
    for rho in [-0.9, 0.0, 0.3, 0.99] {
        let exact = 0.25 + libm::asin(rho) / std::f64::consts::TAU;
        assert!((bivariate(0.0, 0.0, rho) - exact).abs() < 1e-14);
    }
}
