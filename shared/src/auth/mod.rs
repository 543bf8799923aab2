//! Who is calling. Nothing else in the crate makes a [`Human`] or an [`Agent`].
//!
//! - People carry a Supabase Auth token: [`Authenticator`], over [`jwt`] (pure) and [`jwks`] (the
//!   network).
//! - Agents sign their webhooks: [`webhook`] (pure).
//!
//! A caller learns only that it was refused. The error types say why, for the log.

#[cfg(test)]
mod fixtures;
pub mod jwks;
pub mod jwt;
mod ring_provider;
pub mod webhook;

use std::{fmt, time::Duration};

use http::{HeaderMap, Uri};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    commitment::Actor,
    ids::{AgentId, DeliveryId, Sub},
};

/// A person whose token was verified.
#[derive(Debug)]
pub struct Human {
    sub: Sub,
    token: Token,
}

impl Human {
    /// The token's subject.
    #[must_use]
    pub const fn sub(&self) -> Sub {
        self.sub
    }

    /// The token, for the database to verify again.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// The person as keys and records name it.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        Actor::Human(self.sub)
    }
}

/// An agent whose signature was verified.
#[derive(Debug)]
pub struct Agent {
    id: AgentId,
    webhook_id: Option<DeliveryId>,
}

impl Agent {
    /// The agent's id.
    #[must_use]
    pub const fn id(&self) -> &AgentId {
        &self.id
    }

    /// The agent as keys and records name it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Agent(self.id.clone())
    }

    /// The signed `webhook-id` header, where the scheme has one. The body's `id` must be the same.
    #[must_use]
    pub const fn webhook_id(&self) -> Option<&DeliveryId> {
        self.webhook_id.as_ref()
    }
}

/// A verified token in its compact form. A bearer credential: not printable, zeroized when dropped.
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token's text, as a parameter of a query and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}

/// Authenticates people. One per process; it keeps connections to the issuer and nothing about a
/// session.
#[derive(Debug)]
pub struct Authenticator {
    policy: jwt::Policy,
    keys: jwks::KeySource,
}

impl Authenticator {
    /// Accepts tokens that `policy` accepts, signed by a key of the set at `jwks_url`, which must be
    /// `https`, or `http` on a loopback host. A key set is used for `max_age`; zero fetches it every
    /// time.
    #[must_use]
    pub fn new(policy: jwt::Policy, jwks_url: Uri, max_age: Duration) -> Self {
        Self {
            policy,
            keys: jwks::KeySource::new(jwks_url, max_age),
        }
    }

    /// Verifies the one `Authorization: Bearer` value of a request.
    ///
    /// # Errors
    ///
    /// [`Unauthenticated::Refused`] when the token is missing or bad,
    /// [`Unauthenticated::KeysUnavailable`] when that cannot be known.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        now: OffsetDateTime,
    ) -> Result<Human, Unauthenticated> {
        let token = self.policy.screen(jwt::bearer(headers)?, now)?;
        let keys = self.keys.keys_for(token.unverified_kid(), now).await?;
        Ok(token.verify(&keys)?)
    }
}

/// Why a request has no [`Human`].
#[derive(Debug, thiserror::Error)]
pub enum Unauthenticated {
    /// The caller's fault. One generic answer for every cause.
    #[error("the token is refused")]
    Refused(#[from] jwt::TokenError),
    /// Not the caller's fault: the token may be good.
    #[error("the key set is not available")]
    KeysUnavailable(#[from] jwks::KeysUnavailable),
}
