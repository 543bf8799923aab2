//! Random numbers that are addressed, not drawn: they are the same in any order and on any number of threads.
//!
//! A number's address is its counter under the run's key: (block, scenario, domain, 0). No generator has a state, so no
//! number depends on those that were asked for before.
//!
//! | domain | block | what its four words are |
//! | --- | --- | --- |
//! | `DRAWS` | 128 names have 16 blocks | eight draws of 16 bits, in the order of `draw` |
//! | `DETAILS` | a name | words 0 and 1: 48 bits more of its draw; word 2: its loss given default |
//! | `FACTORS` | two factors | a uniform of 53 bits each; the t copula's mixing variable is after the last factor |
//! | `SCRAMBLES` | a factor | of Sobol sequences, where the scenario is the sample |
//! | `TWISTED` | four names | a draw of 32 bits each, of importance sampling |
//! | `PILOT` | | added to another, once or twice: for the runs that importance sampling is tuned by |

pub mod philox;
pub mod sobol;

use self::philox::Key;

pub(crate) const DRAWS: u32 = 1;
pub(crate) const DETAILS: u32 = 2;
pub(crate) const FACTORS: u32 = 3;
pub(crate) const SCRAMBLES: u32 = 4;
pub(crate) const TWISTED: u32 = 5;
pub(crate) const PILOT: u32 = 16;

/// Two words as one, the first in the lower half.
#[inline]
pub(crate) fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// A uniform number in (0, 1) of 53 bits.
#[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
#[inline]
pub(crate) fn uniform(word: u64) -> f64 {
    const ULP: f64 = 1.0 / 9_007_199_254_740_992.0;
    ((word >> 11) as f64 + 0.5) * ULP
}

/// The first two standard normals of a scenario under a key.
#[must_use]
pub fn normals(key: &Key, scenario: u32) -> [f64; 2] {
    let [w0, w1, w2, w3] = key.block([0, scenario, FACTORS, 0]);
    [join(w0, w1), join(w2, w3)].map(|word| crate::math::normal::quantile(uniform(word)))
}

/// A name's 16 bits in a scenario: in its chunk of 128 names, name m has half m & 1 of word (m/64)·2 + (m & 2)/2 of
/// block m/4 mod 16.
#[allow(clippy::cast_possible_truncation, reason = "16 of 32 bits")]
pub(crate) fn draw(key: &Key, domain: u32, scenario: u32, name: u32) -> u16 {
    let (chunk, within) = (name / 128, name % 128);
    let words = key.block([chunk * 16 + within / 4 % 16, scenario, domain, 0]);
    let word = words[(within / 64 * 2 + (within & 2) / 2) as usize];
    (word >> (16 * (within & 1))) as u16
}
