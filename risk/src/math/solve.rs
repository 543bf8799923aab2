//! Inverting a distribution on the positive half-line.

/// The x > 0 at which `tail(x)` is `p`, by Newton's method on logarithms of both, kept within a bracket by bisection.
/// `tail` is monotone; `slope` is its derivative.
pub(super) fn invert(p: f64, tail: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> f64 {
    const ITERATIONS: usize = 200;
    let (mut low, mut high) = (-700.0_f64, 700.0_f64);
    let rising = slope(1.0) > 0.0;
    let mut at = 0.0_f64;
    for _ in 0..ITERATIONS {
        let x = libm::exp(at);
        let value = tail(x);
        let above = libm::log(value) - libm::log(p);
        if (above > 0.0) == rising {
            high = at;
        } else {
            low = at;
        }
        let next = at - above * value / (slope(x) * x);
        let next = if next > low && next < high {
            next
        } else {
            f64::midpoint(low, high)
        };
        if (next - at).abs() <= 1e-15 * at.abs().max(1.0) {
            return libm::exp(next);
        }
        at = next;
    }
    libm::exp(at)
}
