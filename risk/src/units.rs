//! Numbers as they are agreed: integers, so that a snapshot has one spelling.

use serde::{Deserialize, Serialize};

/// Parts of a [`Fraction`] and a [`Loading`].
pub const BILLION: u32 = 1_000_000_000;
/// Parts of a [`Level`].
pub const MILLION: u32 = 1_000_000;

/// A share of one, in parts per billion: a probability or a severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fraction(u32);

impl Fraction {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All.
    pub const ONE: Self = Self(BILLION);

    /// From parts per billion, at most a billion of them.
    #[must_use]
    pub fn from_ppb(ppb: u32) -> Option<Self> {
        (ppb <= BILLION).then_some(Self(ppb))
    }

    /// Parts per billion.
    #[must_use]
    pub fn ppb(self) -> u32 {
        self.0
    }

    /// As a number from 0 to 1.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / f64::from(BILLION)
    }

    /// This share of an amount, half a unit and more rounded up.
    #[allow(clippy::missing_panics_doc, reason = "a share is at most the whole")]
    #[must_use]
    pub fn of(self, amount: u64) -> u64 {
        let scaled = u128::from(amount) * u128::from(self.0) + u128::from(BILLION / 2);
        u64::try_from(scaled / u128::from(BILLION)).expect("a share is at most the whole")
    }
}

/// How much of a name's fortune follows one factor, in parts per billion: from -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Loading(i32);

impl Loading {
    /// From parts per billion, at most a billion of them either way.
    #[must_use]
    pub fn from_ppb(ppb: i32) -> Option<Self> {
        (ppb.unsigned_abs() <= BILLION).then_some(Self(ppb))
    }

    /// Parts per billion.
    #[must_use]
    pub fn ppb(self) -> i32 {
        self.0
    }

    /// As a number from -1 to 1.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / f64::from(BILLION)
    }
}

/// A level of confidence in parts per million: 990,000 is 99%. At least one half, less than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Level(u32);

impl Level {
    /// 99%.
    pub const P99: Self = Self(990_000);
    /// 99.9%.
    pub const P999: Self = Self(999_000);

    /// From parts per million.
    #[must_use]
    pub fn from_ppm(ppm: u32) -> Option<Self> {
        (MILLION / 2..MILLION).contains(&ppm).then_some(Self(ppm))
    }

    /// Parts per million.
    #[must_use]
    pub fn ppm(self) -> u32 {
        self.0
    }

    /// As a number from 0.5 to 1.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / f64::from(MILLION)
    }

    /// What lies beyond, as a number.
    #[must_use]
    pub fn tail(self) -> f64 {
        f64::from(MILLION - self.0) / f64::from(MILLION)
    }
}

impl TryFrom<u32> for Level {
    type Error = &'static str;

    fn try_from(ppm: u32) -> Result<Self, Self::Error> {
        Self::from_ppm(ppm).ok_or("a level is from 500000 to 999999 parts per million")
    }
}

impl From<Level> for u32 {
    fn from(level: Level) -> Self {
        level.0
    }
}
