//! The text of a leaf, member by member.

use std::fmt::{self, Write as _};

use super::{Actor, ActorKind, Leaf, Outcome, Status, Timestamp, Uuid};
use crate::{MAX_SIZE, text};

/// A string as both PostgreSQL and `serde_json` write it.
pub(super) struct Json<'a>(pub(super) &'a str);

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
pub(super) struct Cursor<'a>(pub(super) &'a str);

impl<'a> Cursor<'a> {
    pub(super) fn leaf(mut self) -> Option<Leaf> {
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
