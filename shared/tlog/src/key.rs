//! Signature lines, and the keys that make and verify them. [`crate::note`](mod@crate::note) documents their bytes and
//! makes them public.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::{merkle::sha256, text};

/// The most signatures a note may carry: as many as other readers take (golang.org/x/mod/sumdb/note).
pub const MAX_SIGNATURES: usize = 100;

/// What every signature line begins with.
const DASH: &str = "— ";

/// A signature line. It is unverified, as everything parsed from a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

impl Signature {
    /// The name of the key it claims.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key it claims.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// What follows the id.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a line, without its newline.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        check_name(name).ok()?;
        let decoded = text::from_base64(encoded)?;
        let (id, bytes) = decoded.split_first_chunk()?;
        if bytes.is_empty() {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            id: u32::from_be_bytes(*id),
            bytes: bytes.to_vec(),
        })
    }

    /// Reads lines, each with its newline; at least one, and at most [`MAX_SIGNATURES`].
    pub(crate) fn parse_lines(lines: &str) -> Option<Vec<Self>> {
        let lines = lines.strip_suffix('\n')?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return None;
        }
        lines.split('\n').map(Self::parse).collect()
    }
}

/// The line, with its newline.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend(&self.bytes);
        writeln!(f, "{DASH}{} {}", self.name, text::to_base64(&bytes))
    }
}

/// Why a signature line is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No line names the key.
    #[error("the note is not signed by that key")]
    Unsigned,
    /// A line names the key, and is not its signature.
    #[error("the signature of that key does not verify")]
    BadSignature,
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Type 0x01: Ed25519 over the text. A log's key.
    Ed25519,
    /// Type 0x04: a timestamped Ed25519 cosignature. A witness's key.
    CosignatureV1,
}

impl Algorithm {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }
}

/// The text cannot name a key: it is empty, or has a space, a plus or a control character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's name is empty, or has a space, a plus or a control character")]
pub struct InvalidName;

pub(crate) fn check_name(name: &str) -> Result<(), InvalidName> {
    let allowed = |c: char| c != '+' && c >= ' ' && !c.is_whitespace();
    if !name.is_empty() && name.chars().all(allowed) {
        Ok(())
    } else {
        Err(InvalidName)
    }
}

/// A public key and its owner's name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    id: u32,
    algorithm: Algorithm,
    public_key: [u8; 32],
}

/// Why a text is not a vkey that this crate can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The text has not the form of a vkey.
    #[error("not the text of a verifier key")]
    Malformed,
    /// The id is not the hash of name, type and key.
    #[error("the id of the verifier key is not the hash of the key")]
    Id,
    /// The type is neither 0x01 nor 0x04.
    #[error("the type of the verifier key is not supported")]
    Algorithm,
}

impl VerifierKey {
    /// The key of this name.
    ///
    /// # Errors
    ///
    /// [`InvalidName`].
    pub fn new(
        name: &str,
        algorithm: Algorithm,
        public_key: [u8; 32],
    ) -> Result<Self, InvalidName> {
        check_name(name)?;
        let id = key_id(name, algorithm.byte(), &public_key);
        Ok(Self {
            name: name.to_owned(),
            id,
            algorithm,
            public_key,
        })
    }

    /// Reads a vkey: the one text of each key.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`].
    pub fn parse(vkey: &str) -> Result<Self, InvalidKey> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidKey::Malformed);
        };
        check_name(name).map_err(|InvalidName| InvalidKey::Malformed)?;
        let id = u32::from_be_bytes(text::from_hex(id.as_bytes()).ok_or(InvalidKey::Malformed)?);
        let key = text::from_base64(key).ok_or(InvalidKey::Malformed)?;
        let (kind, public_key) = key.split_first().ok_or(InvalidKey::Malformed)?;
        if id != key_id(name, *kind, public_key) {
            return Err(InvalidKey::Id);
        }
        let algorithm = match kind {
            0x01 => Algorithm::Ed25519,
            0x04 => Algorithm::CosignatureV1,
            _ => return Err(InvalidKey::Algorithm),
        };
        let public_key = public_key.try_into().map_err(|_| InvalidKey::Malformed)?;
        Ok(Self {
            name: name.to_owned(),
            id,
            algorithm,
            public_key,
        })
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// How it signs.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bare Ed25519 key.
    #[must_use]
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Whether the line names this key. The signature is not verified.
    #[must_use]
    pub fn is_named_by(&self, signature: &Signature) -> bool {
        self.id == signature.id && self.name == signature.name
    }

    pub(crate) fn verifies_message(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key)
            .verify(message, signature)
            .is_ok()
    }
}

/// The vkey.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.algorithm.byte()];
        key.extend(self.public_key);
        write!(f, "{}+{:08x}+{}", self.name, self.id, text::to_base64(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// Whether a text is a well-formed verifier key of ML-DSA-44 cosignatures: type 0x06 and the 1,312 octets of a key
/// (FIPS 204, table 2).
#[must_use]
pub fn is_ml_dsa_44(vkey: &str) -> bool {
    let mut parts = vkey.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Some(key) = text::from_base64(key) else {
        return false;
    };
    key.len() == 1 + 1312
        && key[0] == 0x06
        && check_name(name).is_ok()
        && text::from_hex(id.as_bytes()).map(u32::from_be_bytes)
            == Some(key_id(name, 0x06, &key[1..]))
}

pub(crate) fn key_id(name: &str, kind: u8, public_key: &[u8]) -> u32 {
    let mut input = name.as_bytes().to_vec();
    input.extend([b'\n', kind]);
    input.extend(public_key);
    let [a, b, c, d, ..] = *sha256(&input).as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// A log's signing key: Ed25519, from its seed. Its debug text shows the public key alone.
pub struct SigningKey {
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key of this name and seed.
    ///
    /// # Errors
    ///
    /// [`InvalidName`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, InvalidName> {
        Self::of(name, Algorithm::Ed25519, seed)
    }

    pub(crate) fn of(
        name: &str,
        algorithm: Algorithm,
        seed: &[u8; 32],
    ) -> Result<Self, InvalidName> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed");
        let public_key = pair
            .public_key()
            .as_ref()
            .try_into()
            .expect("a public key is 32 bytes long");
        Ok(Self {
            verifier: VerifierKey::new(name, algorithm, public_key)?,
            pair,
        })
    }

    /// The key that verifies.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signature on a text. Ed25519 takes no randomness: the same text gets the same signature.
    #[must_use]
    pub fn sign(&self, text: &str) -> Signature {
        self.signature(self.sign_message(text.as_bytes()).to_vec())
    }

    pub(crate) fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        self.pair
            .sign(message)
            .as_ref()
            .try_into()
            .expect("an Ed25519 signature is 64 bytes long")
    }

    pub(crate) fn signature(&self, bytes: Vec<u8>) -> Signature {
        Signature {
            name: self.verifier.name.clone(),
            id: self.verifier.id,
            bytes,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ..)", self.verifier)
    }
}
