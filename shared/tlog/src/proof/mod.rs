//! c2sp.org/tlog-proof: a proof that an entry is in a log, verified offline. The gateway's receipts are such proofs.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! [extra <base64>]
//! index <decimal>
//! <inclusion path, one base64 hash a line, the leaf's sibling first>
//! <empty line>
//! <checkpoint, a signed note, with its cosignatures>
//! ```
//!
//! In the gateway's receipts `extra` is the entry's bytes. The specification says that `extra` must not be trusted. It
//! is not: [`Proof::verify`] hashes the bytes, and the path and the checkpoint say whether the log has this entry.
//!
//! Not here: what the entry says ([`crate::leaf`]), and whom to trust ([`crate::policy`]).

use std::fmt;

use crate::{
    checkpoint::Checkpoint,
    merkle::{Hash, InvalidProof, leaf_hash, verify_inclusion},
    note::{MAX_NOTE_BYTES, Note},
    policy::{Accepted, Policy, Rejected},
    text,
    tiles::MAX_ENTRY_BYTES,
    witness::{MAX_PATH, parse_path, split_head, write_path},
};

/// The longest proof that is read: a note, an entry in Base 64 and a path.
pub const MAX_PROOF_BYTES: usize = MAX_NOTE_BYTES + MAX_ENTRY_BYTES.div_ceil(3) * 4 + 4096;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A proof. Unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<Hash>,
    checkpoint: Checkpoint,
    note: Note,
}

/// Not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a transparency log's proof")]
pub struct Malformed;

/// Why a proof is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The proof holds no entry.
    #[error("the proof holds no entry")]
    NoEntry,
    /// The policy does not accept the checkpoint.
    #[error("the policy does not accept the checkpoint")]
    Checkpoint(#[source] Rejected),
    /// The entry is not at that place of the checkpoint's tree.
    #[error("the entry is not in the tree of the checkpoint")]
    NotIncluded,
}

impl Proof {
    /// A proof. The path is not verified.
    ///
    /// # Errors
    ///
    /// [`Malformed`]: the note is no checkpoint, its tree has no such index, the path is longer than
    /// [`MAX_PATH`], or the extra data longer than an entry may be.
    pub fn new(
        extra: Option<Vec<u8>>,
        index: u64,
        path: Vec<Hash>,
        note: Note,
    ) -> Result<Self, Malformed> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| Malformed)?;
        let valid = index < checkpoint.size()
            && path.len() <= MAX_PATH
            && extra
                .as_ref()
                .is_none_or(|extra| extra.len() <= MAX_ENTRY_BYTES);
        if valid {
            Ok(Self {
                extra,
                index,
                path,
                checkpoint,
                note,
            })
        } else {
            Err(Malformed)
        }
    }

    /// Reads a `.tlog-proof` file.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(Malformed);
        }
        let (head, note) = split_head(bytes).ok_or(Malformed)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(Malformed);
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => Some(text::from_base64(&line["extra ".len()..]).ok_or(Malformed)?),
            None => None,
        };
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .ok_or(Malformed)?;
        let index = text::decimal(index).ok_or(Malformed)?;
        let path = parse_path(lines).ok_or(Malformed)?;
        Self::new(
            extra,
            index,
            path,
            Note::parse(note).map_err(|_| Malformed)?,
        )
    }

    /// The extra data: in our receipts the entry.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The entry's index.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The inclusion path.
    #[must_use]
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// The checkpoint whose tree has the entry.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint as it was signed.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// Verifies that the entry of this leaf hash is in the checkpoint's tree. The checkpoint is not verified.
    ///
    /// # Errors
    ///
    /// [`InvalidProof`]: the entry is not in the tree at this index.
    pub fn verify_inclusion(&self, leaf: &Hash) -> Result<(), InvalidProof> {
        let (size, root) = (self.checkpoint.size(), self.checkpoint.root());
        verify_inclusion(self.index, size, leaf, &self.path, root)
    }

    /// Verifies that the entry in the extra data is in a log of the policy, and that the checkpoint meets the quorum.
    ///
    /// # Errors
    ///
    /// [`VerifyError`].
    pub fn verify(&self, policy: &Policy) -> Result<Accepted, VerifyError> {
        let entry = self.extra().ok_or(VerifyError::NoEntry)?;
        let accepted = policy.check(&self.note).map_err(VerifyError::Checkpoint)?;
        let included = self.verify_inclusion(&leaf_hash(entry));
        included.map_err(|InvalidProof| VerifyError::NotIncluded)?;
        Ok(accepted)
    }
}

/// The file.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", text::to_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        write_path(f, &self.path)?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests;
