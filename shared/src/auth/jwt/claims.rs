use serde::Deserialize;

use super::{LEEWAY_SECONDS, LIFETIME_SECONDS_MAX, TokenError};
use crate::{ids::Sub, strict_json};

/// The claims we rely on; a token has more. The types are part of the check: `exp` as a text, a
/// fraction or null is refused.
#[derive(Deserialize)]
pub(super) struct UnverifiedClaims {
    iss: String,
    aud: Audience,
    sub: String,
    exp: i64,
    iat: i64,
    role: String,
    session_id: String,
    #[serde(default, deserialize_with = "strict_json::present")]
    nbf: Option<i64>,
    #[serde(default, deserialize_with = "strict_json::present")]
    is_anonymous: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

impl UnverifiedClaims {
    pub(super) fn check(&self, issuer: &str, audience: &str, now: i64) -> Result<Sub, TokenError> {
        if self.iss != issuer {
            return Err(TokenError::Issuer);
        }
        if !self.aud.contains(audience) {
            return Err(TokenError::Audience);
        }
        if self.role != "authenticated" || self.is_anonymous == Some(true) {
            return Err(TokenError::Role);
        }
        if self.session_id.is_empty() {
            return Err(TokenError::Session);
        }
        let lifetime_seconds = self.exp.checked_sub(self.iat);
        if !lifetime_seconds.is_some_and(|seconds| (1..=LIFETIME_SECONDS_MAX).contains(&seconds)) {
            return Err(TokenError::Lifetime);
        }
        if self.exp <= now - LEEWAY_SECONDS {
            return Err(TokenError::Expired);
        }
        let valid_from = self.nbf.unwrap_or(self.iat).max(self.iat);
        if valid_from > now + LEEWAY_SECONDS {
            return Err(TokenError::NotYetValid);
        }
        self.sub.parse().map_err(|_| TokenError::Subject)
    }
}
