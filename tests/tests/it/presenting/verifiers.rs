//! The function's verifier and the database's, asked about the same token at the same time.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postgres::Client;
use serde_json::Value;
use shared::auth::{jwks::KeySet, jwt::Policy};
use tests::fixture::{Fixture, ISSUER};
use tests::issuer::{AUDIENCE, encode};
use time::OffsetDateTime;

/// Both, with the keys that the fixture's issuer publishes and the database has registered.
pub(super) struct Verifiers {
    policy: Policy,
    keys: KeySet,
    login: Client,
}

impl Verifiers {
    pub(super) fn of(fixture: &Fixture) -> Result<Self> {
        Ok(Self {
            policy: Policy::new(ISSUER.to_owned(), AUDIENCE.to_owned()),
            keys: KeySet::parse(fixture.issuer().jwks().to_string().as_bytes())?,
            login: fixture.login("list-positions")?,
        })
    }

    /// The function's verdict: nothing, or its cause.
    pub(super) fn function(&self, token: &str) -> Option<String> {
        let human = self
            .policy
            .screen(token, OffsetDateTime::now_utc())
            .and_then(|unverified| unverified.verify(&self.keys));
        human.err().map(|cause| format!("{cause:?}"))
    }

    /// The database's verdict: nothing, or the DETAIL of OPK02.
    pub(super) fn database(&mut self, token: &str) -> Result<Option<String>> {
        let asked = self.login.query_one(
            "select outcome from gateway.list_positions($1, null)",
            &[&token],
        );
        let Err(error) = asked else {
            return Ok(None);
        };
        let error = error.as_db_error().context("the database has gone")?;
        match error.code().code() {
            // A stranger: the token was accepted, and then the person was no member.
            "OPK03" => Ok(None),
            "OPK02" => Ok(Some(error.detail().unwrap_or_default().to_owned())),
            other => anyhow::bail!("{other} {}: {token}", error.message()),
        }
    }

    /// The verdict of both, which must be the same: whether the token is accepted.
    pub(super) fn agree(&mut self, token: &str) -> Result<bool> {
        let (function, database) = (self.function(token), self.database(token)?);
        assert_eq!(
            function.is_none(),
            database.is_none(),
            "the function says {function:?}, the database {database:?}: {}",
            readable(token)
        );
        Ok(function.is_none())
    }
}

/// A token with its parts decoded, for those who read a failure.
pub(super) fn readable(token: &str) -> String {
    let part = |part: &str| {
        let octets = URL_SAFE_NO_PAD.decode(part);
        octets.map_or_else(
            |_| part.to_owned(),
            |octets| octets.escape_ascii().to_string(),
        )
    };
    let parts: Vec<String> = token.split('.').take(2).map(part).collect();
    format!("{} [{token}]", parts.join(" . "))
}

/// The claims with these members replaced.
pub(super) fn changed(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    claims
}

/// The first token with the second's signature.
pub(super) fn swapped(first: &str, second: &str) -> String {
    let input = first.rsplit_once('.').unwrap_or_default().0;
    let signature = second.rsplit_once('.').unwrap_or_default().1;
    format!("{input}.{signature}")
}

/// Header and claims unchanged, with a random signature.
pub(super) fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}", encode(header, claims), "A".repeat(86))
}
