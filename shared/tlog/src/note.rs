//! c2sp.org/signed-note: text signed by one or more keys.
//!
//! ```text
//! <text, ending in a newline>
//! <empty line>
//! — <key name> base64(key id (4 bytes) || signature)
//! ```
//!
//! The key id is `SHA-256(name || 0x0A || type || public key)[..4]`; a key is handed round as a *vkey*,
//! `<name>+<key id, hex>+base64(type || public key)`. Types here: 0x01, Ed25519 over the text, and 0x04,
//! Ed25519 cosignatures ([`crate::cosignature`]). Signatures of other types are carried, and never count.
//!
//! Not here: ECDSA and ML-DSA keys.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::{cosignature, merkle::sha256, text};

/// The longest note that is read.
pub const MAX_NOTE_BYTES: usize = 1 << 20;

/// The most signatures a note may carry.
pub const MAX_SIGNATURES: usize = 64;

/// What every signature line begins with.
const DASH: &str = "— ";

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

/// Not a name of a key: empty, or with a space, a plus or a control character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's name is empty, or has a space, a plus or a control character")]
pub struct InvalidName;

fn check_name(name: &str) -> Result<(), InvalidName> {
    let allowed = |c: char| c != '+' && c >= ' ' && !c.is_whitespace();
    if !name.is_empty() && name.chars().all(allowed) {
        Ok(())
    } else {
        Err(InvalidName)
    }
}

/// A public key and whose it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    id: u32,
    algorithm: Algorithm,
    public_key: [u8; 32],
}

/// Not a vkey that this crate can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Its text is not that of a vkey.
    #[error("not the text of a verifier key")]
    Malformed,
    /// Its id is not the hash of its name, type and key.
    #[error("the id of the verifier key is not the hash of the key")]
    Id,
    /// It is of another type than 0x01 and 0x04.
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

    /// Whether the line names this key. It says nothing of its signature.
    #[must_use]
    pub fn is_named_by(&self, signature: &Signature) -> bool {
        self.id == signature.id && self.name == signature.name
    }

    /// Whether it is this key's signature on the text, of whichever type the key is.
    #[must_use]
    pub fn verifies(&self, text: &str, signature: &Signature) -> bool {
        match self.algorithm {
            Algorithm::Ed25519 => {
                self.is_named_by(signature)
                    && self.verifies_message(text.as_bytes(), &signature.bytes)
            }
            Algorithm::CosignatureV1 => cosignature::verify(self, text, signature).is_ok(),
        }
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

fn key_id(name: &str, kind: u8, public_key: &[u8]) -> u32 {
    let mut input = name.as_bytes().to_vec();
    input.extend([b'\n', kind]);
    input.extend(public_key);
    let [a, b, c, d, ..] = *sha256(&input).as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// A log's key to sign with: Ed25519, from its seed. It has no text and shows nothing.
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

    /// The signature on a text. Ed25519 takes no randomness: the same again.
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

/// A signature line. Unverified, as everything parsed from a note.
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

/// Not a signed note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed note")]
pub struct InvalidNote;

/// Why a note is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No line is of that key.
    #[error("the note is not signed by that key")]
    Unsigned,
    /// A line names the key and is not its signature.
    #[error("the signature of that key does not verify")]
    BadSignature,
}

/// A note: its text, and signature lines. Unverified: the text must be ignored until [`Note::verify`] or a
/// [`crate::policy::Policy`] has said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// The note of this text with one signature.
    ///
    /// # Errors
    ///
    /// [`InvalidNote`]: the text is no note's: it must end in a newline and have no other control character.
    pub fn sign(text: String, key: &SigningKey) -> Result<Self, InvalidNote> {
        if !text.ends_with('\n') || has_control(&text) || text.len() > MAX_NOTE_BYTES / 2 {
            return Err(InvalidNote);
        }
        let signatures = vec![key.sign(&text)];
        Ok(Self { text, signatures })
    }

    /// Reads a note.
    ///
    /// # Errors
    ///
    /// [`InvalidNote`]: it is none, is longer than [`MAX_NOTE_BYTES`] or has over [`MAX_SIGNATURES`] lines.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidNote> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(InvalidNote);
        }
        let note = str::from_utf8(bytes).map_err(|_| InvalidNote)?;
        if has_control(note) {
            return Err(InvalidNote);
        }
        // The last empty line separates.
        let blank = note.rfind("\n\n").ok_or(InvalidNote)?;
        let (text, lines) = (&note[..=blank], &note[blank + 2..]);
        let signatures = Signature::parse_lines(lines).ok_or(InvalidNote)?;
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// What is signed: the text with its final newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines, unverified.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// That the key signed the text. If several lines name the key, each must be its signature.
    ///
    /// # Errors
    ///
    /// [`VerifyError`]: it did not.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), VerifyError> {
        let mut verified = Err(VerifyError::Unsigned);
        for signature in self.signatures.iter().filter(|line| key.is_named_by(line)) {
            if !key.verifies(&self.text, signature) {
                return Err(VerifyError::BadSignature);
            }
            verified = Ok(());
        }
        verified
    }

    /// Adds a line, in place of any of the same key.
    ///
    /// # Errors
    ///
    /// [`InvalidNote`]: there are [`MAX_SIGNATURES`] lines.
    pub fn add(&mut self, signature: Signature) -> Result<(), InvalidNote> {
        let same = |line: &Signature| line.id == signature.id && line.name == signature.name;
        self.signatures.retain(|line| !same(line));
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(InvalidNote);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// The note as this key alone signed it: its first line that names the key. `None` when there is none.
    #[must_use]
    pub fn only(&self, key: &VerifierKey) -> Option<Self> {
        let signature = self.signatures.iter().find(|line| key.is_named_by(line))?;
        Some(Self {
            text: self.text.clone(),
            signatures: vec![signature.clone()],
        })
    }
}

/// The note, byte for byte.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| write!(f, "{signature}"))
    }
}

/// Any but a newline.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

#[cfg(test)]
mod tests;
