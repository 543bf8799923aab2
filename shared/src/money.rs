//! Money: whole minor units and an ISO 4217 code. No fraction, no float, no arithmetic: balances
//! are the database's.

use std::{fmt, str::FromStr};

use crate::ids::Invalid;

/// An amount in minor units (cents), greater than zero and below 10^18.
///
/// In JSON it is a string, `^[1-9][0-9]{0,17}$`: many JSON parsers read a number as an IEEE 754
/// double, which is exact only to 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AmountMinor(i64);

impl AmountMinor {
    /// The number of minor units.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl FromStr for AmountMinor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let canonical = (1..=18).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_digit())
            && !text.starts_with('0');
        canonical
            .then(|| text.parse().ok())
            .flatten()
            .map(Self)
            .ok_or(Invalid(
                "must be a string of 1 to 18 digits without a leading zero",
            ))
    }
}

impl fmt::Display for AmountMinor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! minor_or_zero {
    ($(#[$doc:meta])* $name:ident, $digits_max:literal, $detail:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let canonical = (1..=$digits_max).contains(&text.len())
                    && text.bytes().all(|c| c.is_ascii_digit())
                    && (text == "0" || !text.starts_with('0'));
                canonical
                    .then(|| text.parse().ok())
                    .flatten()
                    .map(Self)
                    .ok_or(Invalid($detail))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

minor_or_zero!(
    /// What an asset is worth, in minor units: zero, or below 10^15, so that the sums of a facility's assets
    /// are numbers of 64 bits.
    ValueMinor,
    15,
    "must be a string of 1 to 15 digits without a leading zero"
);
minor_or_zero!(
    /// What is kept back of a borrowing base, in minor units: zero, or below 10^18.
    ReservesMinor,
    18,
    "must be a string of 1 to 18 digits without a leading zero"
);

/// A currency that something may begin in: a facility, a deposit, a settlement. An active code of ISO 4217 that
/// payments are made in.
///
/// The list is that of the crate `iso_currency`, without what bears a flag there, and with VES. It moves
/// with the world and with the crate's version, so it says what may *begin* and nothing else. What has begun is named
/// by [`CurrencyCode`], and goes on whatever became of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The alphabetic code, such as `USD`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

/// Codes that ISO 4217 (list one of SIX, the maintenance agency) has, and the crate calls superseded: the bolívar has
/// two, VED and VES.
const ALSO_ACTIVE: [&str; 1] = ["VES"];

impl FromStr for Currency {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        iso_currency::Currency::from_code(text)
            // A flag marks what no payment is made in: metals, units of account and test codes,
            // fund codes, and currencies that another has replaced.
            .filter(|currency| {
                currency.flags().is_empty() || ALSO_ACTIVE.contains(&currency.code())
            })
            .map(Self)
            .ok_or(Invalid(
                "must be the ISO 4217 code of an active currency, such as USD",
            ))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The currency of something that is there: of a settlement, a balance, a facility, a run. Three capital letters, as
/// the database's domain `currency` has it. Whether anything there is in this currency, the database says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyCode(String);

impl CurrencyCode {
    /// The alphabetic code, such as `USD`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }

    /// How many minor units make one of the currency: 100 where it has cents, 1 where it has none. None for a code that
    /// is not known, or known no longer.
    #[must_use]
    pub fn minor_per_unit(&self) -> Option<u32> {
        let known = iso_currency::Currency::from_code(&self.0)?;
        Some(10_u32.pow(known.exponent()?.into()))
    }
}

impl FromStr for CurrencyCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let formed = text.len() == 3 && text.bytes().all(|c| c.is_ascii_uppercase());
        formed
            .then(|| Self(text.to_owned()))
            .ok_or(Invalid("must be an ISO 4217 code, such as USD"))
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts() {
        for good in ["1", "10", "9007199254740993", "999999999999999999"] {
            assert_eq!(good.parse::<AmountMinor>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "0",
            "01",
            "-1",
            "+1",
            "1.0",
            "1e3",
            "1_000",
            "1,000",
            " 1",
            "1 ",
            "1\0",
            "0x1",
            "١",
            "１",
            "1000000000000000000",
            "9223372036854775807",
            "99999999999999999999999999",
        ] {
            assert!(bad.parse::<AmountMinor>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn values_and_reserves() {
        for good in ["0", "1", "10", "999999999999999"] {
            assert_eq!(good.parse::<ValueMinor>().unwrap().to_string(), good);
            assert_eq!(good.parse::<ReservesMinor>().unwrap().to_string(), good);
        }
        assert!("1000000000000000".parse::<ValueMinor>().is_err());
        assert!("999999999999999999".parse::<ReservesMinor>().is_ok());
        for bad in [
            "",
            "00",
            "01",
            "-0",
            "-1",
            "+1",
            "1.0",
            " 1",
            "1\0",
            "١",
            "1000000000000000000",
        ] {
            assert!(bad.parse::<ValueMinor>().is_err(), "{bad:?}");
            assert!(bad.parse::<ReservesMinor>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn currencies() {
        for good in [
            "USD", "EUR", "JPY", "CHF", "XOF", "KWD", "VED", "VES", "XCG", "ZWG", "SLE",
        ] {
            assert_eq!(good.parse::<Currency>().unwrap().code(), good);
        }
        for over in [
            "HRK", "BGN", "ZWL", "SLL", "CHE", "CLF", "XAU", "XDR", "ABC",
        ] {
            assert!(over.parse::<Currency>().is_err(), "{over:?}");
            assert_eq!(over.parse::<CurrencyCode>().unwrap().code(), over);
        }
        for (code, minor) in [
            ("USD", Some(100)),
            ("JPY", Some(1)),
            ("KWD", Some(1_000)),
            ("BGN", Some(100)),
            ("XAU", None),
            ("ABC", None),
        ] {
            let code: CurrencyCode = code.parse().unwrap();
            assert_eq!(code.minor_per_unit(), minor, "{code}");
        }
        for bad in ["", "usd", "Usd", "US", "USDX", "840", "USD\0", " USD", "ÜS"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad:?}");
            assert!(bad.parse::<CurrencyCode>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_reads_back(minor in 1_i64..1_000_000_000_000_000_000) {
            prop_assert_eq!(minor.to_string().parse::<AmountMinor>().unwrap().get(), minor);
        }

        #[test]
        fn nothing_else_is_an_amount(text in "\\PC{0,20}") {
            if let Ok(amount) = text.parse::<AmountMinor>() {
                prop_assert_eq!(amount.to_string(), text);
            }
        }
    }
}
