//! ISO 3166: the place of an organisation, and the office of one of the United States.

use std::{fmt, str::FromStr};

use crate::ids::Invalid;

/// Those with a central filing office under Article 9: the states, the district, and the territories that
/// have enacted it.
const OFFICES: &str = "AK AL AR AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND \
                       NE NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UT VA VI VT WA WI WV WY";

/// Where an organisation is organised: a country (`LU`) or, where law is made by its parts, one of them
/// (`US-DE`). Of other countries it is the form only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Jurisdiction(String);

impl Jurisdiction {
    /// The code's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Jurisdiction {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (country, part) = text.split_once('-').unwrap_or((text, "0"));
        let formed = country.len() == 2
            && country.bytes().all(|c| c.is_ascii_uppercase())
            && (1..=3).contains(&part.len())
            && part
                .bytes()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let known = country != "US" || is_office(part);
        (formed && known)
            .then(|| Self(text.to_owned()))
            .ok_or(Invalid(
                "must be an ISO 3166 code of a country or, in the United States, of a state, such as US-DE",
            ))
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The central filing office of one of the United States (9-501(a)(2)), by the state's code: `US-DE`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Office(String);

impl Office {
    /// The code's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Office {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.strip_prefix("US-")
            .filter(|state| is_office(state))
            .map(|_| Self(text.to_owned()))
            .ok_or(Invalid(
                "must be the ISO 3166-2 code of one of the United States, such as US-DE",
            ))
    }
}

impl fmt::Display for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_office(state: &str) -> bool {
    OFFICES.split(' ').any(|known| known == state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jurisdictions() {
        for good in [
            "US-DE", "US-NY", "US-DC", "LU", "GB-SCT", "DE-BY", "CA-ON", "FR-75",
        ] {
            assert_eq!(good.parse::<Jurisdiction>().unwrap().as_str(), good);
        }
        for bad in [
            "", "US", "US-", "US-ZZ", "US-de", "US-DEL", "us-DE", "USA", "U", "LU-", "LU-ABCD",
            "LU-A-B", "LU A", "LU\0", "É", "US-DE ",
        ] {
            assert!(bad.parse::<Jurisdiction>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn offices() {
        let states: Vec<&str> = OFFICES.split(' ').collect();
        assert_eq!(states.len(), 50 + 1 + 4);
        assert!(states.is_sorted());
        for state in states {
            let office = format!("US-{state}");
            assert_eq!(office.parse::<Office>().unwrap().as_str(), office);
        }
        for bad in [
            "", "DE", "US", "US-", "US-AK AL", "US-ZZ", "US-de", "DE-BY", "US-DE ",
        ] {
            assert!(bad.parse::<Office>().is_err(), "{bad:?}");
        }
    }
}
