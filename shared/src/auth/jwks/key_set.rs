//! From a JWK set (RFC 7517, RFC 7518, RFC 8037) to the keys that can verify our three algorithms.
//!
//! A set is refused whole when its publisher does not know what it publishes: a symmetric or
//! private key in it, or two keys of one name. A key that is merely not for us (other use, other
//! curve, too small, weak) is left out, since issuers add such keys without asking.
//!
//! The database holds its registered keys to the same limits (`auth.signing_key`), so that both verifiers
//! give one verdict. It also checks that a point is on its curve; here, `ring` does so at each verification.

mod weak;

use std::{collections::HashSet, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, de::IgnoredAny};

use crate::strict_json::{self, Object};

/// The usable keys of a JWK set. No two have the same `kid`.
#[derive(Debug)]
pub struct KeySet(Vec<PublicKey>);

/// One usable key.
#[derive(Debug)]
pub struct PublicKey {
    kid: String,
    algorithm: Algorithm,
    algorithm_name: &'static str,
    members: Members,
    key: DecodingKey,
}

/// The JWK's members that make the key, decoded.
type Members = Vec<(&'static str, Vec<u8>)>;

/// In characters; what the database registers.
const KID_LENGTH_MAX: usize = 255;

impl KeySet {
    /// Parses a JWK set document.
    ///
    /// # Errors
    ///
    /// When the set as a whole cannot be trusted.
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        let Document { keys } =
            strict_json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        if keys
            .iter()
            .any(|Object(jwk)| jwk.kty == "oct" || jwk.k.is_some())
        {
            return Err(KeySetError::SymmetricKey);
        }
        let mut private = keys
            .iter()
            .filter(|Object(jwk)| jwk.is_private())
            .peekable();
        if private.peek().is_some() {
            let thumbprints = private.filter_map(|Object(jwk)| jwk.thumbprint()).collect();
            return Err(KeySetError::PrivateKey(thumbprints));
        }
        let mut kids = HashSet::new();
        for Object(jwk) in &keys {
            if jwk.kid.as_ref().is_some_and(|kid| !kids.insert(kid)) {
                return Err(KeySetError::DuplicateKid);
            }
        }
        Ok(Self(
            keys.iter().filter_map(|Object(jwk)| jwk.usable()).collect(),
        ))
    }

    /// The usable keys, in the document's order: what there is to register.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }

    /// Whether no key of the set can verify a token.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
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

impl PublicKey {
    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The name of the one algorithm it is for (RFC 7518, RFC 8037).
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        self.algorithm_name
    }

    /// The octets of `x`, `y`, `n` and `e`, as far as a key of this kind has them.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.members.iter().map(|(name, octets)| (*name, &**octets))
    }
}

/// A key's SHA-256 thumbprint (RFC 7638), whatever its `kid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// Its octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Thumbprint {
    type Err = ThumbprintError;

    /// The 43 characters that it is written with.
    fn from_str(text: &str) -> Result<Self, ThumbprintError> {
        coordinate(text).map(Self).ok_or(ThumbprintError)
    }
}

/// A text is no thumbprint.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("not 43 characters of base64url")]
pub struct ThumbprintError;

/// Why a key set is refused whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not JSON, not a JWK set, or ambiguous JSON.
    #[error("the document is not a JWK set")]
    Malformed,
    /// Every reader of the set could sign.
    #[error("the key set holds a symmetric key")]
    SymmetricKey,
    /// Every reader of the set could sign.
    #[error("the key set holds a private key")]
    PrivateKey(
        /// Whose: those that could have verified tokens.
        Vec<Thumbprint>,
    ),
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
    #[serde(default, deserialize_with = "strict_json::present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "strict_json::present")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "strict_json::present", rename = "use")]
    usage: Option<String>,
    #[serde(default, deserialize_with = "strict_json::present")]
    key_ops: Option<Vec<String>>,
    #[serde(default, deserialize_with = "strict_json::present")]
    crv: Option<String>,
    #[serde(default, deserialize_with = "strict_json::present")]
    x: Option<String>,
    #[serde(default, deserialize_with = "strict_json::present")]
    y: Option<String>,
    #[serde(default, deserialize_with = "strict_json::present")]
    n: Option<String>,
    #[serde(default, deserialize_with = "strict_json::present")]
    e: Option<String>,
    #[serde(default, deserialize_with = "strict_json::present")]
    k: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "strict_json::present")]
    d: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "strict_json::present")]
    p: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "strict_json::present")]
    q: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "strict_json::present")]
    dp: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "strict_json::present")]
    dq: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "strict_json::present")]
    qi: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "strict_json::present")]
    oth: Option<IgnoredAny>,
}

impl Jwk {
    /// Whether it shows a member that only the signer may know (RFC 7518, 6.2.2 and 6.3.2; RFC 8037, 2).
    fn is_private(&self) -> bool {
        [
            &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth,
        ]
        .iter()
        .any(|member| member.is_some())
    }

    /// The thumbprint of a key of one of our kinds.
    fn thumbprint(&self) -> Option<Thumbprint> {
        let member = |octets| URL_SAFE_NO_PAD.encode(octets);
        // RFC 7638, 3.2: the required members in the order of their names, without white space.
        let (_, algorithm, (_, members)) = self.kind()?;
        let required = match (algorithm, &*members) {
            ("ES256", [(_, x), (_, y)]) => {
                format!(
                    r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
                    member(x),
                    member(y)
                )
            }
            ("RS256", [(_, n), (_, e)]) => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, member(e), member(n))
            }
            (_, [(_, x)]) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, member(x)),
            _ => return None,
        };
        digest(&SHA256, required.as_bytes())
            .as_ref()
            .try_into()
            .ok()
            .map(Thumbprint)
    }

    fn kind(&self) -> Option<(Algorithm, &'static str, (DecodingKey, Members))> {
        Some(match (&*self.kty, self.crv.as_deref()) {
            ("EC", Some("P-256")) => (Algorithm::ES256, "ES256", self.p256()?),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA", self.ed25519()?),
            ("RSA", None) => (Algorithm::RS256, "RS256", self.rsa()?),
            _ => return None,
        })
    }

    fn usable(&self) -> Option<PublicKey> {
        let kid = self
            .kid
            .clone()
            .filter(|kid| (1..=KID_LENGTH_MAX).contains(&kid.chars().count()))?;
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self
                .key_ops
                .as_ref()
                .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !for_signatures {
            return None;
        }
        let (algorithm, algorithm_name, (key, members)) = self.kind()?;
        if self.alg.as_ref().is_some_and(|alg| alg != algorithm_name) {
            return None;
        }
        Some(PublicKey {
            kid,
            algorithm,
            algorithm_name,
            members,
            key,
        })
    }

    /// The uncompressed point (SEC 1, 2.3.3). That it is on the curve, `ring` checks at each
    /// verification.
    fn p256(&self) -> Option<(DecodingKey, Members)> {
        let (x, y) = (
            coordinate(self.x.as_deref()?)?,
            coordinate(self.y.as_deref()?)?,
        );
        let key = DecodingKey::from_ec_der(&[&[4][..], &x, &y].concat());
        Some((key, vec![("x", x.to_vec()), ("y", y.to_vec())]))
    }

    fn ed25519(&self) -> Option<(DecodingKey, Members)> {
        let x = coordinate(self.x.as_deref()?)
            .filter(|x| self.y.is_none() && !weak::is_ed25519_weak(x))?;
        Some((DecodingKey::from_ed_der(&x), vec![("x", x.to_vec())]))
    }

    /// An odd modulus of 2048 to 4096 bits and an odd exponent of 65537 (FIPS 186-5, 5.1) to 2^32:
    /// the limits of `fixed.rsa_key_acceptable`, within those of `ring`.
    fn rsa(&self) -> Option<(DecodingKey, Members)> {
        let n = integer(self.n.as_deref()?)?;
        let e = integer(self.e.as_deref()?)?;
        let modulus_bits = n.len() * 8 - n[0].leading_zeros() as usize;
        let exponent = e.iter().try_fold(0_u64, |value, &byte| {
            value.checked_mul(256)?.checked_add(byte.into())
        })?;
        let is_odd = |integer: &[u8]| integer.last().is_some_and(|byte| byte % 2 == 1);
        let acceptable = (2048..=4096).contains(&modulus_bits)
            && (65_537..1 << 32).contains(&exponent)
            && is_odd(&n)
            && is_odd(&e)
            && !weak::is_modulus_weak(&n);
        acceptable.then(|| {
            let key = DecodingKey::from_rsa_raw_components(&n, &e);
            (key, vec![("n", n), ("e", e)])
        })
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
