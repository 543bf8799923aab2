//! The standard normal distribution: density, distribution, quantile.
//!
//! Φ(x) = erfc(-x/√2)/2 with `libm`'s erfc (a port of FreeBSD's, relative error below one unit in the last place or
//! so). Φ⁻¹ is algorithm AS 241 (Wichura, *Applied Statistics* 37, 1988), PPND16: rational functions of degree 7,
//! relative error about 1e-16, in three ranges.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// The density φ(x).
#[must_use]
pub fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / TAU.sqrt()
}

/// The distribution Φ(x).
#[inline]
#[must_use]
pub fn distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// Below this, Φ is too small for its logarithm to be that of a number.
const FAR: f64 = -37.0;

/// ln Φ(x), however small Φ(x) is.
pub(crate) fn log_distribution(x: f64) -> f64 {
    if x > FAR {
        libm::log(distribution(x))
    } else {
        // Φ(x) ~ φ(x)/|x|, DLMF 7.12.1.
        -0.5 * x * x - libm::log(-x * TAU.sqrt())
    }
}

/// The slope of ln Φ: φ(x)/Φ(x).
pub(crate) fn log_slope(x: f64) -> f64 {
    if x > FAR {
        density(x) / distribution(x)
    } else {
        -x
    }
}

/// The quantile Φ⁻¹(p); infinite at 0 and 1.
#[inline]
#[must_use]
pub fn quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * horner(&CENTRE_OVER, r) / horner(&CENTRE_UNDER, r);
    }
    tail(p.min(1.0 - p)).copysign(q)
}

/// Below 0.075: the distance of the quantile from zero.
fn tail(p: f64) -> f64 {
    if p <= 0.0 {
        return f64::INFINITY;
    }
    let r = (-libm::log(p)).sqrt();
    if r <= 5.0 {
        horner(&MIDDLE_OVER, r - 1.6) / horner(&MIDDLE_UNDER, r - 1.6)
    } else {
        horner(&FAR_OVER, r - 5.0) / horner(&FAR_UNDER, r - 5.0)
    }
}

#[inline]
fn horner(coefficients: &[f64; 8], x: f64) -> f64 {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = *coefficients;
    ((((((c7 * x + c6) * x + c5) * x + c4) * x + c3) * x + c2) * x + c1) * x + c0
}

const CENTRE_OVER: [f64; 8] = [
    3.387_132_872_796_366_5,
    1.331_416_678_917_843_8e2,
    1.971_590_950_306_551_3e3,
    1.373_169_376_550_946e4,
    4.592_195_393_154_987e4,
    6.726_577_092_700_87e4,
    3.343_057_558_358_813e4,
    2.509_080_928_730_122_7e3,
];
const CENTRE_UNDER: [f64; 8] = [
    1.0,
    4.231_333_070_160_091e1,
    6.871_870_074_920_579e2,
    5.394_196_021_424_751e3,
    2.121_379_430_158_659_7e4,
    3.930_789_580_009_271e4,
    2.872_908_573_572_194_3e4,
    5.226_495_278_852_854e3,
];
const MIDDLE_OVER: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_545,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    2.417_807_251_774_506e-1,
    2.272_384_498_926_918_4e-2,
    7.745_450_142_783_414e-4,
];
const MIDDLE_UNDER: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    6.897_673_349_851e-1,
    1.481_039_764_274_800_8e-1,
    1.519_866_656_361_645_7e-2,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const FAR_OVER: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    2.965_605_718_285_048_7e-1,
    2.653_218_952_657_612_4e-2,
    1.242_660_947_388_078_4e-3,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const FAR_UNDER: [f64; 8] = [
    1.0,
    5.998_322_065_558_879e-1,
    1.369_298_809_227_358e-1,
    1.487_536_129_085_061_5e-2,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_7e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// mpmath, 20 digits.
    #[test]
    fn known_quantiles() {
        for (p, x) in [
            (0.5, 0.0),
            (0.01, -2.326_347_874_040_840_8),
            (0.001, -3.090_232_306_167_813),
            (0.8, 0.841_621_233_572_914_2),
            (1e-10, -6.361_340_902_404_056),
            (1e-20, -9.262_340_089_798_408),
        ] {
            assert!(
                (quantile(p) - x).abs() <= 1e-14 * x.abs().max(1.0),
                "{p}: {} {x}",
                quantile(p)
            );
        }
        assert_eq!(quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(quantile(1.0), f64::INFINITY);
    }

    #[test]
    fn logarithms_go_on_where_the_distribution_ends() {
        for (x, value) in [
            (-1.0, -1.841_021_645_009_263_5),
            (-10.0, -53.231_285_151_053_4),
            (-36.999, -688.993_559_1),
            (-37.001, -689.067_614_0),
            (-100.0, -5_005.524_208_693_6),
        ] {
            assert!(
                (log_distribution(x) / value - 1.0).abs() < 2e-6,
                "{x}: {}",
                log_distribution(x)
            );
            let slope = (log_distribution(x + 1e-5) - log_distribution(x - 1e-5)) / 2e-5;
            assert!((log_slope(x) / slope - 1.0).abs() < 1e-2, "{x}");
        }
    }

    #[test]
    fn quantile_inverts_distribution() {
        for step in -370..=20 {
            let x = f64::from(step) / 10.0;
            assert!(
                (quantile(distribution(x)) - x).abs() <= 1e-13 * x.abs().max(1.0),
                "{x}"
            );
        }
    }
}
