//! c2sp.org/signed-note: text signed by one or more keys.
//!
//! ```text
//! <text, ending in a newline>
//! <empty line>
//! — <key name> base64(key id (4 bytes) || signature)
//! ```
//!
//! The key id is `SHA-256(name || 0x0A || type || public key)[..4]`; a key is handed round as a *vkey*,
//! `<name>+<key id, hex>+base64(type || public key)`. Types here: 0x01, Ed25519 over the text, and 0x04,
//! Ed25519 cosignatures ([`crate::cosignature`]). Signatures of other types are carried, and never count.
//!
//! Not here: ECDSA and ML-DSA keys.

use std::fmt;

use crate::cosignature;
pub use crate::key::{
    Algorithm, InvalidKey, InvalidName, MAX_SIGNATURES, Signature, SigningKey, VerifierKey,
    VerifyError, is_ml_dsa_44,
};

/// The longest note that is read.
pub const MAX_NOTE_BYTES: usize = 1 << 20;

/// Not a signed note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed note")]
pub struct InvalidNote;

/// A note: its text, and signature lines. It is unverified: the text must be ignored until [`Note::verify`] or a
/// [`crate::policy::Policy`] accepts the note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// The note of this text with one signature.
    ///
    /// # Errors
    ///
    /// [`InvalidNote`]: the text does not end in a newline, has another control character, or is too long.
    pub fn sign(text: String, key: &SigningKey) -> Result<Self, InvalidNote> {
        if !text.ends_with('\n') || has_control(&text) || text.len() > MAX_NOTE_BYTES / 2 {
            return Err(InvalidNote);
        }
        let signatures = vec![key.sign(&text)];
        Ok(Self { text, signatures })
    }

    /// Reads a note.
    ///
    /// # Errors
    ///
    /// [`InvalidNote`]: the bytes are not a note, are more than [`MAX_NOTE_BYTES`], or have over [`MAX_SIGNATURES`]
    /// lines.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidNote> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(InvalidNote);
        }
        let note = str::from_utf8(bytes).map_err(|_| InvalidNote)?;
        if has_control(note) {
            return Err(InvalidNote);
        }
        // The last empty line separates.
        let blank = note.rfind("\n\n").ok_or(InvalidNote)?;
        let (text, lines) = (&note[..=blank], &note[blank + 2..]);
        let signatures = Signature::parse_lines(lines).ok_or(InvalidNote)?;
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// What is signed: the text with its final newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines, unverified.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Verifies that the key signed the text. If several lines name the key, each must be its signature.
    ///
    /// # Errors
    ///
    /// [`VerifyError`].
    pub fn verify(&self, key: &VerifierKey) -> Result<(), VerifyError> {
        let mut verified = Err(VerifyError::Unsigned);
        for signature in self.signatures.iter().filter(|line| key.is_named_by(line)) {
            if !verifies(key, &self.text, signature) {
                return Err(VerifyError::BadSignature);
            }
            verified = Ok(());
        }
        verified
    }

    /// Adds a line, in place of any of the same key.
    ///
    /// # Errors
    ///
    /// [`InvalidNote`]: the note has [`MAX_SIGNATURES`] lines already.
    pub fn add(&mut self, signature: Signature) -> Result<(), InvalidNote> {
        let same =
            |line: &Signature| line.id() == signature.id() && line.name() == signature.name();
        self.signatures.retain(|line| !same(line));
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(InvalidNote);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// The note as this key alone signed it: its first line that names the key. `None` when there is none.
    #[must_use]
    pub fn only(&self, key: &VerifierKey) -> Option<Self> {
        let signature = self.signatures.iter().find(|line| key.is_named_by(line))?;
        Some(Self {
            text: self.text.clone(),
            signatures: vec![signature.clone()],
        })
    }
}

/// The note, byte for byte.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| write!(f, "{signature}"))
    }
}

/// Whether the line is this key's signature on the text, of the key's own type.
pub(crate) fn verifies(key: &VerifierKey, text: &str, signature: &Signature) -> bool {
    match key.algorithm() {
        Algorithm::Ed25519 => {
            key.is_named_by(signature) && key.verifies_message(text.as_bytes(), signature.bytes())
        }
        Algorithm::CosignatureV1 => cosignature::verify(key, text, signature).is_ok(),
    }
}

/// Whether the text has a control character other than a newline.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

#[cfg(test)]
mod tests;
