//! Scrambled Sobol sequences, addressed by sample and point.
//!
//! Direction numbers: Joe and Kuo, *SIAM Journal on Scientific Computing* 30, 2008 (`new-joe-kuo-6`), from the crate
//! `sobol`. A point is the exclusive or of the direction numbers at the set bits of its index (not of the index's
//! Gray code: the same points in another order). Each sample has its own linear scrambling, a random lower triangular
//! matrix with ones on the diagonal over the bits of each coordinate, and its own digital shift (Matoušek, *Journal of
//! Complexity* 14, 1998): every point is uniform, so every sample's mean is without bias, and the spread of the
//! samples' results is their error (Owen, *Monte Carlo Variance and Scrambled Net Quadrature*, 1997).

use sobol::{SobolParams, params::JoeKuoD6};

use super::{SCRAMBLES, join, philox::Key};

/// Independent samples of a run. Scenario s is point s / 16 of sample s mod 16.
pub const SAMPLES: u32 = 16;

const BITS: usize = 32;

/// One coordinate of one sample.
#[derive(Clone, Debug)]
struct Coordinate {
    directions: [u32; BITS],
    shift: u64,
}

/// All coordinates of all samples.
#[derive(Clone, Debug)]
pub(crate) struct Sequences {
    coordinates: Vec<Coordinate>,
    dimensions: usize,
}

impl Sequences {
    pub(crate) fn new(key: &Key, dimensions: usize) -> Self {
        let plain: Vec<_> = directions(dimensions);
        let coordinates = (0..SAMPLES)
            .flat_map(|sample| {
                (0_u32..)
                    .zip(&plain)
                    .map(move |(dimension, plain)| (sample, dimension, plain))
            })
            .map(|(sample, dimension, plain)| scramble(key, sample, dimension, plain))
            .collect();
        Self {
            coordinates,
            dimensions,
        }
    }

    /// 64 bits whose 32 leading ones are the point's coordinate.
    #[inline]
    pub(crate) fn word(&self, scenario: u32, dimension: usize) -> u64 {
        let sample = (scenario % SAMPLES) as usize;
        let coordinate = &self.coordinates[sample * self.dimensions + dimension];
        let mut index = scenario / SAMPLES;
        let mut point = 0;
        while index != 0 {
            point ^= coordinate.directions[index.trailing_zeros() as usize];
            index &= index - 1;
        }
        join(0, point) ^ coordinate.shift
    }
}

/// Joe and Kuo's recurrence (their equations 2 and 3).
fn directions(dimensions: usize) -> Vec<[u32; BITS]> {
    let parameters = JoeKuoD6::minimal();
    let first = std::array::from_fn(|bit| 1 << (BITS - 1 - bit));
    let others = (2..=dimensions).map(|dimension| {
        let dimension = parameters.get_dim(dimension);
        let degree = dimension.s();
        let mut v = [0_u32; BITS];
        for k in 0..BITS {
            v[k] = if k < degree {
                dimension.m(k) << (BITS - 1 - k)
            } else {
                let taps = (1..degree).filter(|i| dimension.coefficient(degree - 1 - i) == 1);
                taps.fold(v[k - degree] ^ (v[k - degree] >> degree), |all, i| {
                    all ^ v[k - i]
                })
            };
        }
        v
    });
    std::iter::once(first)
        .chain(others)
        .take(dimensions)
        .collect()
}

fn scramble(key: &Key, sample: u32, dimension: u32, plain: &[u32; BITS]) -> Coordinate {
    let block = |number: u32| key.block([dimension * 16 + number, sample, SCRAMBLES, 0]);
    let mut rows = [0_u32; BITS];
    for (number, rows) in (0..).zip(rows.chunks_exact_mut(4)) {
        rows.copy_from_slice(&block(number));
    }
    for (bit, row) in rows.iter_mut().enumerate() {
        let diagonal = 1_u32 << (BITS - 1 - bit);
        *row = *row & !(diagonal - 1) | diagonal;
    }
    let matrix = |vector: u32| {
        (0..BITS).fold(0, |all, bit| {
            all | ((rows[bit] & vector).count_ones() & 1) << (BITS - 1 - bit)
        })
    };
    let [low, high, ..] = block(8);
    Coordinate {
        directions: plain.map(matrix),
        shift: join(low, high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crate walks the same points in the order of the Gray code.
    #[test]
    fn directions_are_the_crates() {
        let directions = directions(16);
        let sequence = sobol::Sobol::<u32>::new(16, &JoeKuoD6::minimal());
        for (index, point) in (0_u32..300).zip(sequence) {
            let gray = index ^ (index >> 1);
            for (dimension, &word) in point.iter().enumerate() {
                let ours = (0..32)
                    .filter(|bit| gray >> bit & 1 == 1)
                    .fold(0, |all, bit| all ^ directions[dimension][bit]);
                assert_eq!(ours, word, "point {index}, dimension {dimension}");
            }
        }
    }

    /// Each sample's first 2^k points have one in each interval of length 2^-k.
    #[test]
    fn samples_are_stratified() {
        let sequences = Sequences::new(&Key::new([1, 2]), 5);
        for dimension in 0..5 {
            let mut seen: Vec<_> = (0..256)
                .map(|point| sequences.word(point * SAMPLES + 3, dimension) >> 56)
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..256).collect::<Vec<_>>());
        }
    }
}
