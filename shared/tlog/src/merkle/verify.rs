//! RFC 9162, 2.1.3.2 and 2.1.4.2: verifying, step by step.

use super::{Hash, node_hash};
use crate::MAX_SIZE;

/// The proof does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not verify")]
pub struct InvalidProof;

/// RFC 9162, 2.1.3.2: that `leaf` is the leaf hash at `index` in the tree of `size` and `root`.
///
/// # Errors
///
/// [`InvalidProof`].
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    path: &[Hash],
    root: &Hash,
) -> Result<(), InvalidProof> {
    // 1. The index is in the tree.
    if index >= size || size > MAX_SIZE {
        return Err(InvalidProof);
    }
    // 2. and 3.
    let (mut fn_, mut sn) = (index, size - 1);
    let mut r = *leaf;
    // 4. Up the path.
    for p in path {
        // a.
        if sn == 0 {
            return Err(InvalidProof);
        }
        // b.
        if fn_ & 1 == 1 || fn_ == sn {
            r = node_hash(p, &r);
            skip_missing_levels(&mut fn_, &mut sn);
        } else {
            r = node_hash(&r, p);
        }
        // c.
        fn_ >>= 1;
        sn >>= 1;
    }
    // 5. At the top, and there is the root.
    if sn == 0 && r == *root {
        Ok(())
    } else {
        Err(InvalidProof)
    }
}

/// RFC 9162, 2.1.4.2: that the tree of `old_size` and `old_root` is what the tree of `new_size` and
/// `new_root` begins with. Two trees of one size need equal roots and no path.
///
/// An old size of zero is refused: every tree is consistent with the empty one, so no path could prove more. Where zero
/// may occur on the wire ([`crate::witness`]), the path must be empty.
///
/// # Errors
///
/// [`InvalidProof`]: the path does not verify, the old size is zero, or the old size is above the new one.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), InvalidProof> {
    if old_size == 0 || old_size > new_size || new_size > MAX_SIZE {
        return Err(InvalidProof);
    }
    if old_size == new_size {
        return if path.is_empty() && old_root == new_root {
            Ok(())
        } else {
            Err(InvalidProof)
        };
    }
    // 1. An empty path proves nothing. 2. A complete old tree is itself the first node of the path.
    let (first, rest) = if old_size.is_power_of_two() && !path.is_empty() {
        (old_root, path)
    } else {
        path.split_first().ok_or(InvalidProof)?
    };
    // 3.
    let (mut fn_, mut sn) = (old_size - 1, new_size - 1);
    // 4. Up to the first node that is not a right child.
    let levels = fn_.trailing_ones();
    fn_ >>= levels;
    sn >>= levels;
    // 5.
    let (mut fr, mut sr) = (*first, *first);
    // 6. Up the path.
    for c in rest {
        // a.
        if sn == 0 {
            return Err(InvalidProof);
        }
        // b.
        if fn_ & 1 == 1 || fn_ == sn {
            fr = node_hash(c, &fr);
            sr = node_hash(c, &sr);
            skip_missing_levels(&mut fn_, &mut sn);
        } else {
            sr = node_hash(&sr, c);
        }
        // c.
        fn_ >>= 1;
        sn >>= 1;
    }
    // 7. At the top, and there are both roots.
    if sn == 0 && fr == *old_root && sr == *new_root {
        Ok(())
    } else {
        Err(InvalidProof)
    }
}

/// 4.b/6.b of both: the last node of a row without a sibling rises until it has one. `fn` is not zero
/// here: it is odd, or equal to `sn`, which is not.
fn skip_missing_levels(fn_: &mut u64, sn: &mut u64) {
    let levels = fn_.trailing_zeros();
    *fn_ >>= levels;
    *sn >>= levels;
}
