//! ISO 17442-1, Legal Entity Identifier.
//!
//! ```text
//! 18 capitals or digits, 2 check digits
//! ```
//!
//! The check digits are of ISO/IEC 7064 MOD 97-10: with A as 10 and Z as 35 the whole leaves 1 when it is divided by
//! 97. They are 98 less a remainder, and so 02 to 98; 00, 01 and 99 leave the same as 97, 98 and 02, and would be a
//! second spelling. That an identifier was issued, and to whom, only its register knows (GLEIF).

use std::{fmt, str::FromStr};

use crate::ids::Invalid;

/// A Legal Entity Identifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lei(String);

impl Lei {
    /// The identifier's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Lei {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let formed = text.len() == 20
            && text
                .bytes()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let checked = formed
            && text[18..].bytes().all(|c| c.is_ascii_digit())
            && ("02"..="98").contains(&&text[18..])
            && remainder(text) == 1;
        checked.then(|| Self(text.to_owned())).ok_or(Invalid(
            "must be an LEI (ISO 17442): 18 capitals or digits and their two check digits",
        ))
    }
}

impl fmt::Display for Lei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The remainder by 97 of the number that capitals and digits spell.
fn remainder(text: &str) -> u32 {
    text.chars()
        .filter_map(|c| c.to_digit(36))
        .fold(0, |rest, value| {
            let shift = if value < 10 { 10 } else { 100 };
            (rest * shift + value) % 97
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of registered entities, and the standard's own example.
    const KNOWN: [&str; 6] = [
        "5493001KJTIIGC8Y1R12",
        "506700GE1G29325QX363",
        "HWUPKR0MPOU8FGXBT394",
        "7LTWFZYICNSX8D621K86",
        "W22LROWP2IHZNBB6K528",
        "YZ83GD8L7GG84979J516",
    ];

    #[test]
    fn known_identifiers() {
        for good in KNOWN {
            assert_eq!(good.parse::<Lei>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "5493001KJTIIGC8Y1R1",
            "5493001KJTIIGC8Y1R123",
            "5493001kjtiigc8y1r12",
            "5493001KJTIIGC8Y1R13",
            "5493001KJTIIGC8Y1R21",
            "4593001KJTIIGC8Y1R12",
            "5493001KJTIIGC8Y1RAB",
            " 5493001KJTIIGC8Y1R1",
            "5493-001KJTIIGC8Y1R1",
            "5493001KJTIIGC8Y1R1\0",
            "5493001KJTIIGC8Y1R１",
            "00000000000000000000",
        ] {
            assert!(bad.parse::<Lei>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn each_entity_has_one_pair_of_check_digits(entity in "[A-Z0-9]{18}") {
            let good: Vec<String> = (0..100)
                .map(|check| format!("{entity}{check:02}"))
                .filter(|text| text.parse::<Lei>().is_ok())
                .collect();
            prop_assert_eq!(good.len(), 1, "{:?}", good);
            // As a number of its own, digit by digit.
            let digits: String = good[0]
                .chars()
                .filter_map(|c| c.to_digit(36))
                .map(|value| value.to_string())
                .collect();
            let remainder = digits.bytes().fold(0, |rest, c| (rest * 10 + u32::from(c - b'0')) % 97);
            prop_assert_eq!(remainder, 1);
        }
    }

    /// All such errors: digits for digits, letters for letters. One for another class moves the rest, which a
    /// check of two digits cannot always tell.
    #[test]
    fn one_wrong_character_and_two_exchanged_are_found() {
        for known in KNOWN {
            let letters: Vec<char> = known.chars().collect();
            let alike = |one: char, other: char| one.is_ascii_digit() == other.is_ascii_digit();
            for at in 0..20 {
                for other in ('0'..='9')
                    .chain('A'..='Z')
                    .filter(|c| alike(*c, letters[at]))
                {
                    let mut wrong = letters.clone();
                    wrong[at] = other;
                    let text: String = wrong.iter().collect();
                    assert_eq!(text.parse::<Lei>().is_ok(), text == known, "{text}");
                }
                let next = (at + 1).min(19);
                if alike(letters[at], letters[next]) {
                    let mut wrong = letters.clone();
                    wrong.swap(at, next);
                    let text: String = wrong.iter().collect();
                    assert_eq!(text.parse::<Lei>().is_ok(), text == known, "{text}");
                }
            }
        }
    }
}
