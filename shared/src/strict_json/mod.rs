//! JSON that means the same to every reader.
//!
//! Of duplicate members serde keeps none or one, or gives an error, as the type has it; `PostgreSQL` keeps the last.
//! Two readers of one token could thus see two tokens. U+0000 has no place in a `PostgreSQL` text. Both are refused
//! here, at any depth, also in members that the type ignores.

mod ambiguity;
mod node;

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

pub(crate) use self::{
    ambiguity::{Ambiguity, Position, ambiguities, pointer_to},
    node::Node,
};

/// Parses exactly one JSON object.
///
/// # Errors
///
/// The text is no JSON object, is ambiguous, or is not of the type.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let mut found = None;
    ambiguities(bytes, &mut |_, ambiguity| found = Some(ambiguity))?;
    match found {
        Some(ambiguity) => Err(serde_json::Error::custom(ambiguity)),
        None => serde_json::from_slice(bytes).map(|Object(value)| value),
    }
}

/// A struct from a JSON object. By itself serde takes an array of the members' values as well.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// For an optional member that, when present, must not be null:
/// `#[serde(default, deserialize_with = "strict_json::present")]`.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    #[test]
    fn refuses_what_two_readers_could_read_in_two_ways() {
        for good in [
            r#"{"a":1,"b":{"a":1}}"#,
            r#" {"a":[{"a":1},{"a":1},-1.5e3,null,true,"x"]} "#,
        ] {
            assert!(from_slice::<IgnoredAny>(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":[{"a":1,"b":2,"a":1}]}"#,
            r#"{"x":{"":1,"":2}}"#,
            r#"{"x":"\u0000"}"#,
            r#"{"\u0000":1}"#,
            r#"{"x":"\ud800"}"#,
            r#"{"x":NaN}"#,
            "{} {}",
            "{}x",
            "",
            "[]",
            "null",
            "\u{feff}{}",
            "{'a':1}",
            r#"{"a":[1,]}"#,
        ] {
            assert!(from_slice::<IgnoredAny>(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(from_slice::<IgnoredAny>(b"{\"a\":\"\xff\"}").is_err());
        assert!(from_slice::<IgnoredAny>(r#"{"a":"#.repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn an_array_of_a_structs_values_is_not_the_struct() {
        #[derive(Debug, Deserialize)]
        struct Pair {
            #[allow(dead_code, reason = "only parsed")]
            a: u8,
        }
        assert!(from_slice::<Pair>(br#"{"a":1}"#).is_ok());
        assert!(from_slice::<Pair>(b"[1]").is_err());
    }
}
