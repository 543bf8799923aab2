//! Amounts in JSON are strings of digits: many readers round large JSON numbers to an IEEE 754 double. Each amount has
//! one spelling.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
pub(crate) fn serialize<S: Serializer>(minor: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(minor)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    parse(&String::deserialize(deserializer)?)
}

fn parse<E: Error>(text: &str) -> Result<i64, E> {
    text.parse()
        .ok()
        .filter(|minor: &i64| minor.to_string() == text)
        .ok_or_else(|| E::custom("an amount is a string of digits"))
}

/// A list of amounts.
pub(crate) mod list {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        minor: &[i64],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(minor.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<i64>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| super::parse(text)).collect()
    }
}
