//! Φ in 16 bits at steps of 1/256, to decide nearly every draw without computing Φ.

use crate::math::normal;

const REACH: f64 = 9.0;
const STEPS_PER_UNIT: f64 = 256.0;
const STEPS: usize = 4_608;

const _: () = assert!(STEPS == 4_608);

/// floor(65,536 Φ(x)) at x = -9, -9 + 1/256, ... 9.
#[derive(Clone, Debug)]
pub(crate) struct Table([u16; STEPS + 1]);

impl Table {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|step| {
            top(normal::distribution(
                step_to_f64(step) / STEPS_PER_UNIT - REACH,
            ))
        }))
    }

    /// At least the 16 leading bits of Φ at `x` and all below.
    #[inline]
    pub(crate) fn above(&self, x: f64) -> u16 {
        self.0[step(x) + 1]
    }

    /// At most the 16 leading bits of Φ at `x` and all above.
    #[inline]
    pub(crate) fn below(&self, x: f64) -> u16 {
        self.0[step(x)]
    }

    /// The least and the greatest value that the 16 leading bits of Φ(x) can have.
    #[inline]
    pub(crate) fn bounds(&self, x: f64) -> (u16, u16) {
        let step = step(x);
        (self.0[step], self.0[step + 1])
    }
}

/// The last step not above `x`, so that there is one after it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and STEPS - 1"
)]
#[inline]
fn step(x: f64) -> usize {
    const LAST: f64 = 4_607.0;
    (((x + REACH) * STEPS_PER_UNIT).clamp(0.0, LAST) as i32) as usize & 0x1fff
}

#[allow(clippy::cast_precision_loss, reason = "small")]
fn step_to_f64(step: usize) -> f64 {
    step as f64
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a probability; saturates at 1"
)]
fn top(probability: f64) -> u16 {
    (probability * 65_536.0) as u16
}
