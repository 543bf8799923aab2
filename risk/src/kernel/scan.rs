//! Finds the names that may be in a worse state in one scenario.

use crate::random::philox::{Key, Prepared, Row};

/// Blocks that are computed at once.
const LANES: usize = 16;
/// Names a chunk: eight draws of 16 bits in each block.
pub(crate) const CHUNK: usize = LANES * 8;
const WORDS: usize = CHUNK / 4;
/// Words that are compared together.
const FEW: usize = 4;

/// The parts of all names' blocks that are the same in every scenario.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    key: Key,
    domain: u32,
    chunks: Vec<Prepared<LANES>>,
}

impl Draws {
    pub(crate) fn new(key: Key, domain: u32, names: usize) -> Self {
        let first = (0_u32..).step_by(LANES).take(names.div_ceil(CHUNK));
        Self {
            key,
            domain,
            chunks: first
                .map(|first| Prepared::new(&key, first, domain))
                .collect(),
        }
    }

    /// Calls `found(name, draw)` for each name whose draw is below its limit.
    ///
    /// Nearly no name's is, so 128 names are compared at once, and looked at one by one only where one is below.
    #[inline]
    pub(crate) fn scan(
        &self,
        scenario: u32,
        limits: &[[u16; CHUNK]],
        mut found: impl FnMut(usize, u16),
    ) {
        let row = Row::new(&self.key, scenario, self.domain);
        for (chunk, (prepared, limits)) in self.chunks.iter().zip(limits).enumerate() {
            let draws: [u16; CHUNK] = bytemuck::cast(prepared.blocks(&self.key, row));
            let below = below(&draws, limits);
            for (few, words) in below.as_chunks::<FEW>().0.iter().enumerate() {
                if words.iter().fold(0, |all, word| all | word) == 0 {
                    continue;
                }
                for (position, &word) in words.iter().enumerate() {
                    let mut rest = word;
                    while rest != 0 {
                        let lane = (few * FEW + position) * 4 + rest.trailing_zeros() as usize / 16;
                        found(chunk * CHUNK + lane, draws[lane % CHUNK]);
                        rest &= !(0xffff << (lane % 4 * 16));
                    }
                }
            }
        }
    }
}

/// By how much each draw is below its limit, or zero; four to a word.
#[inline]
fn below(draws: &[u16; CHUNK], limits: &[u16; CHUNK]) -> [u64; WORDS] {
    let mut below = [0_u16; CHUNK];
    for lane in 0..CHUNK {
        below[lane] = limits[lane].saturating_sub(draws[lane]);
    }
    bytemuck::cast(below)
}

// Lanes are the halves of words in the order of a little-endian machine, which all our targets are.
const _: () = assert!(cfg!(target_endian = "little"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{DRAWS, draw};

    #[test]
    fn draws_are_where_they_are_addressed() {
        let key = Key::new([7, 9]);
        let draws = Draws::new(key, DRAWS, 300);
        let mut found = Vec::new();
        draws.scan(12_345, &[[u16::MAX; CHUNK]; 3], |name, draw| {
            found.push((name, draw));
        });
        assert_eq!(found.len(), 384);
        for (name, drawn) in found {
            assert_eq!(
                drawn,
                draw(&key, DRAWS, 12_345, u32::try_from(name).unwrap())
            );
        }
    }
}
