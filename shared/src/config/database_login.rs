use std::{fmt, str::FromStr, time::SystemTime};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Aws, DatabaseUrl, SecretError, TlsMode, secrets::zeroizing};
use crate::strict_json;

/// The shortest password of a database login.
const PASSWORD_BYTES_MIN: usize = 16;

/// How a function proves to the database who it is: `DATABASE_AUTH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseAuth {
    /// `secret`: with a password, from the secret store.
    Secret,
    /// `iam`: with a token signed with the function's own AWS credentials, anew for each connection. There is no
    /// password: reading the secret store opens nothing.
    Iam,
}

impl DatabaseAuth {
    /// Whether this way in suits the database. A token opens the database to every reader of the token, so it is sent
    /// only to a named host behind TLS.
    pub(super) fn suits(self, database: &DatabaseUrl) -> bool {
        let named =
            || database.host.contains('.') && database.host.parse::<std::net::IpAddr>().is_err();
        self == Self::Secret || (database.tls == TlsMode::VerifyFull && named())
    }
}

impl FromStr for DatabaseAuth {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "secret" => Ok(Self::Secret),
            "iam" => Ok(Self::Iam),
            _ => Err("must be secret or iam"),
        }
    }
}

/// A function's database login.
#[derive(Debug, Clone)]
pub struct DatabaseLogin {
    /// The role's name: the function's, with underscores.
    pub username: String,
    proof: Proof,
}

#[derive(Debug, Clone)]
enum Proof {
    Password(Password),
    Token(&'static Aws),
}

#[derive(Clone)]
struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

impl DatabaseLogin {
    /// The login of the function of this name, which signs its tokens.
    #[must_use]
    pub fn signed(function: &str, aws: &'static Aws) -> Self {
        Self {
            username: function.replace('-', "_"),
            proof: Proof::Token(aws),
        }
    }

    /// Parses the secret of the function of this name: `{"username", "password"}`. Another function's login is
    /// refused, whatever the secret store says: one endpoint, one login.
    ///
    /// Other members are allowed: the rotation of a secret needs some of its own.
    ///
    /// # Errors
    ///
    /// What is wrong, without a word of the secret.
    pub fn parse(secret_json: &str, function: &str) -> Result<Self, SecretError> {
        let document: Document = strict_json::from_slice(secret_json.as_bytes())
            .map_err(|_| SecretError::Unusable("the database secret is not a login document"))?;
        if document.username != function.replace('-', "_") {
            return Err(SecretError::Unusable(
                "the database secret is not this function's login",
            ));
        }
        if document.password.len() < PASSWORD_BYTES_MIN || document.password.contains('\0') {
            return Err(SecretError::Unusable(
                "the password in the database secret is shorter than 16 bytes",
            ));
        }
        Ok(Self {
            username: document.username,
            proof: Proof::Password(Password(document.password)),
        })
    }

    /// What to send for a password, to enter that database now and for nothing else.
    #[must_use]
    pub fn expose(&self, database: &DatabaseUrl, now: SystemTime) -> Zeroizing<String> {
        match &self.proof {
            Proof::Password(password) => password.0.clone(),
            Proof::Token(aws) => aws.database_token(database, &self.username, now),
        }
    }
}

#[derive(Deserialize)]
struct Document {
    username: String,
    #[serde(deserialize_with = "zeroizing")]
    password: Zeroizing<String>,
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn database() -> DatabaseUrl {
        "postgresql://db.example:5432/optkas?sslmode=verify-full"
            .parse()
            .unwrap()
    }

    #[test]
    fn logins() {
        let parse = |secret: &str| DatabaseLogin::parse(secret, "create-settlement");
        let login = parse(
            r#"{"username":"create_settlement","password":"0123456789abcdef","engine":"postgres"}"#,
        );
        assert_eq!(
            *login.unwrap().expose(&database(), UNIX_EPOCH),
            "0123456789abcdef"
        );
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

    #[test]
    fn a_token_is_for_a_named_host_behind_tls() {
        for (url, suits) in [
            (
                "postgresql://db.example:5432/optkas?sslmode=verify-full",
                true,
            ),
            (
                "postgresql://10.0.0.1:5432/optkas?sslmode=verify-full",
                false,
            ),
            (
                "postgresql://[2001:db8::1]:5432/optkas?sslmode=verify-full",
                false,
            ),
            (
                "postgresql://localhost:5432/optkas?sslmode=verify-full",
                false,
            ),
            ("postgresql://localhost:5432/optkas?sslmode=disable", false),
            ("postgresql://127.0.0.1:5432/optkas?sslmode=disable", false),
        ] {
            let url: DatabaseUrl = url.parse().unwrap();
            assert_eq!(DatabaseAuth::Iam.suits(&url), suits, "{url:?}");
            assert!(DatabaseAuth::Secret.suits(&url));
        }
    }
}
