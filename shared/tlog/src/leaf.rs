//! The log's entries, version 1: what became of one commitment, as its transaction froze it.
//!
//! One JSON text, UTF-8, no white space, members in this order (broken here only to be read):
//!
//! ```text
//! {"v":1,"key":"<64 hex>","fingerprint":"<64 hex>",
//! "actor":{"kind":"human|agent|system","id_hash":"<64 hex>"},
//! "operation":"create-settlement","resource":"","attempt":"…",
//! "claimed_at":"2026-11-23T01:02:03.123456Z","allocator":"<uuid>"|null,
//! "outcome":"accepted|refused","status":201,"committed_at":"…","body_hash":"<64 hex>",
//! "mutations":2,"mutations_hash":"<64 hex>"}
//! ```
//!
//! Strings are escaped as PostgreSQL's `to_json(text)` and `serde_json` both do: `\"`, `\\`, `\b`, `\f`, `\n`,
//! `\r`, `\t`, other control characters as `\u00xx`, nothing else.
//!
//! ```text
//! H(tag, f1..fn)  = SHA-256(SHA-256(tag) || SHA-256(tag) || u64be(len f1) || f1 || …)
//! id_hash         = H("optkas/log-actor/v1", kind, id)
//! body_hash       = H("optkas/log-body/v1", the body as jsonb writes it)
//! mutations_hash  = 32 zero bytes, then for each audit row of the commitment in order:
//!                   h = H("optkas/log-mutations/v1", h, the row's mutation hash)
//! ```
//!
//! The entry's bytes are the text; its leaf hash is [`crate::merkle::leaf_hash`] of them. A leaf holds hashes of
//! what privacy law may want erased, never the thing.
//!
//! Not here: the bodies and rows themselves; what an operation means.

use std::fmt::{self, Write as _};

use ring::digest::{Context, SHA256};

use crate::{
    MAX_SIZE,
    merkle::{self, Hash, finished, sha256},
    text,
    tiles::MAX_ENTRY_BYTES,
};

/// The version of this form.
pub const VERSION: u8 = 1;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The commitment's key.
    pub key: Hash,
    /// Of the request's bytes.
    pub fingerprint: Hash,
    /// Who asked.
    pub actor: Actor,
    /// What was asked.
    pub operation: String,
    /// The id in the route, or nothing.
    pub resource: String,
    /// The invocation that claimed.
    pub attempt: String,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// Whose affair it was, if an allocator's.
    pub allocator: Option<Uuid>,
    /// What became of it.
    pub outcome: Outcome,
    /// The reply's status, three digits.
    pub status: Status,
    /// When the outcome was written.
    pub committed_at: Timestamp,
    /// [`body_hash`] of the reply's body.
    pub body_hash: Hash,
    /// How many audit rows its transaction wrote.
    pub mutations: u64,
    /// [`next_mutations_hash`] over them.
    pub mutations_hash: Hash,
}

/// Who asked, without saying who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Of which kind.
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
words!(
    /// What became of a commitment.
    Outcome {
        /// It took effect.
        Accepted = "accepted",
        /// It was refused, and changed nothing.
        Refused = "refused",
    }
);

/// A time in UTC with microseconds: `2026-11-23T01:02:03.123456Z`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(String);

impl Timestamp {
    /// Reads exactly that form. A second of 60 is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const FORM: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
        let bytes: &[u8; 27] = text.as_bytes().try_into().ok()?;
        let fits = |(byte, form): (&u8, &u8)| {
            if *form == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == form
            }
        };
        if !bytes.iter().zip(FORM).all(fits) {
            return None;
        }
        let number = |at: usize, digits: usize| {
            bytes[at..at + digits]
                .iter()
                .fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'))
        };
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2));
        let valid = (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day)
            && number(11, 2) < 24
            && number(14, 2) < 60
            && number(17, 2) < 60;
        valid.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A UUID in lower case: `00000000-0000-0000-0000-000000000000`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(String);

impl Uuid {
    /// Reads exactly that form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let fits = |(at, byte): (usize, &u8)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        bytes
            .iter()
            .enumerate()
            .all(fits)
            .then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A status of HTTP: `100..=599`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(u16);

impl Status {
    /// `None` when it is out of range.
    #[must_use]
    pub const fn new(status: u16) -> Option<Self> {
        if 100 <= status && status <= 599 {
            Some(Self(status))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// Not a leaf of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an entry of version 1, byte for byte")]
pub struct InvalidLeaf;

impl Leaf {
    /// Reads an entry. Only the one text of a leaf is one: [`Leaf::render`] gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidLeaf`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidLeaf> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(InvalidLeaf);
        }
        let text = str::from_utf8(bytes).map_err(|_| InvalidLeaf)?;
        let leaf = Cursor(text).leaf().ok_or(InvalidLeaf)?;
        // What has two notations, a string or a number, is caught here.
        if leaf.render() == text {
            Ok(leaf)
        } else {
            Err(InvalidLeaf)
        }
    }

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
            r#"{{"v":{VERSION},"key":"{}","fingerprint":"{}""#,
            self.key, self.fingerprint
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
            r#","resource":{},"attempt":{}"#,
            Json(&self.resource),
            Json(&self.attempt)
        )?;
        write!(
            text,
            r#","claimed_at":"{}","allocator":"#,
            self.claimed_at.0
        )?;
        match &self.allocator {
            Some(Uuid(id)) => write!(text, r#""{id}""#)?,
            None => text.push_str("null"),
        }
        write!(
            text,
            r#","outcome":"{}","status":{}"#,
            self.outcome.as_str(),
            self.status.0
        )?;
        write!(
            text,
            r#","committed_at":"{}","body_hash":"{}""#,
            self.committed_at.0, self.body_hash
        )?;
        write!(
            text,
            r#","mutations":{},"mutations_hash":"{}"}}"#,
            self.mutations, self.mutations_hash
        )
    }
}

/// A string as both PostgreSQL and `serde_json` write it.
struct Json<'a>(&'a str);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut plain = self.0;
        while let Some(at) = plain.find(|c: char| c < ' ' || c == '"' || c == '\\') {
            f.write_str(&plain[..at])?;
            let byte = plain.as_bytes()[at];
            match byte {
                b'"' | b'\\' => write!(f, "\\{}", char::from(byte)),
                0x08 => f.write_str("\\b"),
                0x0c => f.write_str("\\f"),
                b'\n' => f.write_str("\\n"),
                b'\r' => f.write_str("\\r"),
                b'\t' => f.write_str("\\t"),
                _ => write!(f, "\\u{byte:04x}"),
            }?;
            plain = &plain[at + 1..];
        }
        f.write_str(plain)?;
        f.write_char('"')
    }
}

/// What is left to read. Reads no less than the one form; [`Leaf::parse`] compares.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn leaf(mut self) -> Option<Leaf> {
        let leaf = Leaf {
            key: self.word(r#"{"v":1,"key":""#)?.parse().ok()?,
            fingerprint: self.word(r#","fingerprint":""#)?.parse().ok()?,
            actor: Actor {
                kind: ActorKind::parse(self.word(r#","actor":{"kind":""#)?)?,
                id_hash: self.word(r#","id_hash":""#)?.parse().ok()?,
            },
            operation: self.string(r#"},"operation":"#)?,
            resource: self.string(r#","resource":"#)?,
            attempt: self.string(r#","attempt":"#)?,
            claimed_at: Timestamp::parse(self.word(r#","claimed_at":""#)?)?,
            allocator: match self.skip(r#","allocator":null"#) {
                Some(()) => None,
                None => Some(Uuid::parse(self.word(r#","allocator":""#)?)?),
            },
            outcome: Outcome::parse(self.word(r#","outcome":""#)?)?,
            status: Status::new(self.number(r#","status":"#)?.try_into().ok()?)?,
            committed_at: Timestamp::parse(self.word(r#","committed_at":""#)?)?,
            body_hash: self.word(r#","body_hash":""#)?.parse().ok()?,
            mutations: self
                .number(r#","mutations":"#)
                .filter(|number| *number <= MAX_SIZE)?,
            mutations_hash: self.word(r#","mutations_hash":""#)?.parse().ok()?,
        };
        (self.0 == "}").then_some(leaf)
    }

    fn skip(&mut self, literal: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(())
    }

    /// After the opening quote in `before`, what is up to the next.
    fn word(&mut self, before: &str) -> Option<&'a str> {
        self.skip(before)?;
        let (word, rest) = self.0.split_once('"')?;
        self.0 = rest;
        Some(word)
    }

    fn number(&mut self, before: &str) -> Option<u64> {
        self.skip(before)?;
        let end = self.0.find(|c: char| !c.is_ascii_digit())?;
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        text::decimal(digits)
    }

    fn string(&mut self, before: &str) -> Option<String> {
        self.skip(before)?;
        let bytes = self.0.as_bytes();
        if bytes.first() != Some(&b'"') {
            return None;
        }
        let mut end = 1;
        loop {
            match bytes.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        let (string, rest) = self.0.split_at_checked(end + 1)?;
        self.0 = rest;
        serde_json::from_str(string).ok()
    }
}

/// `H(tag, f1..fn)`. Each field's length is hashed before it, so no two lists of fields give one input.
#[must_use]
pub fn tagged_hash(tag: &str, fields: &[&[u8]]) -> Hash {
    let tag = sha256(tag.as_bytes());
    let mut context = Context::new(&SHA256);
    context.update(tag.as_bytes());
    context.update(tag.as_bytes());
    for field in fields {
        context.update(&(field.len() as u64).to_be_bytes());
        context.update(field);
    }
    finished(context)
}

/// `id_hash` of an actor, of a kind and an id as the ledger has them.
#[must_use]
pub fn id_hash(kind: ActorKind, id: &str) -> Hash {
    tagged_hash(
        "optkas/log-actor/v1",
        &[kind.as_str().as_bytes(), id.as_bytes()],
    )
}

/// `body_hash` of a body, as jsonb writes it.
#[must_use]
pub fn body_hash(body: &str) -> Hash {
    tagged_hash("optkas/log-body/v1", &[body.as_bytes()])
}

/// `mutations_hash` of no audit row.
pub const NO_MUTATIONS: Hash = Hash::from_bytes([0; 32]);

/// `mutations_hash` after one more audit row.
#[must_use]
pub fn next_mutations_hash(before: &Hash, mutation_hash: &[u8]) -> Hash {
    tagged_hash(
        "optkas/log-mutations/v1",
        &[before.as_bytes(), mutation_hash],
    )
}

#[cfg(test)]
mod tests;
