//! Values of some members of a leaf.

use std::fmt;

/// The name of a refusal: words of lower-case letters, joined by hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefusalName(String);

impl RefusalName {
    /// Reads exactly that form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        text.split('-').all(is_word).then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A time in UTC with microseconds: `2026-11-23T01:02:03.123456Z`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(String);

impl Timestamp {
    /// Reads exactly that form. Leap seconds are refused.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const FORM: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
        let bytes: &[u8; 27] = text.as_bytes().try_into().ok()?;
        let fits = |(byte, form): (&u8, &u8)| {
            if *form == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == form
            }
        };
        if !bytes.iter().zip(FORM).all(fits) {
            return None;
        }
        let number = |at: usize, digits: usize| {
            bytes[at..at + digits]
                .iter()
                .fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'))
        };
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2));
        let valid = (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day)
            && number(11, 2) < 24
            && number(14, 2) < 60
            && number(17, 2) < 60;
        valid.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A UUID in lower case: `00000000-0000-0000-0000-000000000000`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(String);

impl Uuid {
    /// Reads exactly that form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let fits = |(at, byte): (usize, &u8)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        bytes
            .iter()
            .enumerate()
            .all(fits)
            .then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A status of HTTP: `100..=599`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(u16);

impl Status {
    /// The status; `None` when it is out of range.
    #[must_use]
    pub const fn new(status: u16) -> Option<Self> {
        if 100 <= status && status <= 599 {
            Some(Self(status))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}
