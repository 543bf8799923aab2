use serde::Deserialize;
use zeroize::Zeroizing;

use crate::auth::webhook::KeyRingError;

/// Reads a text of a secret, for `#[serde(deserialize_with = "zeroizing")]`: it is overwritten when it is dropped.
///
/// # Errors
///
/// The member is no text.
pub fn zeroizing<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The secret store did not give it, or not in time. The text is an error code of the store.
    #[error("the secret {name} could not be fetched: {code}")]
    Unavailable {
        /// The secret's name.
        name: String,
        /// The store's error code, or the kind of failure on the way.
        code: String,
    },
    /// The secret is not what the function needs. The text is the rule that it breaks, and quotes nothing of it.
    #[error("{0}")]
    Unusable(&'static str),
    /// The webhook secret.
    #[error(transparent)]
    KeyRing(#[from] KeyRingError),
}
