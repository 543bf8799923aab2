//! Supabase Auth tokens: signed JWTs (RFC 7515, RFC 7519, RFC 8725), in two stages.
//!
//! 1. [`Policy::screen`] checks everything that needs no key: form, header, claims, time. What it
//!    yields is [`Unverified`]: it may name a key to fetch and nothing else.
//! 2. [`Unverified::verify`] checks the signature and yields a [`Human`].
//!
//! jsonwebtoken verifies the signature, and issuer and audience a second time. It reads the clock
//! for `exp`, and enforces neither `crit`, `typ`, duplicate members nor the types of claims; stage
//! 1 does.
//!
//! Not here: revocation. A token is good until it expires, an hour after its issue at the latest; a
//! member who loses a role loses it in the database, at once.

mod claims;
mod header;
mod limits;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, Validation};
use serde::de::{DeserializeOwned, IgnoredAny};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use self::{claims::UnverifiedClaims, header::UnverifiedHeader};
use super::{Human, Token, jwks::KeySet, ring_provider};
use crate::{ids::Sub, strict_json};

/// How far our clock and the issuer's may be apart. Both follow NTP to milliseconds, and claims are
/// whole seconds; this also covers a smeared leap second, and prolongs a token's life by nothing
/// that matters.
pub const LEEWAY_SECONDS: i64 = 5;

/// The longest life of a token, from `iat` to `exp`: Supabase's default.
pub const LIFETIME_SECONDS_MAX: i64 = 3600;

/// The longest token. API Gateway takes 10,240 bytes of request line and headers together.
pub const TOKEN_BYTES_MAX: usize = 8192;

/// The token of a request's one `Authorization` header.
///
/// # Errors
///
/// When there is not exactly one value, or it is not a `Bearer` value.
pub fn bearer(headers: &HeaderMap) -> Result<&str, TokenError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(TokenError::Authorization);
    };
    // API Gateway joins several values with a comma, which no token contains: stage 1 refuses them.
    match value.to_str().ok().and_then(|value| value.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        _ => Err(TokenError::Authorization),
    }
}

/// Whose tokens are accepted, and for whom.
#[derive(Debug)]
pub struct Policy {
    issuer: String,
    audience: String,
    client_ids: Vec<String>,
}

impl Policy {
    /// Accepts tokens of exactly this `iss`, whose `aud` is or contains this audience.
    #[must_use]
    pub fn new(issuer: String, audience: String) -> Self {
        ring_provider::install();
        Self {
            issuer,
            audience,
            client_ids: Vec::new(),
        }
    }

    /// Lets these applications (`client_id`) act as the person who allowed them to. By default none
    /// may.
    #[must_use]
    pub fn with_client_ids(mut self, client_ids: Vec<String>) -> Self {
        self.client_ids = client_ids;
        self
    }

    /// Stage 1: everything that needs no key.
    ///
    /// # Errors
    ///
    /// The first check that fails.
    pub fn screen<'a>(
        &'a self,
        token: &'a str,
        now: OffsetDateTime,
    ) -> Result<Unverified<'a>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Form);
        };
        let header: UnverifiedHeader = decode(header, TokenError::Header)?;
        let (algorithm, kid) = header.check()?;
        let claims: UnverifiedClaims = decode(claims, TokenError::Claims)?;
        let sub = claims.check(self, now.unix_timestamp())?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| TokenError::Form)?;
        if !header::signature_lengths(algorithm).contains(&signature.len()) {
            return Err(TokenError::Signature);
        }
        Ok(Unverified {
            policy: self,
            token,
            algorithm,
            kid,
            sub,
        })
    }

    /// What jsonwebtoken checks besides the signature. Of its clock we make no use: stage 1 has
    /// checked the times.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation
    }
}

/// A token that says the right things. Anybody can make one: until its signature is verified, it is
/// good for choosing a key and for nothing else.
pub struct Unverified<'a> {
    policy: &'a Policy,
    token: &'a str,
    algorithm: Algorithm,
    kid: String,
    sub: Sub,
}

impl Unverified<'_> {
    /// The key that the token claims to be signed with.
    #[must_use]
    pub fn unverified_kid(&self) -> &str {
        &self.kid
    }

    /// Stage 2: the signature, by the one key of that name and algorithm.
    ///
    /// # Errors
    ///
    /// No such key, or a signature that is not that key's.
    pub fn verify(self, keys: &KeySet) -> Result<Human, TokenError> {
        let key = keys
            .find(&self.kid, self.algorithm)
            .ok_or(TokenError::UnknownKey)?;
        jsonwebtoken::decode::<IgnoredAny>(
            self.token,
            key,
            &self.policy.validation(self.algorithm),
        )
        .map_err(|_| TokenError::Signature)?;
        Ok(Human {
            sub: self.sub,
            token: Token(Zeroizing::new(self.token.to_owned())),
        })
    }
}

/// The engine refuses padding, foreign characters and stray bits: a part has one spelling. Neither
/// error goes on: serde's texts quote the input.
fn decode<T: DeserializeOwned>(part: &str, error: TokenError) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Form)?;
    if !limits::is_within(&bytes) {
        return Err(error);
    }
    strict_json::from_slice(&bytes).map_err(|_| error)
}

/// Why a token is refused. For the log: a caller gets one text for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message is the documentation")]
pub enum TokenError {
    #[error("there is not exactly one Authorization header with a Bearer token")]
    Authorization,
    #[error(
        "the token is longer than 8,192 bytes: look at what the issuer writes into its metadata"
    )]
    TooLong,
    #[error("the token is not three parts of canonical base64url")]
    Form,
    #[error("the header is not a JSON object of alg, kid and optionally typ, each a text")]
    Header,
    #[error(
        "the header's alg is not ES256, RS256 or EdDSA (HS256: a legacy secret, or a service key)"
    )]
    Algorithm,
    #[error("the header's typ is not JWT")]
    Type,
    #[error("the header's kid is missing or empty")]
    KeyId,
    #[error(
        "a claim is missing or of the wrong type, a member is duplicate, or the JSON is beyond its limits"
    )]
    Claims,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the subject is not a canonical UUID")]
    Subject,
    #[error("the session id is empty")]
    Session,
    #[error("the token is not of an authenticated person")]
    Role,
    #[error("the token's life is not between 1 and 3,600 seconds: look at the issuer's JWT expiry")]
    Lifetime,
    #[error("the token is another application's, and its client_id is not one of JWT_CLIENT_IDS")]
    Client,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the key set has no such key for this algorithm")]
    UnknownKey,
    #[error("the signature is wrong")]
    Signature,
}

#[cfg(test)]
mod tests;
