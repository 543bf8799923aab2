//! c2sp.org/tlog-witness: `POST <submission prefix>/add-checkpoint`.
//!
//! ```text
//! request:   old <size>
//!            <consistency path, one base64 hash a line>
//!            <empty line>
//!            <checkpoint, a signed note>
//! 200:       one or more signature lines
//! 409:       <size of the latest cosigned checkpoint>\n
//! ```
//!
//! From an old size of zero the path is empty: every tree is consistent with the empty one. This case is handled here,
//! since [`crate::merkle::verify_consistency`] refuses it.
//!
//! Not here: HTTP, and a witness's record of what it cosigned.

use std::fmt;

use crate::{
    checkpoint::Checkpoint,
    merkle::{Hash, verify_consistency},
    note::{self, MAX_NOTE_BYTES, Note, Signature, VerifierKey},
    text,
};

/// The type of a reply 409 that names a size.
pub const SIZE_CONTENT_TYPE: &str = "text/x.tlog.size";

/// The most hashes in a request.
pub const MAX_PATH: usize = 63;

/// The longest request that is read.
pub const MAX_REQUEST_BYTES: usize = MAX_NOTE_BYTES + 4096;

/// A request for a cosignature. Unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    old_size: u64,
    path: Vec<Hash>,
    checkpoint: Checkpoint,
    note: Note,
}

/// Not a request or a reply of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of the witness protocol")]
pub struct InvalidMessage;

impl AddCheckpoint {
    /// A request.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage`]: the note is no checkpoint, the old size is above its size, the path is longer than
    /// [`MAX_PATH`], or the path is not empty although the old size is zero.
    pub fn new(old_size: u64, path: Vec<Hash>, note: Note) -> Result<Self, InvalidMessage> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| InvalidMessage)?;
        let valid = old_size <= checkpoint.size()
            && path.len() <= MAX_PATH
            && (old_size != 0 || path.is_empty());
        if valid {
            Ok(Self {
                old_size,
                path,
                checkpoint,
                note,
            })
        } else {
            Err(InvalidMessage)
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage`]: a witness answers 400.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidMessage> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(InvalidMessage);
        }
        let (head, note) = split_head(bytes).ok_or(InvalidMessage)?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .ok_or(InvalidMessage)?;
        let old_size = text::decimal(old).ok_or(InvalidMessage)?;
        let path = parse_path(lines).ok_or(InvalidMessage)?;
        let note = Note::parse(note).map_err(|_| InvalidMessage)?;
        Self::new(old_size, path, note)
    }

    /// The size that the path leads from: the one that the witness cosigned last, as far as the log knows.
    #[must_use]
    pub const fn old_size(&self) -> u64 {
        self.old_size
    }

    /// The checkpoint to be cosigned.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint as the log signed it.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// Whether the path leads from the tree of the old size and this root to the checkpoint's. From a size of
    /// zero it always does.
    #[must_use]
    pub fn is_consistent_with(&self, old_root: &Hash) -> bool {
        let (size, root) = (self.checkpoint.size(), self.checkpoint.root());
        match self.old_size {
            0 => self.path.is_empty(),
            old => verify_consistency(old, old_root, size, root, &self.path).is_ok(),
        }
    }
}

/// The request's body.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        write_path(f, &self.path)?;
        write!(f, "\n{}", self.note)
    }
}

/// A witness's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// 200: signature lines, unverified: see [`cosignatures_by`].
    Cosigned(Vec<Signature>),
    /// 409: the witness cosigned this size last. Ask again from there. If the request was from this size already, the
    /// witness has seen another tree of the same size.
    Conflict(u64),
    /// Any other status.
    Refused(u16),
}

/// Reads a reply.
///
/// # Errors
///
/// [`InvalidMessage`]: the body does not fit the status.
pub fn parse_response(status: u16, body: &[u8]) -> Result<Response, InvalidMessage> {
    match status {
        200 if body.len() <= MAX_NOTE_BYTES => {
            let lines = str::from_utf8(body).ok().and_then(Signature::parse_lines);
            lines.map(Response::Cosigned).ok_or(InvalidMessage)
        }
        409 => {
            let size = body
                .strip_suffix(b"\n")
                .and_then(|size| str::from_utf8(size).ok());
            size.and_then(text::decimal)
                .map(Response::Conflict)
                .ok_or(InvalidMessage)
        }
        200 => Err(InvalidMessage),
        other => Ok(Response::Refused(other)),
    }
}

/// The lines that are the key's signatures on the text. Lines of other keys, and lines that name the key without
/// verifying, are left out.
#[must_use]
pub fn cosignatures_by(key: &VerifierKey, text: &str, lines: &[Signature]) -> Vec<Signature> {
    lines
        .iter()
        .filter(|line| note::verifies(key, text, line))
        .cloned()
        .collect()
}

/// The lines before the first empty one, and the note after it.
pub(crate) fn split_head(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    Some((str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]))
}

/// A path, one hash a line.
pub(crate) fn parse_path<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Vec<Hash>> {
    let mut path = Vec::new();
    for line in lines {
        if path.len() == MAX_PATH {
            return None;
        }
        path.push(Hash::from_base64(line).ok()?);
    }
    Some(path)
}

pub(crate) fn write_path(f: &mut fmt::Formatter<'_>, path: &[Hash]) -> fmt::Result {
    path.iter()
        .try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))
}

#[cfg(test)]
mod tests;
