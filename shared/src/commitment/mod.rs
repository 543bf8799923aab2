//! The commitment's id and the fingerprint of a mutating request, to the byte.
//!
//! ```text
//! H(tag, f1, …, fn) = SHA256( SHA256(tag) || SHA256(tag) || u64be(len f1) || f1 || … || u64be(len fn) || fn )
//!
//! id          = H("optkas/idempotency-key/v1", principal kind, principal id, operation, resource, client key)
//! fingerprint = H("optkas/request-fingerprint/v1", operation, resource, raw body)
//! ```
//!
//! Tags and texts are UTF-8. Every field is preceded by its length, so no two lists of fields give
//! the same bytes; the doubled tag hash separates the two uses (the tagged hash of BIP 340). The
//! fingerprint takes the body's bytes as received and not canonical JSON: RFC 8785 maps
//! 9007199254740993 and …992 to one text.
//!
//! The database computes both again from the principal it established itself, so a function cannot
//! claim a key in another's name.

mod client_key;
mod digest;

use std::{fmt, sync::LazyLock};

use ring::digest::{Context, SHA256, digest};

pub(crate) use self::digest::from_hex;
pub use self::{
    client_key::ClientKey,
    digest::{CommitmentId, Fingerprint, Sha256},
};
use crate::ids::{AgentId, Sub};

static ID_TAG: LazyLock<Context> = LazyLock::new(|| tagged("optkas/idempotency-key/v1"));
static FINGERPRINT_TAG: LazyLock<Context> =
    LazyLock::new(|| tagged("optkas/request-fingerprint/v1"));

/// What identifies a request besides the caller's own key and the body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks, as authenticated.
    pub actor: &'a Actor,
    /// The function's name, such as `verify-settlement`.
    pub operation: &'a str,
    /// The canonical id of the resource in the path, or the empty text.
    pub resource: &'a str,
}

impl Request<'_> {
    /// The id that the commitment ledger knows for ever.
    #[must_use]
    pub fn commitment_id(&self, client_key: &ClientKey) -> CommitmentId {
        CommitmentId(hash(
            &ID_TAG,
            &[
                self.actor.kind().as_str().as_bytes(),
                self.actor.id().as_bytes(),
                self.operation.as_bytes(),
                self.resource.as_bytes(),
                client_key.as_str().as_bytes(),
            ],
        ))
    }

    /// What tells a duplicate from another request under the same key.
    #[must_use]
    pub fn fingerprint(&self, raw_body: &[u8]) -> Fingerprint {
        Fingerprint(hash(
            &FINGERPRINT_TAG,
            &[
                self.operation.as_bytes(),
                self.resource.as_bytes(),
                raw_body,
            ],
        ))
    }
}

/// An authenticated principal, as far as keys and records name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person, by a token.
    Human(Sub),
    /// An agent, by a webhook signature.
    Agent(AgentId),
}

impl Actor {
    /// The principal's kind.
    #[must_use]
    pub const fn kind(&self) -> PrincipalKind {
        match self {
            Self::Human(_) => PrincipalKind::Human,
            Self::Agent(_) => PrincipalKind::Agent,
        }
    }

    /// The principal's id, unique among its kind.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Human(sub) => sub.to_string(),
            Self::Agent(id) => id.to_string(),
        }
    }
}

/// The kinds of principals in the ledger and the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind {
    /// A person.
    Human,
    /// An escrow, settlement or collateral agent, or the platform.
    Agent,
    /// A scheduled function. Its keys are made in the database, so it is no [`Actor`].
    System,
}

impl PrincipalKind {
    /// The kind's name in keys, in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Agent => "agent",
            Self::System => "system",
        }
    }
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The beginning of `H`: the tag's hash twice is one block of SHA-256, and so a state to keep.
fn tagged(tag: &str) -> Context {
    let tag = digest(&SHA256, tag.as_bytes());
    let mut context = Context::new(&SHA256);
    context.update(tag.as_ref());
    context.update(tag.as_ref());
    context
}

/// `H` of the module's documentation.
fn hash(tag: &Context, fields: &[&[u8]]) -> [u8; 32] {
    let mut context = tag.clone();
    for field in fields {
        context.update(&(field.len() as u64).to_be_bytes());
        context.update(field);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const SUB: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
    const SETTLEMENT: &str = "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10";
    const CLIENT_KEY: &str = "3f1a9c52-retry-0001";
    const DELIVERY: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

    /// Computed with Python's hashlib from the formula, not with this code.
    #[test]
    fn known_keys() {
        let human = Actor::Human(SUB.parse().unwrap());
        let agent = Actor::Agent("escrow-one".parse().unwrap());
        let client_key: ClientKey = CLIENT_KEY.parse().unwrap();
        let delivery = ClientKey::from(&DELIVERY.parse().unwrap());
        for (actor, operation, resource, client_key, expected) in [
            (
                &human,
                "create-settlement",
                "",
                &client_key,
                "887e35df7cd03ab9749674d7bd75267675405ab69beb383bd17b23d7cd89472f",
            ),
            (
                &human,
                "verify-settlement",
                SETTLEMENT,
                &client_key,
                "dafc145de335f5113cf65226ae84db5e30869d4ad6167aa0a8e35b1ddbfb044d",
            ),
            (
                &agent,
                "escrow-webhook",
                "",
                &delivery,
                "5f20091b21243abe64e98ff578b5b676c862d1be7d3dc2eb9e7e53ecb58127f9",
            ),
        ] {
            let request = Request {
                actor,
                operation,
                resource,
            };
            assert_eq!(request.commitment_id(client_key).to_string(), expected);
        }
    }

    /// Computed like the known keys.
    #[test]
    fn known_fingerprints() {
        let actor = &Actor::Human(SUB.parse().unwrap());
        for (operation, resource, body, expected) in [
            (
                "create-settlement",
                "",
                &br#"{"amount_minor":"9007199254740993"}"#[..],
                "c3ac8104bffa361baaffdd6c6f361a1ecf7c8e1aae0623c8dd8c3ca0cc25f8f8",
            ),
            (
                "verify-settlement",
                SETTLEMENT,
                b"",
                "3e1ed1bfd58db851011076eca760ddb9a6f8d5a6916a64c19554551c3eed7c70",
            ),
            (
                "escrow-webhook",
                "",
                b"\x00\xff\xfe",
                "3b9be902f4f4bbd291ca2c5be101f53144a2858077d9de6c7dcb0164c3a83653",
            ),
        ] {
            let request = Request {
                actor,
                operation,
                resource,
            };
            assert_eq!(request.fingerprint(body).to_string(), expected);
        }
    }

    #[test]
    fn the_two_uses_never_meet() {
        let fields: [&[u8]; 3] = [b"a", b"", b"b"];
        assert_ne!(hash(&ID_TAG, &fields), hash(&FINGERPRINT_TAG, &fields));
    }

    proptest! {
        /// Bytes cannot be moved over a field's border, nor a field split, joined, added or
        /// dropped.
        #[test]
        fn different_fields_have_different_hashes(
            (joined, cuts, others) in vec(0_u8..3, 0..12).prop_flat_map(|joined| {
                let end = joined.len();
                (Just(joined), vec(0..=end, 0..4), vec(0..=end, 0..4))
            })
        ) {
            let (one, other) = (split(&joined, cuts), split(&joined, others));
            prop_assert_eq!(one == other, hash(&ID_TAG, &one) == hash(&ID_TAG, &other));
        }
    }

    fn split(joined: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
        cuts.sort_unstable();
        cuts.push(joined.len());
        let starts = std::iter::once(0).chain(cuts.clone());
        starts
            .zip(cuts.clone())
            .map(|(start, end)| &joined[start..end])
            .collect()
    }
}
