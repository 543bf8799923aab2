//! JSON that means the same to every reader.
//!
//! Of duplicate members serde keeps none, one or an error, depending on the type; `PostgreSQL`
//! keeps the last. Two readers of one token could thus see two tokens. U+0000 has no place in a
//! `PostgreSQL` text. Both are refused here, at any depth, in members that the type ignores too.

use std::{collections::HashSet, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

/// Parses exactly one JSON object.
pub(crate) fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice::<Unambiguous>(bytes)?;
    serde_json::from_slice(bytes).map(|Object(value)| value)
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
/// `#[serde(default, deserialize_with = "json::present")]`.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Any JSON value without duplicate members and without U+0000. Keeps nothing.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            Self.visit_str::<A::Error>(&name)?;
            if !names.insert(name) {
                return Err(A::Error::custom("duplicate member"));
            }
            map.next_value::<Self>()?;
        }
        Ok(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(Self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self, E> {
        if text.contains('\0') {
            Err(E::custom("U+0000 in a string"))
        } else {
            Ok(Self)
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self)
    }
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
