use serde::Deserialize;

use super::{LEEWAY_SECONDS, LIFETIME_SECONDS_MAX, Policy, TokenError};
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
    #[serde(default, deserialize_with = "strict_json::present")]
    client_id: Option<String>,
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
    pub(super) fn check(&self, policy: &Policy, now: i64) -> Result<Sub, TokenError> {
        if self.iss != policy.issuer {
            return Err(TokenError::Issuer);
        }
        if !self.aud.contains(&policy.audience) {
            return Err(TokenError::Audience);
        }
        if self.role != "authenticated" || self.is_anonymous == Some(true) {
            return Err(TokenError::Role);
        }
        if self.session_id.is_empty() {
            return Err(TokenError::Session);
        }
        if let Some(client_id) = &self.client_id
            && !policy.client_ids.contains(client_id)
        {
            return Err(TokenError::Client);
        }
        // The database reads integers of at most 18 digits.
        if self
            .nbf
            .is_some_and(|nbf| nbf.unsigned_abs() >= 10_u64.pow(18))
        {
            return Err(TokenError::Claims);
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
