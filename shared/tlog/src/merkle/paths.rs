//! RFC 9162, 2.1.3.1 and 2.1.4.1: inclusion and consistency paths, computed from the nodes of a log.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    hash::BuildHasher,
};

use super::{EMPTY_ROOT, Hash, node_hash};
use crate::MAX_SIZE;

/// The nodes of a log: its complete subtrees, by level (0 = leaf hashes) and index.
pub trait Nodes {
    /// Why a node could not be read.
    type Error;

    /// The hash of the node.
    ///
    /// # Errors
    ///
    /// The node could not be read.
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
    /// A node could not be read.
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
    // SUBPROOF(old - start, D[start:end], start == 0): the verifier has the root of a subtree only if the subtree is
    // where the old tree begins.
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
pub(super) const fn split(n: u64) -> u64 {
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
