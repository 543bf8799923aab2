//! SHA-256, and the two ways RFC 9162, 2.1.1, uses it.

use std::{fmt, str::FromStr};

use ring::digest::{Context, SHA256, digest};

use crate::text;

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
    /// [`InvalidHash`]: the text is not the canonical Base 64 of 32 bytes.
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
    /// [`InvalidHash`]: the text is not such digits.
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
        // All digits are written at once: digit by digit takes three times as long, and every entry has five hashes.
        let mut digits = [0; 64];
        f.pad(base16ct::lower::encode_str(&self.0, &mut digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The root of the empty tree: the hash of no bytes.
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
    // The input is in one piece, so that whole blocks are hashed without a copy.
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
