//! ISO 9362:2022, Business Identifier Code.
//!
//! ```text
//! 4 capitals or digits   business party prefix
//! 2 capitals             country
//! 2 capitals or digits   business party suffix
//! 3 capitals or digits   branch, or none
//! ```
//!
//! Form only: that a code was assigned, only its register knows.

use std::{fmt, str::FromStr};

use crate::ids::Invalid;

/// A Business Identifier Code, of 8 or 11 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bic(String);

impl Bic {
    /// The code's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Bic {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let formed = matches!(text.len(), 8 | 11)
            && text
                .bytes()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            && text[4..6].bytes().all(|c| c.is_ascii_uppercase());
        formed.then(|| Self(text.to_owned())).ok_or(Invalid(
            "must be a BIC (ISO 9362) of 8 or 11 capitals and digits",
        ))
    }
}

impl fmt::Display for Bic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for good in [
            "DEUTDEFF",
            "DEUTDEFF500",
            "CHASUS33XXX",
            "NEDSZAJJXXX",
            "1A2BGB3C",
        ] {
            assert_eq!(good.parse::<Bic>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "DEUTDEF",
            "DEUTDEFF5",
            "DEUTDEFF50",
            "DEUTDEFF5000",
            "deutdeff",
            "DEUT1EFF",
            "DEUTD1FF",
            "DEUT-DEF",
            "DEUTDEF ",
            "DEUTDEF\0",
            "DEUTÉFF",
            "DEUTDEFＦ",
        ] {
            assert!(bad.parse::<Bic>().is_err(), "{bad:?}");
        }
    }
}
