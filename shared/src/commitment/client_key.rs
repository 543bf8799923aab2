use std::str::FromStr;

use crate::ids::{DeliveryId, Invalid};

/// An idempotency key, which the caller chooses: the `Idempotency-Key` header of a person's request, or the delivery id
/// of a webhook.
///
/// A key has 16 to 255 characters: letters, digits and `-._~+/=:`, the first of them no colon. The header gives it
/// bare, or in one pair of double quotes: the string of a structured field (RFC 8941, section 3.3.3), which
/// draft-ietf-httpapi-idempotency-key-header asks for. Both spellings are the same key.
///
/// Any other spelling is refused. It would be *another* key, and one intention would be executed twice:
///
/// - a string with parameters (`"k";v=1`), with escapes, or with one quote alone;
/// - other types of structured fields (`:k:`), other quotes, `%22`, `W/"k"`;
/// - a comma, with which API Gateway joins the values of a repeated header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey(String);

impl ClientKey {
    /// The key's text, without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientKey {
    type Err = Invalid;

    fn from_str(header: &str) -> Result<Self, Invalid> {
        let key = match header.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"'),
            None => Some(header),
        };
        key.filter(|key| is_key(key))
            .map(|key| Self(key.to_owned()))
            .ok_or(Invalid(
                "must be 16 to 255 letters, digits and -._~+/=:, bare or in double quotes, the first no colon",
            ))
    }
}

fn is_key(text: &str) -> bool {
    (16..=255).contains(&text.len())
        && !text.starts_with(':')
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"-._~+/=:".contains(&c))
}

impl From<&DeliveryId> for ClientKey {
    fn from(id: &DeliveryId) -> Self {
        Self(id.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_header_rule() {
        let (shortest, longest) = ("a".repeat(16), "~".repeat(255));
        for good in [&*shortest, &longest, "tenant:7/2027-03", "AZaz09-._~+/=:=="] {
            assert_eq!(good.parse::<ClientKey>().unwrap().as_str(), good);
            let quoted = format!("\"{good}\"");
            assert_eq!(quoted.parse::<ClientKey>().unwrap().as_str(), good);
        }
        let (too_short, too_long) = ("a".repeat(15), "a".repeat(256));
        for bad in [
            "",
            &too_short,
            &too_long,
            &format!("\"{too_short}\""),
            &format!("\"{too_long}\""),
            "\"",
            "\"\"",
            "0123456789 123456",
            "0123456789012345,0123456789012345",
            "\"0123456789012345\", \"0123456789012345\"",
            "0123456789\t123456",
            "0123456789012345\u{7f}",
            "éééééééééééééééé",
        ] {
            assert!(bad.parse::<ClientKey>().is_err(), "{bad:?}");
        }
    }

    /// What may surround a key, or stand in it, without making another one.
    const AROUND: [(&str, &str); 16] = [
        ("\"", ""),
        ("", "\""),
        ("\"\"", "\"\""),
        ("'", "'"),
        ("`", "`"),
        ("“", "”"),
        ("\"\\\"", "\""),
        ("\"", "\\\"\""),
        ("\"", "\";v=1"),
        ("\"", "\" "),
        ("W/\"", "\""),
        ("%22", "%22"),
        (":", ":"),
        ("<", ">"),
        ("(\"", "\")"),
        ("", ";v=1"),
    ];

    proptest! {
        /// Whatever the header says, it is refused, or it is its key bare, or its key in quotes.
        #[test]
        fn a_key_has_two_spellings(
            key in "[A-Za-z0-9._~+/=-][A-Za-z0-9._~+/=:-]{15,60}",
            cut in any::<prop::sample::Index>(),
        ) {
            let parsed: ClientKey = key.parse().unwrap();
            prop_assert_eq!(&parsed, &format!("\"{key}\"").parse().unwrap());
            for (before, after) in AROUND {
                let spelled = format!("{before}{key}{after}");
                prop_assert!(spelled.parse::<ClientKey>().is_err(), "{}", spelled);
            }
            let (one, other) = key.split_at(cut.index(key.len()));
            let inside = format!("\"{one}\"{other}\"");
            prop_assert!(inside.parse::<ClientKey>().is_err(), "{}", inside);
        }
    }
}
