//! A smooth function of a standard normal, tabulated.

const REACH: f64 = 9.0;
const STEPS_PER_UNIT: f64 = 32.0;
const STEPS: u32 = 576;

/// Values and slopes at -9, -9 + 1/32, ... 9; cubics between (the error is h⁴/384 of the fourth derivative); the ends'
/// values beyond.
#[derive(Clone, Debug)]
pub(crate) struct Curve(Vec<(f64, f64)>);

impl Curve {
    /// Of a function that gives its value and slope.
    pub(crate) fn new(function: impl Fn(f64) -> (f64, f64)) -> Self {
        Self(
            (0..=STEPS)
                .map(|step| function(f64::from(step) / STEPS_PER_UNIT - REACH))
                .collect(),
        )
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped between 0 and STEPS"
    )]
    #[inline]
    pub(crate) fn at(&self, z: f64) -> f64 {
        let place = ((z + REACH) * STEPS_PER_UNIT).clamp(0.0, f64::from(STEPS));
        let step = (place as u32).min(STEPS - 1);
        let t = place - f64::from(step);
        let [(left, left_slope), (right, right_slope)] =
            [self.0[step as usize], self.0[step as usize + 1]];
        let (t2, t3) = (t * t, t * t * t);
        let slopes = (t3 - 2.0 * t2 + t) * left_slope + (t3 - t2) * right_slope;
        left + (3.0 * t2 - 2.0 * t3) * (right - left) + slopes / STEPS_PER_UNIT
    }
}
