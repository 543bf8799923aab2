//! Transparency-log formats: RFC 9162 trees and the C2SP documents, to the byte.
//!
//! | module | specification |
//! | --- | --- |
//! | [`merkle`] | RFC 9162, 2.1 (the same trees as RFC 6962) |
//! | [`tiles`] | c2sp.org/tlog-tiles |
//! | [`note`](mod@note) | c2sp.org/signed-note |
//! | [`checkpoint`] | c2sp.org/tlog-checkpoint |
//! | [`cosignature`] | c2sp.org/tlog-cosignature (Ed25519) |
//! | [`witness`] | c2sp.org/tlog-witness |
//! | [`proof`] | c2sp.org/tlog-proof |
//! | [`policy`] | c2sp.org/tlog-policy |
//! | [`leaf`] | our own entry, version 1 |
//! | [`anchor`] | our own payload on a chain, version 1 |
//!
//! Everything here is a function of its arguments: no clock, no I/O, no randomness. A parser's input may come from
//! anybody. So its length is bounded, parsing never panics, and what is accepted renders to the same bytes. (The
//! exception is [`policy`], which is read and never written.)
//!
//! Not here: where tiles are stored, when a checkpoint may be signed, whom to trust.

pub mod anchor;
pub mod checkpoint;
pub mod cosignature;
#[cfg(test)]
mod fixtures;
mod key;
pub mod leaf;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof;
mod text;
pub mod tiles;
pub mod witness;

/// The size of the largest tree: what PostgreSQL's `int8` counts, and what the 63 hashes of a tlog-witness request can
/// prove. Every parser refuses a larger size.
pub const MAX_SIZE: u64 = i64::MAX.unsigned_abs();
