use std::ops::RangeInclusive;

use jsonwebtoken::Algorithm;
use serde::Deserialize;

use super::TokenError;
use crate::strict_json;

/// The JOSE header of a Supabase token has these members. Any other is refused: `crit` and `b64`
/// would change what is verified, `zip` what is read; `jku`, `jwk`, `x5u`, `x5c` offer a key of the
/// sender's choice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnverifiedHeader {
    alg: String,
    #[serde(default, deserialize_with = "strict_json::present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "strict_json::present")]
    typ: Option<String>,
}

impl UnverifiedHeader {
    pub(super) fn check(self) -> Result<(Algorithm, String), TokenError> {
        let algorithm = match self.alg.as_str() {
            "ES256" => Algorithm::ES256,
            "RS256" => Algorithm::RS256,
            "EdDSA" => Algorithm::EdDSA,
            _ => return Err(TokenError::Algorithm),
        };
        if self.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(TokenError::Type);
        }
        let kid = self.kid.filter(|kid| !kid.is_empty());
        Ok((algorithm, kid.ok_or(TokenError::KeyId)?))
    }
}

/// In bytes. A signature of another length is refused before a key is fetched for it.
pub(super) fn signature_lengths(algorithm: Algorithm) -> RangeInclusive<usize> {
    match algorithm {
        // As long as the modulus.
        Algorithm::RS256 => 256..=512,
        _ => 64..=64,
    }
}
