//! c2sp.org/tlog-cosignature, Ed25519: a witness's statement that it saw this checkpoint at this time, and that the
//! checkpoint is consistent with all it saw before.
//!
//! ```text
//! signature = u64be timestamp || Ed25519 signature (64 bytes)        of the note's line, after the key id
//! message   = "cosignature/v1\n" || "time <timestamp>\n" || <the note's text>
//! ```
//!
//! The timestamp is in seconds since 1970 and at most 2^63 - 1.
//!
//! Not here: ML-DSA-44 cosignatures and subtrees; whether a time is in the future (there is no clock).

use crate::{
    MAX_SIZE,
    key::{Algorithm, InvalidName, Signature, SigningKey, VerifierKey, VerifyError},
};

/// A witness's signing key. Its debug text shows the public key alone.
#[derive(Debug)]
pub struct Cosigner(SigningKey);

/// A time over 2^63 - 1 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time of a cosignature is out of range")]
pub struct InvalidTime;

impl Cosigner {
    /// The witness of this name and Ed25519 seed.
    ///
    /// # Errors
    ///
    /// [`InvalidName`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, InvalidName> {
        SigningKey::of(name, Algorithm::CosignatureV1, seed).map(Self)
    }

    /// The key that verifies.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        self.0.verifier_key()
    }

    /// The cosignature on a checkpoint's text, made at this time.
    ///
    /// # Errors
    ///
    /// [`InvalidTime`].
    pub fn sign(&self, text: &str, timestamp: u64) -> Result<Signature, InvalidTime> {
        if timestamp > MAX_TIMESTAMP {
            return Err(InvalidTime);
        }
        let mut bytes = timestamp.to_be_bytes().to_vec();
        bytes.extend(self.0.sign_message(message(timestamp, text).as_bytes()));
        Ok(self.0.signature(bytes))
    }
}

/// 2^63 - 1.
const MAX_TIMESTAMP: u64 = MAX_SIZE;

/// The time at which this key cosigned the text.
///
/// # Errors
///
/// - [`VerifyError::Unsigned`]: the key is not a cosigner's, or the line names another key.
/// - [`VerifyError::BadSignature`]: the line names the key, and is not its cosignature on the text.
pub fn verify(key: &VerifierKey, text: &str, signature: &Signature) -> Result<u64, VerifyError> {
    if key.algorithm() != Algorithm::CosignatureV1 || !key.is_named_by(signature) {
        return Err(VerifyError::Unsigned);
    }
    let (timestamp, ed25519) = signature
        .bytes()
        .split_first_chunk()
        .ok_or(VerifyError::BadSignature)?;
    let timestamp = u64::from_be_bytes(*timestamp);
    let verified = timestamp <= MAX_TIMESTAMP
        && key.verifies_message(message(timestamp, text).as_bytes(), ed25519);
    if verified {
        Ok(timestamp)
    } else {
        Err(VerifyError::BadSignature)
    }
}

fn message(timestamp: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {timestamp}\n{text}")
}

#[cfg(test)]
mod tests;
