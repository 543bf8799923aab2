//! c2sp.org/tlog-checkpoint: what a log says its tree is.
//!
//! ```text
//! <origin>
//! <size, decimal>
//! <root, base64>
//! [<extension>]...
//! ```
//!
//! Lines are not empty, and each ends in a newline. A checkpoint is the text of a signed note ([`mod@crate::note`])
//! whose key's name is the origin.
//!
//! Not here: whether a log may sign a checkpoint (never two that are inconsistent).

use crate::{
    MAX_SIZE,
    merkle::{EMPTY_ROOT, Hash},
    note::{InvalidNote, Note, SigningKey},
    text,
};

/// The size and root of a log's tree, with the log's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// Not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint")]
pub struct InvalidCheckpoint;

impl From<InvalidNote> for InvalidCheckpoint {
    fn from(InvalidNote: InvalidNote) -> Self {
        Self
    }
}

impl Checkpoint {
    /// A checkpoint without extensions.
    ///
    /// # Errors
    ///
    /// [`InvalidCheckpoint`]: the origin is empty or has a control character, the size is over
    /// [`MAX_SIZE`], or the tree is empty and the root is another than [`EMPTY_ROOT`].
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, InvalidCheckpoint> {
        let valid = !origin.is_empty()
            && origin.bytes().all(|byte| byte >= b' ')
            && size <= MAX_SIZE
            && (size != 0 || root == EMPTY_ROOT);
        if !valid {
            return Err(InvalidCheckpoint);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
            extensions: Vec::new(),
        })
    }

    /// Reads a note's text.
    ///
    /// # Errors
    ///
    /// [`InvalidCheckpoint`].
    pub fn parse(text: &str) -> Result<Self, InvalidCheckpoint> {
        let mut lines = text
            .strip_suffix('\n')
            .ok_or(InvalidCheckpoint)?
            .split('\n');
        let mut line = || lines.next().ok_or(InvalidCheckpoint);
        let (origin, size, root) = (line()?, line()?, line()?);
        let size = text::decimal(size).ok_or(InvalidCheckpoint)?;
        let root = Hash::from_base64(root).map_err(|_| InvalidCheckpoint)?;
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        let valid = |line: &String| !line.is_empty() && line.bytes().all(|byte| byte >= b' ');
        if !extensions.iter().all(valid) {
            return Err(InvalidCheckpoint);
        }
        Ok(Self {
            extensions,
            ..Self::new(origin, size, root)?
        })
    }

    /// Reads a note and, in it, a checkpoint. Both are unverified.
    ///
    /// # Errors
    ///
    /// [`InvalidCheckpoint`]: the bytes are not a note, or the note's text is not a checkpoint.
    pub fn parse_note(bytes: &[u8]) -> Result<(Self, Note), InvalidCheckpoint> {
        let note = Note::parse(bytes)?;
        Ok((Self::parse(note.text())?, note))
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree of these entries.
    #[must_use]
    pub const fn root(&self) -> &Hash {
        &self.root
    }

    /// The extension lines, whose meaning is not specified.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The text to sign.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            self.root.to_base64()
        );
        for extension in &self.extensions {
            text.extend([extension.as_str(), "\n"]);
        }

        text
    }

    /// The checkpoint as its log signs it: the key bears the origin's name.
    ///
    /// # Errors
    ///
    /// [`InvalidCheckpoint`]: the key has another name, or the text is too long for a note.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, InvalidCheckpoint> {
        if key.verifier_key().name() != self.origin {
            return Err(InvalidCheckpoint);
        }
        Ok(Note::sign(self.render(), key)?)
    }
}

#[cfg(test)]
mod tests;
