//! Reads the text of a leaf, member by member.

use super::{Actor, ActorKind, InvalidLeaf, Leaf, Outcome, RefusalName, Status, Timestamp, Uuid};
use crate::{MAX_SIZE, text, tiles::MAX_ENTRY_BYTES};

impl Leaf {
    /// Reads an entry. A leaf has exactly one text: [`Leaf::render`] gives the same bytes.
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
        // Another notation of a string or a number is refused here.
        if leaf.render() == text {
            Ok(leaf)
        } else {
            Err(InvalidLeaf)
        }
    }
}

/// The text that is left to read. It accepts more notations than one; [`Leaf::parse`] compares.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn leaf(mut self) -> Option<Leaf> {
        let leaf = Leaf {
            id: self.word(r#"{"v":1,"id":""#)?.parse().ok()?,
            fingerprint: self.word(r#","fingerprint":""#)?.parse().ok()?,
            actor: Actor {
                kind: ActorKind::parse(self.word(r#","actor":{"kind":""#)?)?,
                id_hash: self.word(r#","id_hash":""#)?.parse().ok()?,
            },
            operation: self.string(r#"},"operation":"#)?,
            resource_id: self.string(r#","resource_id":"#)?,
            attempt: self.string(r#","attempt":"#)?,
            occurred_at: match self.skip(r#","occurred_at":null"#) {
                Some(()) => None,
                None => Some(Timestamp::parse(self.word(r#","occurred_at":""#)?)?),
            },
            claimed_at: Timestamp::parse(self.word(r#","claimed_at":""#)?)?,
            allocator_id: match self.skip(r#","allocator_id":null"#) {
                Some(()) => None,
                None => Some(Uuid::parse(self.word(r#","allocator_id":""#)?)?),
            },
            created_id: match self.skip(r#","created_id":null"#) {
                Some(()) => None,
                None => Some(Uuid::parse(self.word(r#","created_id":""#)?)?),
            },
            outcome: match self.word(r#","outcome":""#)? {
                "accepted" => {
                    Outcome::Accepted(Status::new(self.number(r#","status":"#)?.try_into().ok()?)?)
                }
                "refused" => Outcome::Refused(RefusalName::parse(self.word(r#","refusal":""#)?)?),
                _ => return None,
            },
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

    /// Skips `before`, which ends in a quote, and reads up to the next quote.
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
