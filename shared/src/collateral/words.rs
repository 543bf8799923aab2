//! Names, numbers and descriptions. None is changed on the way in: a financing statement is held against a name to
//! the letter (9-503), so what is stored is what was written.

use std::{fmt, str::FromStr};

use crate::{
    ids::Invalid,
    settlement::{is_invisible, is_line},
};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $detail:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Invalid($detail))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

word!(
    /// The name of an organisation, in a record or in a filing.
    LegalName,
    |text| is_line(text, 300),
    "must be 1 to 300 characters, none of them invisible"
);
word!(
    /// What a public organic record calls an organisation.
    OrganisationNumber,
    |text| is_line(text, 40),
    "must be 1 to 40 characters, none of them invisible"
);
word!(
    /// The number that an office gave to a filing, as it is written there.
    FileNumber,
    |text| is_code(text, 60) && plain(text).len() <= 40,
    "must be 1 to 60 visible ASCII characters or spaces, 1 to 40 of them letters and digits"
);
word!(
    /// How a register, an originator or a custodian calls an asset.
    Identifier,
    |text| is_code(text, 140),
    "must be 1 to 140 visible ASCII characters or spaces, at least one of them a letter or digit"
);
word!(
    /// A kind of assets, as eligibility rules name it.
    AssetKind,
    |text| {
        let mut letters = text.bytes();
        (2..=31).contains(&text.len())
            && letters.next().is_some_and(|c| c.is_ascii_lowercase())
            && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    },
    "must be 2 to 31 lower-case letters, digits and hyphens, the first a letter"
);
word!(
    /// What a financing statement indicates as collateral (9-504), in as many lines as it has. One that says
    /// nothing indicates nothing, and must not pass for an indication.
    Description,
    |text| {
        text.chars().count() <= 16_384
            && text.chars().any(char::is_alphanumeric)
            && text.chars().all(|c| !is_invisible(c) || matches!(c, '\n' | '\r' | '\t'))
    },
    "must be 1 to 16384 characters, at least one of them a letter or digit, \
     with no invisible characters but line breaks and tabs"
);

impl FileNumber {
    /// What it is compared by: capitals, and letters and digits alone. The database's `collateral.plain` does
    /// the same.
    #[must_use]
    pub fn plain(&self) -> String {
        plain(&self.0)
    }
}

fn plain(text: &str) -> String {
    let kept = text.bytes().filter(u8::is_ascii_alphanumeric);
    kept.map(|c| char::from(c.to_ascii_uppercase())).collect()
}

/// Other letters than ASCII's would not be compared, and two things could be taken for one.
fn is_code(text: &str, bytes_max: usize) -> bool {
    text.len() <= bytes_max
        && text.bytes().all(|c| c == b' ' || c.is_ascii_graphic())
        && text.bytes().any(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<T: FromStr + fmt::Display>(good: &[&str], bad: &[&str]) {
        for text in good {
            let read = text.parse::<T>().ok();
            assert_eq!(read.map(|word| word.to_string()).as_deref(), Some(*text));
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_and_numbers() {
        let longest = "é".repeat(300);
        let too_long = format!("{longest}a");
        table::<LegalName>(
            &["A", "Midland Receivables, L.L.C.", "債券", &longest],
            &["", "a\nb", "a\0", "\u{85}", &too_long],
        );
        let longest = "7".repeat(40);
        let too_long = format!("{longest}7");
        table::<OrganisationNumber>(&["7654321", "HRB 123 B", &longest], &["", "1\t", &too_long]);
        let spaced = format!("{longest}{}", " ".repeat(20));
        table::<FileNumber>(
            &["2027 0123456", "2027-0123456/a", &longest, &spaced],
            &["", " ", "--", "é1", "1\n", &too_long, &format!("{spaced} ")],
        );
        let longest = "x".repeat(140);
        let too_long = format!("{longest}x");
        table::<Identifier>(
            &["INV-1", "account 7 / lot 3", &longest],
            &["", " ", "-/-", "債1", "a\0", &too_long],
        );
    }

    /// One of each kind: soft hyphen, zero-width space, marks of direction, joiners, separators, a filler that counts
    /// as a letter, a selector that counts as a mark, a tag.
    #[test]
    fn a_name_has_no_invisible_characters() {
        for c in [
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{202e}',
            '\u{2060}',
            '\u{feff}',
            '\u{2028}',
            '\u{2029}',
            '\u{fff9}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{e0041}',
        ] {
            for text in [format!("A{c}B"), format!("{c}AB"), format!("AB{c}")] {
                assert!(text.parse::<LegalName>().is_err(), "{c:?}");
                assert!(text.parse::<Description>().is_err(), "{c:?}");
            }
        }
        // What one sees, or sees a gap of, is told apart by the reader.
        table::<LegalName>(&["Cafe\u{301}", "A\u{a0}B", "A  B", "Ѕ"], &[]);
    }

    #[test]
    fn kinds_of_assets() {
        let longest = format!("a{}", "-".repeat(30));
        let too_long = format!("{longest}-");
        table::<AssetKind>(
            &["receivable", "a1", "a-", &longest],
            &[
                "", "a", "1a", "-a", "A1", "aB", "a_b", "a b", "aé", &too_long,
            ],
        );
    }

    #[test]
    fn descriptions() {
        let longest = "é".repeat(16_384);
        let too_long = format!("{longest}é");
        table::<Description>(
            &["All assets", "a\n\tb\r\n", "債", &longest],
            &["", " ", "\n", "- - -", "a\0", "a\u{1b}", &too_long],
        );
    }

    #[test]
    fn what_people_write_differently_is_compared_plainly() {
        let plainly = |text: &str| text.parse::<FileNumber>().unwrap().plain();
        for (one, other) in [
            ("2027 0123456", "20270123456"),
            ("2027-0123456/a", "20270123456A"),
            ("a.b", "A B"),
        ] {
            assert_eq!(plainly(one), plainly(other));
        }
        assert_ne!(plainly("2027-1"), plainly("2027-2"));
    }
}
