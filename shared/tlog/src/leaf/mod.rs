//! The log's entries, version 1: the outcome of one commitment. Its transaction writes the text, which never changes.
//!
//! One JSON text, UTF-8, no white space, members in this order (broken here only to be read):
//!
//! ```text
//! {"v":1,"id":"<64 hex>","fingerprint":"<64 hex>",
//! "actor":{"kind":"human|agent|system","id_hash":"<64 hex>"},
//! "operation":"create-settlement","resource_id":"","attempt":"…","occurred_at":null,
//! "claimed_at":"2026-11-23T01:02:03.123456Z","allocator_id":"<uuid>"|null,
//! "created_id":"<uuid>"|null,"outcome":"accepted","status":201,"committed_at":"…","body_hash":"<64 hex>",
//! "mutations":2,"mutations_hash":"<64 hex>"}
//! ```
//!
//! A refusal has `"outcome":"refused","refusal":"<its name>"` there: a name, and no status. Status and words of a name
//! are rendered elsewhere.
//!
//! Strings are escaped as PostgreSQL's `to_json(text)` and `serde_json` both do: `\"`, `\\`, `\b`, `\f`, `\n`,
//! `\r`, `\t`, other control characters as `\u00xx`, nothing else.
//!
//! ```text
//! H(tag, f1..fn)  = SHA-256(SHA-256(tag) || SHA-256(tag) || u64be(len f1) || f1 || …)
//! id_hash         = H("optkas/log-actor/v1", kind, id)
//! body_hash       = H("optkas/log-body/v1", the body as jsonb writes it), or of a refusal
//!                   H("optkas/log-refusal/v1", its name, its members as jsonb writes them)
//! mutations_hash  = 32 zero bytes, then for each entry of the commitment in the audit trail, in order:
//!                   h = H("optkas/log-mutations/v1", h, the entry's mutation hash)
//! ```
//!
//! The entry's bytes are the text; its leaf hash is [`crate::merkle::leaf_hash`] of them. Of data that privacy law may
//! require to be erased, a leaf holds the hash alone.
//!
//! Not here: the bodies and rows themselves; what an operation means.

mod cursor;
mod hashes;
mod json;
mod jsonb;
mod values;

use std::fmt::{self, Write as _};

use self::json::Json;
pub use self::{
    hashes::{
        NO_MUTATIONS, body_hash, fingerprint, id_hash, next_mutations_hash, refusal_hash,
        tagged_hash,
    },
    jsonb::jsonb_text,
    values::{RefusalName, Status, Timestamp, Uuid},
};
use crate::merkle::{self, Hash};

/// The version of this form.
pub const VERSION: u8 = 1;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The commitment's id.
    pub id: Hash,
    /// The hash of the request's bytes.
    pub fingerprint: Hash,
    /// Who asked.
    pub actor: Actor,
    /// What was asked.
    pub operation: String,
    /// The id in the route; empty where the route has none.
    pub resource_id: String,
    /// The invocation that claimed.
    pub attempt: String,
    /// When an agent says that what it reported happened.
    pub occurred_at: Option<Timestamp>,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// The allocator concerned, if any.
    pub allocator_id: Option<Uuid>,
    /// What was created: the `id` of a reply with status 201.
    pub created_id: Option<Uuid>,
    /// Whether it took effect.
    pub outcome: Outcome,
    /// When the outcome was written.
    pub committed_at: Timestamp,
    /// [`body_hash`] of the reply's body, or [`refusal_hash`].
    pub body_hash: Hash,
    /// How many entries its transaction wrote in the audit trail.
    pub mutations: u64,
    /// [`next_mutations_hash`] over them.
    pub mutations_hash: Hash,
}

/// Who asked, by a hash that does not reveal the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind.
    pub kind: ActorKind,
    /// [`id_hash`] of the kind and the id.
    pub id_hash: Hash,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The word in the text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words!(
    /// A kind of actor.
    ActorKind {
        /// A person.
        Human = "human",
        /// An agent, by its webhook.
        Agent = "agent",
        /// The platform itself.
        System = "system",
    }
);

/// Whether a commitment took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect. The reply had this status.
    Accepted(Status),
    /// It was refused for the reason of this name, and changed nothing.
    Refused(RefusalName),
}

impl Outcome {
    /// The word in the text.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Refused(_) => "refused",
        }
    }

    /// The status of an accepted commitment's reply.
    #[must_use]
    pub const fn status(&self) -> Option<Status> {
        match self {
            Self::Accepted(status) => Some(*status),
            Self::Refused(_) => None,
        }
    }

    /// The name of a refusal.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Accepted(_) => None,
            Self::Refused(name) => Some(name.as_str()),
        }
    }
}

/// The bytes are not a leaf of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an entry of version 1, byte for byte")]
pub struct InvalidLeaf;

impl Leaf {
    /// The text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(768);
        // A string takes whatever is written.
        let _ = self.write(&mut text);
        text
    }

    /// The leaf hash of the text.
    #[must_use]
    pub fn hash(&self) -> Hash {
        merkle::leaf_hash(self.render().as_bytes())
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        write!(
            text,
            r#"{{"v":{VERSION},"id":"{}","fingerprint":"{}""#,
            self.id, self.fingerprint
        )?;
        let Actor { kind, id_hash } = &self.actor;
        write!(
            text,
            r#","actor":{{"kind":"{}","id_hash":"{id_hash}"}}"#,
            kind.as_str()
        )?;
        write!(text, r#","operation":{}"#, Json(&self.operation))?;
        write!(
            text,
            r#","resource_id":{},"attempt":{}"#,
            Json(&self.resource_id),
            Json(&self.attempt)
        )?;
        match &self.occurred_at {
            Some(at) => write!(text, r#","occurred_at":"{}""#, at.as_str())?,
            None => text.push_str(r#","occurred_at":null"#),
        }
        write!(
            text,
            r#","claimed_at":"{}","allocator_id":"#,
            self.claimed_at.as_str()
        )?;
        match &self.allocator_id {
            Some(id) => write!(text, r#""{}""#, id.as_str())?,
            None => text.push_str("null"),
        }
        match &self.created_id {
            Some(id) => write!(text, r#","created_id":"{}""#, id.as_str())?,
            None => text.push_str(r#","created_id":null"#),
        }
        write!(text, r#","outcome":"{}""#, self.outcome.as_str())?;
        match &self.outcome {
            Outcome::Accepted(status) => write!(text, r#","status":{}"#, status.get())?,
            Outcome::Refused(name) => write!(text, r#","refusal":"{}""#, name.as_str())?,
        }
        write!(
            text,
            r#","committed_at":"{}","body_hash":"{}""#,
            self.committed_at.as_str(),
            self.body_hash
        )?;
        write!(
            text,
            r#","mutations":{},"mutations_hash":"{}"}}"#,
            self.mutations, self.mutations_hash
        )
    }
}

#[cfg(test)]
mod tests;
