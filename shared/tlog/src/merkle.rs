//! The Merkle tree of RFC 9162, section 2.1, over SHA-256.
//!
//! ```text
//! MTH({})   = SHA-256()
//! MTH({d0}) = SHA-256(0x00 || d0)
//! MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])),  k the largest power of two below n
//! ```
//!
//! A *node* is a complete subtree: the node of level `l` and index `i` covers the entries
//! `i * 2^l .. (i + 1) * 2^l`. Once there it never changes, so nodes are what is stored; the root of
//! any tree and every proof is computed from at most two paths of them ([`Nodes`]).
//!
//! Not here: where nodes are stored ([`crate::tiles`] is one place), and who says what the root is. An
//! inclusion proof alone does not bind the size: trees of several sizes can share the shape of one
//! path. The size and the root come together, from a signed checkpoint.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    fmt,
    hash::BuildHasher,
    str::FromStr,
};

use ring::digest::{Context, SHA256, digest};

use crate::{MAX_SIZE, text};

/// A SHA-256 hash. Its text is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// Not the text of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the text of a SHA-256 hash")]
pub struct InvalidHash;

impl Hash {
    /// The hash of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 44 characters of Base 64.
    ///
    /// # Errors
    ///
    /// [`InvalidHash`]: it is not the one notation of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, InvalidHash> {
        if text.len() != 44 {
            return Err(InvalidHash);
        }
        let bytes = text::from_base64(text).ok_or(InvalidHash)?;
        bytes.try_into().map(Self).map_err(|_| InvalidHash)
    }

    /// As the C2SP documents write it.
    #[must_use]
    pub fn to_base64(&self) -> String {
        text::to_base64(&self.0)
    }

    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`InvalidHash`]: it is not that.
    pub fn from_hex(text: &str) -> Result<Self, InvalidHash> {
        text::from_hex(text.as_bytes()).map(Self).ok_or(InvalidHash)
    }
}

impl FromStr for Hash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        Self::from_hex(text)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Five of them are in every entry: digit by digit through the formatter takes three times as long.
        let mut digits = [0; 64];
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(&self.0) {
            *pair = [byte >> 4, byte & 0xf].map(|nibble| b"0123456789abcdef"[usize::from(nibble)]);
        }
        f.pad(str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The root of the tree of no entries: the hash of nothing.
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// The hash of an entry: `SHA-256(0x00 || entry)`.
#[must_use]
#[inline]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    #[cfg(test)]
    counted::hash();
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    finished(context)
}

/// The hash of two subtrees: `SHA-256(0x01 || left || right)`.
#[must_use]
#[inline]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    #[cfg(test)]
    counted::hash();
    // In one piece: whole blocks are then hashed where they lie.
    let mut input = [1; 65];
    input[1..33].copy_from_slice(&left.0);
    input[33..].copy_from_slice(&right.0);
    sha256(&input)
}

#[inline]
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    to_hash(digest(&SHA256, bytes))
}

#[inline]
pub(crate) fn finished(context: Context) -> Hash {
    to_hash(context.finish())
}

#[inline]
fn to_hash(digest: ring::digest::Digest) -> Hash {
    Hash(
        digest
            .as_ref()
            .try_into()
            .expect("SHA-256 is 32 bytes long"),
    )
}

/// A growing tree, known by its right edge: the roots of the complete subtrees its size is made of,
/// largest first. Adding an entry costs about two hashes, however large the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    edge: Vec<Hash>,
}

impl Tree {
    /// The tree of no entries.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            edge: Vec::new(),
        }
    }

    /// The tree with this right edge: one hash for each bit set in the size, largest subtree first.
    /// `None` when they are not as many, or the size is over [`MAX_SIZE`].
    #[must_use]
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Option<Self> {
        let fits = size <= MAX_SIZE && usize::try_from(size.count_ones()) == Ok(edge.len());
        fits.then_some(Self { size, edge })
    }

    /// The tree of the first `size` entries of a log.
    ///
    /// # Errors
    ///
    /// Out of range: the size is over [`MAX_SIZE`]. Or as `nodes` fails.
    pub fn from_nodes<N: Nodes>(size: u64, nodes: &N) -> Result<Self, PathError<N::Error>> {
        if size > MAX_SIZE {
            return Err(PathError::OutOfRange);
        }
        let levels = (0..64_u8).rev().filter(|level| size >> level & 1 == 1);
        let edge = levels
            .map(|level| nodes.node(level, (size >> level) - 1))
            .collect::<Result<_, _>>();
        Ok(Self {
            size,
            edge: edge.map_err(PathError::Nodes)?,
        })
    }

    /// How many entries it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The right edge, largest subtree first.
    #[must_use]
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Adds an entry by its leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _| ());
    }

    /// Adds an entry by its leaf hash, and tells each node (level, hash) that this completes, the leaf
    /// first.
    pub fn push_with(&mut self, leaf: Hash, completed: impl FnMut(u8, Hash)) {
        self.append(0, leaf, completed);
    }

    /// Adds a complete subtree of `2^level` entries by its root.
    ///
    /// # Errors
    ///
    /// [`Misaligned`]: the size is no multiple of `2^level`, or would pass [`MAX_SIZE`].
    pub fn push_subtree(&mut self, level: u8, root: Hash) -> Result<(), Misaligned> {
        let width = 1_u64.checked_shl(level.into()).ok_or(Misaligned)?;
        let fits = self
            .size
            .checked_add(width)
            .is_some_and(|size| size <= MAX_SIZE);
        if !fits || !self.size.is_multiple_of(width) {
            return Err(Misaligned);
        }
        self.append(level, root, |_, _| ());
        Ok(())
    }

    fn append(&mut self, level: u8, root: Hash, mut completed: impl FnMut(u8, Hash)) {
        let (mut at, mut hash) = (level, root);
        completed(at, hash);
        // A bit set in the size is a subtree on the edge: the new one meets its equal, as in a carry.
        while self.size >> at & 1 == 1 {
            let Some(left) = self.edge.pop() else { break };
            hash = node_hash(&left, &hash);
            at += 1;
            completed(at, hash);
        }
        self.edge.push(hash);
        self.size += 1 << level;
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut subtrees = self.edge.iter().rev();
        let Some(smallest) = subtrees.next() else {
            return EMPTY_ROOT;
        };
        subtrees.fold(*smallest, |right, left| node_hash(left, &right))
    }
}

/// A subtree does not fit at the end of this tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a subtree does not begin at this size of the tree")]
pub struct Misaligned;

/// The root of `2^h` hashes, at most 256 of them, without an allocation. `None` when they are not a
/// power of two.
#[must_use]
pub fn subtree_root(hashes: &[[u8; 32]]) -> Option<Hash> {
    if !hashes.len().is_power_of_two() || hashes.len() > 256 {
        return None;
    }
    if let [only] = hashes {
        return Some(Hash(*only));
    }
    let mut row = [Hash([0; 32]); 128];
    let mut width = hashes.len() / 2;
    for (parent, [left, right]) in row.iter_mut().zip(hashes.as_chunks::<2>().0) {
        *parent = node_hash(&Hash(*left), &Hash(*right));
    }
    while width > 1 {
        width /= 2;
        for at in 0..width {
            row[at] = node_hash(&row[2 * at], &row[2 * at + 1]);
        }
    }
    Some(row[0])
}

/// A proof that does not prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not verify")]
pub struct InvalidProof;

/// RFC 9162, 2.1.3.2: that `leaf` is the leaf hash at `index` in the tree of `size` and `root`.
///
/// # Errors
///
/// [`InvalidProof`]: it does not verify.
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
/// From a size of zero there is nothing to verify, and nothing is: every tree begins with no entry.
/// Where zero may occur on the wire ([`crate::witness`]), the proof must be empty there.
///
/// # Errors
///
/// [`InvalidProof`]: it does not verify, or the old size is zero, or above the new one.
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

/// Where the nodes of a log are: its complete subtrees, by level (0 = leaf hashes) and index.
pub trait Nodes {
    /// Why one could not be had.
    type Error;

    /// The hash of the node.
    ///
    /// # Errors
    ///
    /// It could not be had.
    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// A node that was not handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node at level {level}, index {index} is missing")]
pub struct MissingNode {
    /// Its level.
    pub level: u8,
    /// Its index in that level.
    pub index: u64,
}

impl Nodes for BTreeMap<(u8, u64), Hash> {
    type Error = MissingNode;

    fn node(&self, level: u8, index: u64) -> Result<Hash, MissingNode> {
        self.get(&(level, index))
            .copied()
            .ok_or(MissingNode { level, index })
    }
}

impl<S: BuildHasher> Nodes for HashMap<(u8, u64), Hash, S> {
    type Error = MissingNode;

    fn node(&self, level: u8, index: u64) -> Result<Hash, MissingNode> {
        self.get(&(level, index))
            .copied()
            .ok_or(MissingNode { level, index })
    }
}

/// Why a path could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError<E> {
    /// There is no such path: the index is not below the size, the old size is above the new one, or a
    /// size is over [`MAX_SIZE`].
    #[error("the index or the size is out of range")]
    OutOfRange,
    /// A node could not be had.
    #[error("a node of the tree could not be read")]
    Nodes(#[source] E),
}

/// RFC 9162, 2.1.3.1: `PATH(index, D[size])`, the leaf's sibling first.
///
/// # Errors
///
/// Out of range: `index >= size`. Or as `nodes` fails.
pub fn inclusion_path<N: Nodes>(
    index: u64,
    size: u64,
    nodes: &N,
) -> Result<Vec<Hash>, PathError<N::Error>> {
    if index >= size || size > MAX_SIZE {
        return Err(PathError::OutOfRange);
    }
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range_root(middle, end, nodes).map_err(PathError::Nodes)?);
            end = middle;
        } else {
            path.push(range_root(start, middle, nodes).map_err(PathError::Nodes)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// RFC 9162, 2.1.4.1: `PROOF(old, D[new])`. Empty from a size of zero, and from a size to itself.
///
/// # Errors
///
/// Out of range: `old > new`. Or as `nodes` fails.
pub fn consistency_path<N: Nodes>(
    old: u64,
    new: u64,
    nodes: &N,
) -> Result<Vec<Hash>, PathError<N::Error>> {
    if old > new || new > MAX_SIZE {
        return Err(PathError::OutOfRange);
    }
    let mut path = Vec::new();
    if old == 0 {
        return Ok(path);
    }
    // SUBPROOF(old - start, D[start:end], start == 0): who verifies has the root of a subtree that the
    // old tree begins with, and of no other.
    let (mut start, mut end) = (0, new);
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(range_root(middle, end, nodes).map_err(PathError::Nodes)?);
            end = middle;
        } else {
            path.push(range_root(start, middle, nodes).map_err(PathError::Nodes)?);
            start = middle;
        }
    }
    if start != 0 {
        path.push(range_root(start, end, nodes).map_err(PathError::Nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// The nodes [`inclusion_path`] will ask for; `None` when out of range.
#[must_use]
pub fn inclusion_nodes(index: u64, size: u64) -> Option<Vec<(u8, u64)>> {
    asked_for(|nodes| inclusion_path(index, size, nodes).map(|_| ()))
}

/// The nodes [`consistency_path`] will ask for; `None` when out of range.
#[must_use]
pub fn consistency_nodes(old: u64, new: u64) -> Option<Vec<(u8, u64)>> {
    asked_for(|nodes| consistency_path(old, new, nodes).map(|_| ()))
}

fn asked_for<E>(path: impl FnOnce(&Asked) -> Result<(), E>) -> Option<Vec<(u8, u64)>> {
    let asked = Asked(RefCell::default());
    path(&asked).ok()?;
    Some(asked.0.into_inner())
}

struct Asked(RefCell<Vec<(u8, u64)>>);

impl Nodes for Asked {
    type Error = std::convert::Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        self.0.borrow_mut().push((level, index));
        Ok(EMPTY_ROOT)
    }
}

/// The largest power of two below `n`, of at least 2.
const fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// `MTH(D[start:end])`, for a start at which a subtree of that length may begin: its complete subtrees,
/// the smallest and rightmost first.
fn range_root<N: Nodes>(start: u64, end: u64, nodes: &N) -> Result<Hash, N::Error> {
    let (mut root, mut at) = (EMPTY_ROOT, end);
    for level in (0..64_u8).filter(|level| (end - start) >> level & 1 == 1) {
        let right = (at != end).then_some(root);
        at -= 1 << level;
        let left = nodes.node(level, at >> level)?;
        root = right.map_or(left, |right| node_hash(&left, &right));
    }
    Ok(root)
}

/// How many hashes this thread has computed: what a test of "costs the batch, not the tree" counts.
#[cfg(test)]
pub(crate) mod counted {
    use std::cell::Cell;

    thread_local!(static HASHES: Cell<u64> = const { Cell::new(0) });

    pub(crate) fn hash() {
        HASHES.with(|hashes| hashes.set(hashes.get() + 1));
    }

    pub(crate) fn hashes() -> u64 {
        HASHES.with(Cell::get)
    }
}

#[cfg(test)]
mod tests;
