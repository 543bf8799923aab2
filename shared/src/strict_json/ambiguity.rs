//! What two readers of one text could read in two ways, at any depth. The walk keeps nothing of the text.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// What is ambiguous.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ambiguity {
    /// A member's name is there twice in one object: readers take different ones.
    Repeated,
    /// A text has U+0000, which no text of `PostgreSQL` has.
    Nul,
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeated => "must not be repeated",
            Self::Nul => "must not contain U+0000",
        })
    }
}

/// Where the walk is. Its `Display` is a JSON pointer (RFC 6901).
pub(crate) enum Position<'a> {
    Whole,
    Member(&'a Self, &'a str),
    Element(&'a Self, usize),
}

impl fmt::Display for Position<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Member(of, name) => f.write_str(&pointer_to(&of.to_string(), name)),
            Self::Element(of, index) => write!(f, "{of}/{index}"),
        }
    }
}

/// The pointer to a member of the object at `pointer` (RFC 6901, section 3).
pub(crate) fn pointer_to(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Walks through exactly one JSON value, and reports each ambiguity in the order of the text.
pub(crate) fn ambiguities(bytes: &[u8], report: Report<'_>) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let at = &Position::Whole;
    Walk { at, report }.deserialize(&mut deserializer)?;
    deserializer.end()
}

type Report<'a> = &'a mut dyn FnMut(&Position<'_>, Ambiguity);

struct Walk<'a> {
    at: &'a Position<'a>,
    report: Report<'a>,
}

impl Walk<'_> {
    fn text(self, text: &str) {
        if text.contains('\0') {
            (self.report)(self.at, Ambiguity::Nul);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let at = &Position::Member(self.at, &name);
            if names.contains(&name) {
                (self.report)(at, Ambiguity::Repeated);
            }
            let report = &mut *self.report;
            Walk { at, report }.text(&name);
            let report = &mut *self.report;
            map.next_value_seed(Walk { at, report })?;
            names.insert(name);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for index in 0.. {
            let at = &Position::Element(self.at, index);
            let report = &mut *self.report;
            if seq.next_element_seed(Walk { at, report })?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.text(text);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
