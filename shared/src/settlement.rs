//! The words of a settlement. Only the database decides which step is legal and who may take it (constraints of
//! `settlement` and `settlement_transition`).

use std::{fmt, str::FromStr};

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};

use crate::{
    ids::{FacilityId, Invalid, SettlementId},
    money::{AmountMinor, CurrencyCode},
};

/// The state of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Created by a maker.
    Pending,
    /// Confirmed by a second pair of eyes; capital is reserved.
    Verified,
    /// The escrow agent holds the funds.
    Escrowed,
    /// Final: the allocator holds a position in the facility.
    Settled,
    /// Final: withdrawn by the allocator before escrow.
    Cancelled,
    /// Final: its time ran out before escrow.
    Expired,
    /// Final: an agent could not complete it; capital has returned.
    Failed,
}

impl Status {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Verified,
        Self::Escrowed,
        Self::Settled,
        Self::Cancelled,
        Self::Expired,
        Self::Failed,
    ];

    /// The state's name in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Verified => "VERIFIED",
            Self::Escrowed => "ESCROWED",
            Self::Settled => "SETTLED",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
            Self::Failed => "FAILED",
        }
    }
}

impl FromStr for Status {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(Invalid(
                "must be one of PENDING, VERIFIED, ESCROWED, SETTLED, CANCELLED, EXPIRED, FAILED",
            ))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A short text written by a person or an agent (a reference, a reason, a name): 1 to 140
/// characters, none of them invisible. U+0000 would be refused by `PostgreSQL`, a line
/// break would forge a log line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text(String);

impl Text {
    /// The most characters (Unicode scalar values) a text may have.
    pub const CHARS_MAX: usize = 140;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Text {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !is_line(text, Self::CHARS_MAX) {
            return Err(Invalid(
                "must be 1 to 140 characters, none of them invisible",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// 1 to `chars_max` characters, as `PostgreSQL` counts them, none of them invisible.
pub(crate) fn is_line(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.chars().count()) && !text.chars().any(is_invisible)
}

/// Whether a character leaves no mark of its own, nor a gap between others: two names could differ by it alone, and
/// look the same. Those are control and format characters, line and paragraph separators, and what Unicode calls
/// `Default_Ignorable_Code_Point` (UAX #44).
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        CodePointMapData::<GeneralCategory>::new().get(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an escrow or a settlement agent reports of a settlement.
#[derive(Debug)]
pub struct Report {
    /// The settlement.
    pub settlement_id: SettlementId,
    /// The facility that the settlement goes to, as the agent knows it.
    pub facility_id: FacilityId,
    /// How the agent's part went.
    pub result: ReportResult,
}

/// How the agent's part went.
#[derive(Debug)]
pub enum ReportResult {
    /// The agent did it, with this amount.
    Done {
        /// The amount in minor units.
        amount_minor: AmountMinor,
        /// The amount's currency.
        currency: CurrencyCode,
    },
    /// The agent could not do it, for this reason.
    Failed(Text),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_back_and_only_they() {
        for status in Status::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        for bad in ["", "pending", "Pending", "PENDING ", "DRAFT", "PENDING\0"] {
            assert!(bad.parse::<Status>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn texts() {
        let longest = "é".repeat(140);
        for good in ["a", "Series A, tranche 2", "債券", "💼", longest.as_str()] {
            assert_eq!(good.parse::<Text>().unwrap().as_str(), good);
        }
        let too_long = format!("{longest}a");
        for bad in [
            "",
            "\0",
            "a\nb",
            "a\rb",
            "a\tb",
            "\u{1b}[2J",
            "\u{7f}",
            "\u{85}",
            // Joined emoji pay for names that show all they are.
            "👩‍💼",
            &too_long,
        ] {
            assert!(bad.parse::<Text>().is_err(), "{bad:?}");
        }
    }
}
