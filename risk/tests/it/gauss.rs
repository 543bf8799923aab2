//! Gauss-Legendre quadrature (DLMF 3.5(v)).

/// Nodes on (-1, 1) and weights of the rule with twenty points: Newton's method on the recurrence of Legendre's
/// polynomials from the guess of DLMF 18.16.
fn rule() -> [(f64, f64); POINTS as usize] {
    std::array::from_fn(|k| {
        let k = f64::from(u32::try_from(k).expect("at most twenty"));
        let mut x = libm::cos(std::f64::consts::PI * (k + 0.75) / (f64::from(POINTS) + 0.5));
        for _ in 0..8 {
            let (value, slope) = legendre(x);
            x -= value / slope;
        }
        let (_, slope) = legendre(x);
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    })
}

const POINTS: u32 = 20;

/// P₂₀(x) and its slope.
fn legendre(x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for n in 1..POINTS {
        let n = f64::from(n);
        (before, value) = (
            value,
            ((2.0 * n + 1.0) * x * value - n * before) / (n + 1.0),
        );
    }
    (
        value,
        f64::from(POINTS) * (x * value - before) / (x * x - 1.0),
    )
}

/// The integral of a function from `low` to `high`, in equal panels of twenty points.
pub fn integrate(low: f64, high: f64, panels: u32, function: impl Fn(f64) -> f64) -> f64 {
    let rule = rule();
    let half = (high - low) / (2.0 * f64::from(panels));
    let panel = |panel: u32| {
        let centre = low + half * (2.0 * f64::from(panel) + 1.0);
        rule.iter()
            .map(|(x, weight)| weight * function(centre + half * x))
            .sum::<f64>()
    };
    half * (0..panels).map(panel).sum::<f64>()
}

#[test]
fn integrates_polynomials_and_the_exponential() {
    assert!((integrate(-1.0, 2.0, 1, |x| x * x) - 3.0).abs() < 1e-13);
    assert!((integrate(0.0, 1.0, 2, libm::exp) - libm::expm1(1.0)).abs() < 1e-14);
}
