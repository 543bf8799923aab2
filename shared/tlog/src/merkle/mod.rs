//! The Merkle tree of RFC 9162, section 2.1, over SHA-256.
//!
//! ```text
//! MTH({})   = SHA-256()
//! MTH({d0}) = SHA-256(0x00 || d0)
//! MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])),  k the largest power of two below n
//! ```
//!
//! A *node* is a complete subtree: the node of level `l` and index `i` covers the entries
//! `i * 2^l .. (i + 1) * 2^l`. A node never changes, so nodes are what is stored. The root of any tree and every proof
//! is computed from at most two paths of nodes ([`Nodes`]).
//!
//! An inclusion proof alone does not bind the size: trees of several sizes can share the shape of one path. So the size
//! and the root must come together, from a signed checkpoint.
//!
//! Not here: where nodes are stored ([`crate::tiles`] is one place), and who vouches for a root.

mod hash;
mod paths;
mod tree;
mod verify;

#[cfg(test)]
pub(crate) use self::hash::counted;
pub(crate) use self::hash::{finished, sha256};
pub use self::{
    hash::{EMPTY_ROOT, Hash, InvalidHash, leaf_hash, node_hash},
    paths::{
        MissingNode, Nodes, PathError, consistency_nodes, consistency_path, inclusion_nodes,
        inclusion_path,
    },
    tree::{Misaligned, Tree, subtree_root},
    verify::{InvalidProof, verify_consistency, verify_inclusion},
};

#[cfg(test)]
mod tests;
