//! Signing keys of every kind that a token may, or must not, be signed with.

use std::process::Command;

use anyhow::{Context, Error, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Value, json};

use super::token::encode;
use crate::tools;

/// The private scalar's place in the PKCS #8 document that ring makes for P-256 (RFC 5958, RFC 5915).
const P256_SCALAR: std::ops::Range<usize> = 36..68;
/// An uncompressed point: 0x04, x, y (SEC 1).
const POINT_BYTES: usize = 65;

/// The algorithms that the gateway accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA over P-256: Supabase's default.
    Es256,
    /// RSA PKCS #1 v1.5, 2048 bits.
    Rs256,
    /// Ed25519.
    EdDsa,
}

/// A key pair with its id.
pub struct Key {
    kid: String,
    pair: Pair,
}

enum Pair {
    Es256 { pair: EcdsaKeyPair, scalar: Vec<u8> },
    Rs256(Box<RsaKeyPair>),
    EdDsa(Ed25519KeyPair),
}

impl Key {
    /// Makes a new key with a random id.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let random = SystemRandom::new();
        let pair = match algorithm {
            Algorithm::Es256 => {
                let document =
                    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                        .map_err(Error::msg)?;
                let scalar = document.as_ref()[P256_SCALAR].to_vec();
                let point = &document.as_ref()[document.as_ref().len() - POINT_BYTES..];
                Pair::Es256 {
                    pair: es256(&scalar, point)?,
                    scalar,
                }
            }
            Algorithm::Rs256 => Pair::Rs256(Box::new(
                RsaKeyPair::from_pkcs8(&rsa_document()?).map_err(Error::msg)?,
            )),
            Algorithm::EdDsa => {
                let document = Ed25519KeyPair::generate_pkcs8(&random).map_err(Error::msg)?;
                Pair::EdDsa(Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(Error::msg)?)
            }
        };
        Ok(Self {
            kid: uuid::Uuid::new_v4().to_string(),
            pair,
        })
    }

    /// Reads what [`Key::private_jwk`] wrote.
    pub fn from_private_jwk(jwk: &Value) -> Result<Self> {
        let member = |name: &str| {
            jwk[name]
                .as_str()
                .with_context(|| format!("a JWK without {name}"))
        };
        ensure!(
            member("kty")? == "EC" && member("crv")? == "P-256",
            "a JWK of another kind"
        );
        let decode = |name: &str| anyhow::Ok(URL_SAFE_NO_PAD.decode(member(name)?)?);
        let scalar = decode("d")?;
        let point = [vec![4], decode("x")?, decode("y")?].concat();
        let kid = member("kid")?.to_owned();
        Ok(Self {
            kid,
            pair: Pair::Es256 {
                pair: es256(&scalar, &point)?,
                scalar,
            },
        })
    }

    /// The same key under another id.
    #[must_use]
    pub fn with_kid(mut self, kid: &str) -> Self {
        kid.clone_into(&mut self.kid);
        self
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The name of its algorithm in a token's header.
    #[must_use]
    pub fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Es256 { .. } => "ES256",
            Pair::Rs256(_) => "RS256",
            Pair::EdDsa(_) => "EdDSA",
        }
    }

    /// A header as this key's issuer would write it.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({ "alg": self.alg(), "kid": self.kid, "typ": "JWT" })
    }

    /// The public half, as it is published (RFC 7517).
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Es256 { pair, .. } => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) })
            }
            Pair::Rs256(pair) => {
                let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({ "kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e) })
            }
            Pair::EdDsa(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref()) })
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.alg());
        jwk["use"] = json!("sig");
        jwk["key_ops"] = json!(["verify"]);
        jwk
    }

    /// Whether a key, as it is published, verifies that signature.
    #[must_use]
    pub fn verifies(jwk: &Value, input: &[u8], signature: &[u8]) -> bool {
        let decode = |name: &str| {
            let text = jwk[name].as_str().unwrap_or_default();
            URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
        };
        match jwk["alg"].as_str() {
            Some("ES256") => {
                let point = [vec![4], decode("x"), decode("y")].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(input, signature)
            }
            Some("RS256") => {
                let (n, e) = (decode("n"), decode("e"));
                RsaPublicKeyComponents { n, e }.verify(
                    &RSA_PKCS1_2048_8192_SHA256,
                    input,
                    signature,
                )
            }
            Some("EdDSA") => UnparsedPublicKey::new(&ED25519, decode("x")).verify(input, signature),
            Some(_) | None => return false,
        }
        .is_ok()
    }

    /// Both halves; only an ES256 key can be kept.
    pub fn private_jwk(&self) -> Result<Value> {
        let Pair::Es256 { scalar, .. } = &self.pair else {
            anyhow::bail!("only ES256 keys are kept")
        };
        let mut jwk = self.public_jwk();
        jwk["d"] = json!(base64url(scalar));
        jwk["key_ops"] = json!(["sign"]);
        Ok(jwk)
    }

    /// Signs any header and any claims, without checking them.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// The same for texts that need not be JSON, or not the JSON that a serializer writes.
    #[must_use]
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let input = encode(header, claims);
        let signature = self.signature(input.as_bytes());
        format!("{input}.{}", base64url(&signature))
    }

    fn signature(&self, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256 { pair, .. } => pair
                .sign(&random, input)
                .expect("a P-256 key signs")
                .as_ref()
                .to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature)
                    .expect("an RSA key signs");
                signature
            }
            Pair::EdDsa(pair) => pair.sign(input).as_ref().to_vec(),
        }
    }
}

/// The algorithm confusion: HMAC, keyed with bytes that the verifier may hold as a public key.
#[must_use]
pub fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let input = encode(&header.to_string(), &claims.to_string());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", base64url(tag.as_ref()))
}

/// A token with an empty signature.
#[must_use]
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.", encode(&header.to_string(), &claims.to_string()))
}

fn es256(scalar: &[u8], point: &[u8]) -> Result<EcdsaKeyPair> {
    let random = SystemRandom::new();
    EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        scalar,
        point,
        &random,
    )
    .map_err(Error::msg)
}

/// ring signs with RSA keys but makes none; a library that the local tools bring anyway does.
fn rsa_document() -> Result<Vec<u8>> {
    const PROGRAM: &str = "
from base64 import b64encode
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import serialization as s
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
print(b64encode(key.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())).decode())
";
    let python = tools::install(tools::Set::Local)?.join("python");
    let output = Command::new(python).args(["-I", "-c", PROGRAM]).output()?;
    ensure!(
        output.status.success(),
        "no RSA key could be made: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(STANDARD.decode(output.stdout.trim_ascii())?)
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Key({} {})", self.alg(), self.kid)
    }
}
