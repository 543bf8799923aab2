//! Keys whose private key is known, easily found, or not needed. The database has the same rules
//! (`fixed.ed25519_key_acceptable`, `fixed.rsa_modulus_weak`).

/// Whether octets are no canonical point, or one of the eight points of small order: for those, anybody
/// makes signatures that hold. That the point is on its curve, `ring` checks.
pub(super) fn is_ed25519_weak(x: &[u8; 32]) -> bool {
    // y, the lowest octet first. The highest bit is the sign of x.
    let mut y = *x;
    y[31] &= 0x7f;
    let mut most_significant_first = y;
    most_significant_first.reverse();
    most_significant_first >= PRIME || SMALL_ORDER.contains(&y)
}

/// 2^255 - 19, the highest octet first.
const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0x7f;
    prime[31] = 0xed;
    prime
};

/// The values of y of the points A with 8A = 0: of order 4, 1, 2 and 8.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// Whether a modulus, the highest octet first, is 2^k - 1, has a factor below 752 (NIST SP 800-89,
/// 5.3.3), or has the fingerprint of CVE-2017-15361 (ROCA).
pub(super) fn is_modulus_weak(n: &[u8]) -> bool {
    let first = n.first().copied().unwrap_or_default();
    let is_all_ones =
        first & first.wrapping_add(1) == 0 && n.iter().skip(1).all(|&byte| byte == 0xff);
    is_all_ones || PRIMES.iter().any(|&prime| residue(n, prime) == 0) || is_roca(n)
}

/// Modulo each of these primes the modulus is a power of 65537. Of random moduli, one in 2^27 is.
fn is_roca(n: &[u8]) -> bool {
    PRIMES
        .iter()
        .take_while(|&&prime| prime <= ROCA_PRIME_MAX)
        .all(|&prime| {
            let (generator, residue) = (65_537 % prime, residue(n, prime));
            let mut power = 1;
            loop {
                if power == residue {
                    return true;
                }
                power = power * generator % prime;
                if power == 1 {
                    return false;
                }
            }
        })
}

fn residue(n: &[u8], prime: u32) -> u32 {
    n.iter()
        .fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime)
}

/// The greatest prime of the published fingerprint.
const ROCA_PRIME_MAX: u32 = 167;

/// The odd primes below 752.
#[rustfmt::skip]
const PRIMES: [u32; 132] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193,
    197, 199, 211, 223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307,
    311, 313, 317, 331, 337, 347, 349, 353, 359, 367, 373, 379, 383, 389, 397, 401, 409, 419, 421,
    431, 433, 439, 443, 449, 457, 461, 463, 467, 479, 487, 491, 499, 503, 509, 521, 523, 541, 547,
    557, 563, 569, 571, 577, 587, 593, 599, 601, 607, 613, 617, 619, 631, 641, 643, 647, 653, 659,
    661, 673, 677, 683, 691, 701, 709, 719, 727, 733, 739, 743, 751,
];
