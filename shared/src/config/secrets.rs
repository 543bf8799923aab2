use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::auth::{json, webhook::KeyRingError};

/// The shortest password of a database login.
const PASSWORD_BYTES_MIN: usize = 16;

/// A function's database login, from its secret: `{"username", "password"}`.
///
/// Other members are let be: the rotation of a secret needs some of its own.
#[derive(Debug)]
pub struct DatabaseLogin {
    /// The role's name: the function's, with underscores.
    pub username: String,
    /// Its password.
    pub password: Password,
}

/// A password. Not printable, zeroized when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// The password, to log in and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

impl DatabaseLogin {
    /// Parses the secret of the function of this name. Another function's login is refused, whatever the
    /// secret store says: one endpoint, one login.
    ///
    /// # Errors
    ///
    /// What is wrong, without a word of the secret.
    pub fn parse(secret_json: &str, function: &str) -> Result<Self, SecretError> {
        let document: Document =
            json::from_slice(secret_json.as_bytes()).map_err(|_| SecretError::Malformed)?;
        if document.username != function.replace('-', "_") {
            return Err(SecretError::Username);
        }
        if document.password.len() < PASSWORD_BYTES_MIN || document.password.contains('\0') {
            return Err(SecretError::Password);
        }
        Ok(Self {
            username: document.username,
            password: Password(document.password),
        })
    }
}

#[derive(Deserialize)]
struct Document {
    username: String,
    #[serde(deserialize_with = "zeroizing")]
    password: Zeroizing<String>,
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins() {
        let parse = |secret: &str| DatabaseLogin::parse(secret, "create-settlement");
        let login = parse(
            r#"{"username":"create_settlement","password":"0123456789abcdef","engine":"postgres"}"#,
        );
        assert_eq!(login.unwrap().password.expose(), "0123456789abcdef");
        for bad in [
            "",
            "null",
            "{}",
            r#"{"username":"create_settlement"}"#,
            r#"{"username":"create_settlement","password":""}"#,
            r#"{"username":"create_settlement","password":"0123456789abcde"}"#,
            r#"{"username":"create_settlement","password":7}"#,
            r#"{"username":"create-settlement","password":"0123456789abcdef"}"#,
            r#"{"username":"migrate","password":"0123456789abcdef"}"#,
            r#"{"username":"create_settlement","password":"0123456789abcdef","password":"0123456789abcdef"}"#,
            r#"{"username":"create_settlement","password":"0123456789abcde\u0000"}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_cannot_be_printed() {
        let secret = r#"{"username":"migrate","password":"hunter2 hunter2 hunter2"}"#;
        let login = DatabaseLogin::parse(secret, "migrate").unwrap();
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
