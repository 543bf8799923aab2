//! From a JWK set (RFC 7517, RFC 7518, RFC 8037) to the keys that can verify our three algorithms.
//!
//! A set is refused whole when its publisher does not know what it publishes: a symmetric or
//! private key in it, or two keys of one name. A key that is merely not for us (other use, other
//! curve, too small) is left out, since issuers add such keys without asking.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, de::IgnoredAny};

use crate::auth::json::{self, Object};

/// The usable keys of a JWK set. No two have the same `kid`.
#[derive(Debug)]
pub struct KeySet(Vec<PublicKey>);

#[derive(Debug)]
struct PublicKey {
    kid: String,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl KeySet {
    /// Parses a JWK set document.
    ///
    /// # Errors
    ///
    /// When the set as a whole cannot be trusted.
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        let Document { keys } = json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        let mut kids = HashSet::new();
        for Object(jwk) in &keys {
            if jwk.kty == "oct" || jwk.k.is_some() {
                return Err(KeySetError::SymmetricKey);
            }
            if jwk.d.is_some() {
                return Err(KeySetError::PrivateKey);
            }
            if jwk.kid.as_ref().is_some_and(|kid| !kids.insert(kid)) {
                return Err(KeySetError::DuplicateKid);
            }
        }
        Ok(Self(
            keys.iter().filter_map(|Object(jwk)| jwk.usable()).collect(),
        ))
    }

    /// Whether a usable key has this `kid`.
    pub(super) fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid == kid)
    }

    /// The one key with this `kid`, if it is for this algorithm.
    pub(in crate::auth) fn find(&self, kid: &str, algorithm: Algorithm) -> Option<&DecodingKey> {
        self.0
            .iter()
            .find(|key| key.kid == kid && key.algorithm == algorithm)
            .map(|key| &key.key)
    }
}

/// Why a key set is refused whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not JSON, not a JWK set, or ambiguous JSON.
    #[error("the document is not a JWK set")]
    Malformed,
    /// Whoever can read the set could sign.
    #[error("the key set holds a symmetric key")]
    SymmetricKey,
    /// Whoever can read the set could sign.
    #[error("the key set holds a private key")]
    PrivateKey,
    /// Which key a token means could depend on the reader.
    #[error("two keys of the set have the same kid")]
    DuplicateKid,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Object<Jwk>>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default, deserialize_with = "json::present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "json::present", rename = "use")]
    usage: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    key_ops: Option<Vec<String>>,
    #[serde(default, deserialize_with = "json::present")]
    crv: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    x: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    y: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    n: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    e: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    k: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "json::present")]
    d: Option<IgnoredAny>,
}

impl Jwk {
    fn usable(&self) -> Option<PublicKey> {
        let kid = self.kid.clone().filter(|kid| !kid.is_empty())?;
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self
                .key_ops
                .as_ref()
                .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !for_signatures {
            return None;
        }
        let (algorithm, key) = match (self.kty.as_str(), self.crv.as_deref(), self.alg.as_deref()) {
            ("EC", Some("P-256"), None | Some("ES256")) => (Algorithm::ES256, self.p256()?),
            ("OKP", Some("Ed25519"), None | Some("EdDSA")) => (Algorithm::EdDSA, self.ed25519()?),
            ("RSA", None, None | Some("RS256")) => (Algorithm::RS256, self.rsa()?),
            _ => return None,
        };
        Some(PublicKey {
            kid,
            algorithm,
            key,
        })
    }

    /// The uncompressed point (SEC 1, 2.3.3). That it is on the curve, `ring` checks at each
    /// verification.
    fn p256(&self) -> Option<DecodingKey> {
        let (x, y) = (
            coordinate(self.x.as_deref()?)?,
            coordinate(self.y.as_deref()?)?,
        );
        Some(DecodingKey::from_ec_der(&[&[4][..], &x, &y].concat()))
    }

    fn ed25519(&self) -> Option<DecodingKey> {
        let x = coordinate(self.x.as_deref()?).filter(|_| self.y.is_none())?;
        Some(DecodingKey::from_ed_der(&x))
    }

    /// A modulus of 2048 to 8192 bits and an odd exponent of 65537 (FIPS 186-5, 5.1) to 2^33,
    /// `ring`'s limit.
    fn rsa(&self) -> Option<DecodingKey> {
        let n = integer(self.n.as_deref()?)?;
        let e = integer(self.e.as_deref()?)?;
        let modulus_bits = n.len() * 8 - n[0].leading_zeros() as usize;
        let exponent = e.iter().try_fold(0_u64, |value, &byte| {
            value.checked_mul(256)?.checked_add(byte.into())
        })?;
        let acceptable = (2048..=8192).contains(&modulus_bits)
            && (65_537..1 << 33).contains(&exponent)
            && exponent % 2 == 1;
        acceptable.then(|| DecodingKey::from_rsa_raw_components(&n, &e))
    }
}

/// 32 bytes, leading zeros included (RFC 7518, 6.2.1.2).
fn coordinate(text: &str) -> Option<[u8; 32]> {
    base64url(text)?.try_into().ok()
}

/// An unsigned integer without leading zero bytes (RFC 7518, 2: `Base64urlUInt`), and not zero.
fn integer(text: &str) -> Option<Vec<u8>> {
    base64url(text).filter(|bytes| bytes.first().is_some_and(|&byte| byte != 0))
}

/// The engine refuses padding, foreign characters and stray bits after the last byte.
fn base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests;
