//! From a JWK set (RFC 7517, RFC 7518, RFC 8037) to the keys that can verify our three algorithms.
//!
//! A set is refused whole when its publisher does not know what it publishes: a symmetric or private key in
//! it, or two keys of one name. A key that is merely not for us (other use, other curve, too small) is left
//! out, since issuers add such keys without asking.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, de::IgnoredAny};

use crate::auth::json;

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
        for jwk in &keys {
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
        Ok(Self(keys.iter().filter_map(Jwk::usable).collect()))
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
    keys: Vec<Jwk>,
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

    /// The uncompressed point (SEC 1, 2.3.3). That it is on the curve, `ring` checks at each verification.
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

    /// A modulus of 2048 to 8192 bits and an odd exponent of 65537 (FIPS 186-5, 5.1) to 2^33, `ring`'s limit.
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
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::test_keys::{ec_jwk, ed_jwk, rsa_jwk};

    #[test]
    fn the_three_kinds_of_keys_are_found_for_their_algorithm_alone() {
        for (jwk, algorithm) in [
            (ec_jwk("k"), Algorithm::ES256),
            (ed_jwk("k"), Algorithm::EdDSA),
            (rsa_jwk("k"), Algorithm::RS256),
        ] {
            let keys = parse(&[jwk]).unwrap();
            for other in [
                Algorithm::ES256,
                Algorithm::EdDSA,
                Algorithm::RS256,
                Algorithm::HS256,
            ] {
                assert_eq!(keys.find("k", other).is_some(), other == algorithm);
            }
            assert!(keys.find("K", algorithm).is_none());
        }
    }

    #[test]
    fn what_is_optional_may_be_absent() {
        for jwk in [ec_jwk("k"), ed_jwk("k"), rsa_jwk("k")] {
            let bare = ["alg", "use", "key_ops"]
                .iter()
                .fold(jwk, |jwk, name| without(jwk, name));
            assert!(parse(&[bare]).unwrap().has("k"));
        }
    }

    #[test]
    fn keys_that_are_not_for_us_are_left_out() {
        let short = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for (jwk, name, value) in [
            (ec_jwk("k"), "kty", json!("OKP")),
            (ec_jwk("k"), "kty", json!("RSA")),
            (ec_jwk("k"), "kty", json!("ec")),
            (ec_jwk("k"), "crv", json!("P-384")),
            (ec_jwk("k"), "crv", json!("secp256k1")),
            (ec_jwk("k"), "alg", json!("ES384")),
            (ec_jwk("k"), "alg", json!("RS256")),
            (ec_jwk("k"), "alg", json!("HS256")),
            (ec_jwk("k"), "alg", json!("none")),
            (ec_jwk("k"), "use", json!("enc")),
            (ec_jwk("k"), "key_ops", json!([])),
            (ec_jwk("k"), "key_ops", json!(["sign"])),
            (ec_jwk("k"), "kid", json!("")),
            (ec_jwk("k"), "x", json!(short)),
            (ec_jwk("k"), "x", json!("")),
            (ec_jwk("k"), "y", json!(format!("{short}AAA"))),
            (ed_jwk("k"), "crv", json!("X25519")),
            (ed_jwk("k"), "crv", json!("Ed448")),
            (ed_jwk("k"), "alg", json!("ES256")),
            (ed_jwk("k"), "x", json!(short)),
            (ed_jwk("k"), "y", json!("AA")),
            (rsa_jwk("k"), "alg", json!("PS256")),
            (rsa_jwk("k"), "alg", json!("RS512")),
            (rsa_jwk("k"), "crv", json!("P-256")),
            (rsa_jwk("k"), "e", json!("Aw")),
            (rsa_jwk("k"), "e", json!("AQAA")),
            (rsa_jwk("k"), "e", json!("")),
            (rsa_jwk("k"), "e", json!("AAEAAQ")),
            (rsa_jwk("k"), "e", json!("AQAAAAAAAAAAAQ")),
            (rsa_jwk("k"), "n", json!(modulus(2047))),
            (rsa_jwk("k"), "n", json!(modulus(1024))),
            (rsa_jwk("k"), "n", json!(modulus(8200))),
        ] {
            let keys = parse(&[with(jwk, name, value.clone())]).unwrap();
            assert!(!keys.has("k"), "{name} = {value}");
        }
        for (jwk, members) in [
            (ec_jwk("k"), &["kid", "crv", "x", "y"][..]),
            (ed_jwk("k"), &["crv", "x"]),
            (rsa_jwk("k"), &["n", "e"]),
        ] {
            for name in members {
                assert!(
                    !parse(&[without(jwk.clone(), name)]).unwrap().has("k"),
                    "without {name}"
                );
            }
        }
    }

    #[test]
    fn base64url_is_canonical() {
        let x = ec_jwk("k")["x"].as_str().unwrap().to_owned();
        for bad in [
            format!("{x}="),
            format!(" {x}"),
            format!("{x}\n"),
            format!("{}+", &x[1..]),
            stray_bit(&x),
        ] {
            assert!(
                !parse(&[with(ec_jwk("k"), "x", json!(bad))])
                    .unwrap()
                    .has("k"),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn sets_that_are_refused_whole() {
        let good = || ec_jwk("good");
        let symmetric = json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": "c2VjcmV0"});
        for (keys, expected) in [
            (vec![good(), symmetric], KeySetError::SymmetricKey),
            (
                vec![good(), json!({"kty": "oct"})],
                KeySetError::SymmetricKey,
            ),
            (
                vec![good(), with(ec_jwk("s"), "k", json!("AA"))],
                KeySetError::SymmetricKey,
            ),
            (
                vec![good(), with(ec_jwk("p"), "d", json!("AA"))],
                KeySetError::PrivateKey,
            ),
            (
                vec![good(), with(rsa_jwk("p"), "d", Value::Null)],
                KeySetError::PrivateKey,
            ),
            (vec![good(), good()], KeySetError::DuplicateKid),
            (
                vec![good(), with(rsa_jwk("good"), "use", json!("enc"))],
                KeySetError::DuplicateKid,
            ),
            (
                vec![good(), without(ec_jwk("x"), "kty")],
                KeySetError::Malformed,
            ),
            (vec![good(), json!("x")], KeySetError::Malformed),
            (vec![with(good(), "kid", json!(1))], KeySetError::Malformed),
            (
                vec![with(good(), "use", Value::Null)],
                KeySetError::Malformed,
            ),
        ] {
            assert_eq!(parse(&keys).unwrap_err(), expected, "{keys:?}");
        }
        for document in [
            "",
            "[]",
            "{}",
            r#"{"keys":null}"#,
            r#"{"keys":{}}"#,
            r#"{"keys":[],"keys":[]}"#,
            r#"{"keys":[]} x"#,
        ] {
            assert_eq!(
                KeySet::parse(document.as_bytes()).unwrap_err(),
                KeySetError::Malformed,
                "{document}"
            );
        }
    }

    #[test]
    fn a_set_may_be_empty_and_may_say_more() {
        assert!(!KeySet::parse(br#"{"keys":[],"x":1}"#).unwrap().has("k"));
        assert!(
            parse(&[
                with(ec_jwk("k"), "ext", json!(true)),
                json!({"kty": "AKP", "pub": "x"})
            ])
            .unwrap()
            .has("k")
        );
    }

    fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    fn without(mut jwk: Value, name: &str) -> Value {
        jwk.as_object_mut().unwrap().remove(name);
        jwk
    }

    fn modulus(bits: usize) -> String {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] >>= bytes.len() * 8 - bits;
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// 43 characters hold 258 bits; the last two must be zero.
    fn stray_bit(text: &str) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let (start, last) = text.split_at(text.len() - 1);
        let index = ALPHABET
            .iter()
            .position(|&c| c == last.as_bytes()[0])
            .unwrap();
        format!("{start}{}", ALPHABET[index + 1] as char)
    }
}
