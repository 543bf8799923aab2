//! What an anchor on a chain carries: a checkpoint, in the data of a transaction.
//!
//! ```text
//! "optkas/anchor/v1" (16 bytes) || u64be size || root (32) || checkpoint hash (32)        88 bytes
//! ```
//!
//! The checkpoint hash is the SHA-256 of the checkpoint as the log alone signed it: text, empty line, and
//! the log's one signature line with its newline. Cosignatures are left out: they are added later.
//!
//! Not here: the transaction around it, and the chain.

use crate::{
    MAX_SIZE,
    checkpoint::{Checkpoint, InvalidCheckpoint},
    merkle::{Hash, sha256},
    note::{Note, VerifierKey},
};

const TAG: [u8; 16] = *b"optkas/anchor/v1";

/// The length of a payload.
pub const PAYLOAD_BYTES: usize = 88;

/// A checkpoint as a chain carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The tree's size.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
    /// [`checkpoint_hash`].
    pub checkpoint_hash: Hash,
}

/// The data is not an anchor's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the payload of an anchor")]
pub struct InvalidPayload;

impl Payload {
    /// The payload for a checkpoint, which this key must have signed.
    ///
    /// # Errors
    ///
    /// [`InvalidCheckpoint`]: the note is no checkpoint, its origin is not the key's name, or the key did not sign it.
    pub fn of(note: &Note, key: &VerifierKey) -> Result<Self, InvalidCheckpoint> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin() != key.name() || note.verify(key).is_err() {
            return Err(InvalidCheckpoint);
        }
        let checkpoint_hash = checkpoint_hash(note, key).ok_or(InvalidCheckpoint)?;
        Ok(Self {
            size: checkpoint.size(),
            root: *checkpoint.root(),
            checkpoint_hash,
        })
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; PAYLOAD_BYTES] {
        let mut bytes = [0; PAYLOAD_BYTES];
        bytes[..16].copy_from_slice(&TAG);
        bytes[16..24].copy_from_slice(&self.size.to_be_bytes());
        bytes[24..56].copy_from_slice(self.root.as_bytes());
        bytes[56..].copy_from_slice(self.checkpoint_hash.as_bytes());
        bytes
    }

    /// Reads the data of a transaction.
    ///
    /// # Errors
    ///
    /// [`InvalidPayload`]: the data is not a payload, byte for byte.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidPayload> {
        let rest = bytes.strip_prefix(&TAG).ok_or(InvalidPayload)?;
        let (size, rest) = rest.split_first_chunk().ok_or(InvalidPayload)?;
        let (root, rest) = rest.split_first_chunk().ok_or(InvalidPayload)?;
        let checkpoint_hash = rest.try_into().map_err(|_| InvalidPayload)?;
        let size = u64::from_be_bytes(*size);
        if size > MAX_SIZE {
            return Err(InvalidPayload);
        }
        Ok(Self {
            size,
            root: Hash::from_bytes(*root),
            checkpoint_hash: Hash::from_bytes(checkpoint_hash),
        })
    }
}

/// The hash of the note as this key alone signed it; `None` when no line names the key. Nothing is
/// verified.
#[must_use]
pub fn checkpoint_hash(note: &Note, key: &VerifierKey) -> Option<Hash> {
    Some(sha256(note.only(key)?.to_string().as_bytes()))
}

#[cfg(test)]
mod tests;
