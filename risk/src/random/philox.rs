//! Philox 4x32-10: a bijection of 128 bits under a key of 64 bits, whose values pass statistical tests of randomness.
//!
//! Salmon, Moraes, Dror and Shaw, *Parallel Random Numbers: As Easy as 1, 2, 3*, SC'11, section 3.3. One round
//! maps the counter (c0, c1, c2, c3) under the round key (k0, k1) to
//!
//! ```text
//! (hi(M1 c2) ^ c1 ^ k0,  lo(M1 c2),  hi(M0 c0) ^ c3 ^ k1,  lo(M0 c0))
//! M0 = 0xD2511F53, M1 = 0xCD9E8D57
//! k0 += 0x9E3779B9, k1 += 0xBB67AE85 before each further round; ten rounds
//! ```
//!
//! Only integers: the same words on every machine. The tests hold the published known answers.

const M0: u64 = 0xD251_1F53;
const M1: u64 = 0xCD9E_8D57;
const W0: u32 = 0x9E37_79B9;
const W1: u32 = 0xBB67_AE85;

/// Rounds of the bijection.
pub(crate) const ROUNDS: usize = 10;

/// A counter, and what it maps to.
pub type Block = [u32; 4];

/// The key with its schedule unrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    rounds: [[u32; 2]; ROUNDS],
    /// The same, each in a 64-bit lane.
    wide: [[u64; 2]; ROUNDS],
}

impl Key {
    /// The schedule of a key.
    #[must_use]
    pub fn new(key: [u32; 2]) -> Self {
        let mut rounds = [key; ROUNDS];
        for round in 1..ROUNDS {
            let [k0, k1] = rounds[round - 1];
            rounds[round] = [k0.wrapping_add(W0), k1.wrapping_add(W1)];
        }
        Self {
            rounds,
            wide: rounds.map(|key| key.map(u64::from)),
        }
    }

    /// The key of a 64-bit word, its lower half first.
    pub(crate) fn of_word(word: u64) -> Self {
        Self::new([low(word), high(word)])
    }

    /// What the counter maps to.
    #[inline]
    #[must_use]
    pub fn block(&self, counter: Block) -> Block {
        self.rounds.iter().fold(counter, |c, &k| round(c, k))
    }
}

#[inline]
fn round([c0, c1, c2, c3]: Block, [k0, k1]: [u32; 2]) -> Block {
    let (high0, low0) = product(M0, c0);
    let (high1, low1) = product(M1, c2);
    [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0]
}

#[inline]
fn product(multiplier: u64, word: u32) -> (u32, u32) {
    let product = multiplier * u64::from(word);
    (high(product), low(product))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the upper half is what is asked for"
)]
#[inline]
fn high(product: u64) -> u32 {
    (product >> 32) as u32
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the lower half is what is asked for"
)]
#[inline]
fn low(product: u64) -> u32 {
    product as u32
}

/// The parts of a lane of blocks that are the same in every scenario. Their counters are (block, scenario, domain, 0).
///
/// After one round, c0 and c1 do not depend on the block, and c2 and c3 do not depend on the scenario. After two
/// rounds, c0 and c1 do not depend on the scenario. So the products of the first two rounds and one of the third can be
/// computed in advance: a quarter of the multiplications.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared<const LANES: usize> {
    /// c3 after one round, with the second round's key.
    second_c2: [u64; LANES],
    /// c1 after two rounds, with the third round's key.
    third_c0: [u64; LANES],
    /// hi(M0 c0) of the third round, with its key.
    third_c2: [u64; LANES],
    /// lo(M0 c0) of the third round.
    third_c3: [u64; LANES],
}

/// The parts that depend on the scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// hi(M0 c0) of the second round.
    second_c2: u64,
    /// lo(M0 c0) of the second round.
    second_c3: u64,
}

impl<const LANES: usize> Prepared<LANES> {
    /// Blocks `first..first + LANES` of a domain.
    pub(crate) fn new(key: &Key, first: u32, domain: u32) -> Self {
        let mut prepared = Self {
            second_c2: [0; LANES],
            third_c0: [0; LANES],
            third_c2: [0; LANES],
            third_c3: [0; LANES],
        };
        let [[_, k1], [second_k0, second_k1], [third_k0, third_k1]] =
            [key.rounds[0], key.rounds[1], key.rounds[2]];
        let (_, low1) = product(M1, domain);
        for (lane, block) in (first..).take(LANES).enumerate() {
            let (high0, low0) = product(M0, block);
            let (second_high1, second_low1) = product(M1, high0 ^ k1);
            let (third_high0, third_low0) = product(M0, second_high1 ^ low1 ^ second_k0);
            prepared.second_c2[lane] = u64::from(low0 ^ second_k1);
            prepared.third_c0[lane] = u64::from(second_low1 ^ third_k0);
            prepared.third_c2[lane] = u64::from(third_high0 ^ third_k1);
            prepared.third_c3[lane] = u64::from(third_low0);
        }
        prepared
    }

    /// The blocks of a scenario: the first two words of each lane, then the last two, the first word of a pair in
    /// the lower half.
    ///
    /// Words are held in 64-bit lanes whose upper halves are disregarded, because a multiplication of 32 by 32 bits
    /// to 64 is what the smallest vector units have; and one lane is taken through all rounds at a time, because
    /// compilers make vectors of that (of it alone: within another function they do not, hence not inlined).
    #[allow(clippy::needless_range_loop, reason = "one index through seven arrays")]
    #[inline(never)]
    pub(crate) fn blocks(&self, key: &Key, row: Row) -> [[u64; LANES]; 2] {
        let mut words = [[0; LANES]; 2];
        for lane in 0..LANES {
            let product = M1.wrapping_mul((row.second_c2 ^ self.second_c2[lane]) & 0xffff_ffff);
            let mut c0 = (product >> 32) ^ self.third_c0[lane];
            let mut c1 = product;
            let mut c2 = self.third_c2[lane] ^ row.second_c3;
            let mut c3 = self.third_c3[lane];
            for round in 3..ROUNDS {
                let [k0, k1] = key.wide[round];
                let product0 = M0.wrapping_mul(c0 & 0xffff_ffff);
                let product1 = M1.wrapping_mul(c2 & 0xffff_ffff);
                c0 = (product1 >> 32) ^ c1 ^ k0;
                c2 = (product0 >> 32) ^ c3 ^ k1;
                c1 = product1;
                c3 = product0;
            }
            words[0][lane] = (c0 & 0xffff_ffff) | (c1 << 32);
            words[1][lane] = (c2 & 0xffff_ffff) | (c3 << 32);
        }
        words
    }
}

impl Row {
    /// A scenario of a domain.
    #[inline]
    pub(crate) fn new(key: &Key, scenario: u32, domain: u32) -> Self {
        let (high1, _) = product(M1, domain);
        let (high0, low0) = product(M0, high1 ^ scenario ^ key.rounds[0][0]);
        Self {
            second_c2: u64::from(high0),
            second_c3: u64::from(low0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123, `tests/kat_vectors`: counter, key, result.
    #[test]
    fn known_answers() {
        let vectors: [(Block, [u32; 2], Block); 3] = [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, result) in vectors {
            assert_eq!(Key::new(key).block(counter), result);
        }
    }

    #[test]
    fn prepared_lanes_are_the_same_blocks() {
        let key = Key::new([0xa409_3822, 0x299f_31d0]);
        for (first, scenario, domain) in
            [(0, 0, 0), (4, 7, 1), (4_000, 999_999, 2), (12, u32::MAX, 9)]
        {
            let words = Prepared::<4>::new(&key, first, domain)
                .blocks(&key, Row::new(&key, scenario, domain));
            for lane in 0..4_u32 {
                let block = key.block([first + lane, scenario, domain, 0]);
                let lane = usize::try_from(lane).unwrap();
                let [first, last] = words.map(|words| words[lane]);
                assert_eq!([low(first), high(first), low(last), high(last)], block);
            }
        }
    }
}
