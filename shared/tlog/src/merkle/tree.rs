//! The tree as it grows.

use super::{EMPTY_ROOT, Hash, Nodes, PathError, node_hash};
use crate::MAX_SIZE;

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
    /// `None` when the number of hashes is another, or the size is over [`MAX_SIZE`].
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
        return Some(Hash::from_bytes(*only));
    }
    let mut row = [EMPTY_ROOT; 128];
    let mut width = hashes.len() / 2;
    for (parent, [left, right]) in row.iter_mut().zip(hashes.as_chunks::<2>().0) {
        *parent = node_hash(&Hash::from_bytes(*left), &Hash::from_bytes(*right));
    }
    while width > 1 {
        width /= 2;
        for at in 0..width {
            row[at] = node_hash(&row[2 * at], &row[2 * at + 1]);
        }
    }
    Some(row[0])
}
