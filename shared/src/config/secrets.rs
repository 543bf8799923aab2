use serde::Deserialize;
use zeroize::Zeroizing;

use crate::auth::webhook::KeyRingError;

pub(super) fn zeroizing<'de, D: serde::Deserializer<'de>>(
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
    /// Not JSON, ambiguous JSON, or a missing or wrongly typed member.
    #[error("the database secret is not a login document")]
    Malformed,
    /// The login of another function.
    #[error("the database secret is not this function's login")]
    Username,
    /// Too short.
    #[error("the password in the database secret is shorter than 16 bytes")]
    Password,
    /// Not a key, or another log's.
    #[error("the secret of the log's key is not a key of this log")]
    NoteKey,
    /// Not a key, or of another curve.
    #[error("the secret of the chain's account is not a private key")]
    ChainKey,
    /// The webhook secret.
    #[error(transparent)]
    KeyRing(#[from] KeyRingError),
}
