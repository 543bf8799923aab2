//! The inputs of a run as bytes, and their hash. A run is recorded with them, and recomputed from them.
//!
//! ASCII lines, each ended by LF, fields parted by one space, numbers in decimal without leading zeros, names in the
//! order of their ids:
//!
//! ```text
//! optkas-risk-snapshot/1
//! currency USD
//! factors 2
//! ratings 8                                        0 without a matrix
//! migrate <probabilities, ppb, 9 of them> <losses, ppb, 8 of them>     one line a rating
//! names 3
//! name <id> <exposure> <collateral> <pd> fixed <lgd> <rating or -> <loading> <loading>
//! name <id> <exposure> <collateral> <pd> beta <mean> <deviation> <rating or -> <loading> <loading>
//! ```
//!
//! Amounts are minor units, all else parts per billion. [`Snapshot::decode`] accepts exactly what
//! [`Snapshot::encode`] writes: it parses, checks as any draft is checked, and compares the bytes.

use std::{
    fmt::{self, Write as _},
    str::{FromStr, SplitAsciiWhitespace},
};

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::{
    input::{
        Draft, FACTORS_MAX, Lgd, MigrationDraft, NAMES_MAX, Name, NameDraft, Portfolio,
        RATINGS_MAX, Refused,
    },
    units::{Fraction, Loading},
};

const HEADER: &str = "optkas-risk-snapshot/1";

/// SHA-256, in lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, bytes);
        Self(base16ct::lower::encode_string(hash.as_ref()))
    }

    /// 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A portfolio's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(Vec<u8>);

/// Why bytes are not a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASnapshot {
    /// A line has not the form.
    #[error("line {0} of the snapshot is not of its form")]
    Line(usize),
    /// The form is right, and the spelling is not the canonical one.
    #[error("the snapshot is not spelled as it must be")]
    NotCanonical,
    /// The portfolio is refused.
    #[error("the snapshot's portfolio is refused")]
    Refused(#[source] Refused),
}

impl Snapshot {
    /// Writes a portfolio.
    #[allow(clippy::missing_panics_doc, reason = "a string takes what is written")]
    #[must_use]
    pub fn encode(portfolio: &Portfolio) -> Self {
        let mut text = String::new();
        write_portfolio(&mut text, portfolio).expect("a string takes what is written");
        Self(text.into_bytes())
    }

    /// Reads a portfolio.
    ///
    /// # Errors
    /// The bytes are not exactly what [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Portfolio, NotASnapshot> {
        let text = std::str::from_utf8(bytes).map_err(|_| NotASnapshot::NotCanonical)?;
        let mut lines = Lines {
            lines: text.lines(),
            number: 0,
        };
        let draft = read_draft(&mut lines).ok_or(NotASnapshot::Line(lines.number))?;
        let portfolio = Portfolio::parse(draft).map_err(NotASnapshot::Refused)?;
        if Self::encode(&portfolio).0 == bytes {
            Ok(portfolio)
        } else {
            Err(NotASnapshot::NotCanonical)
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Their SHA-256.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

fn write_portfolio(text: &mut String, portfolio: &Portfolio) -> fmt::Result {
    let ratings = portfolio
        .migration()
        .map_or(0, crate::input::Migration::ratings);
    writeln!(
        text,
        "{HEADER}\ncurrency {}\nfactors {}\nratings {ratings}",
        portfolio.currency(),
        portfolio.factors()
    )?;
    for (migration, rating) in portfolio
        .migration()
        .into_iter()
        .flat_map(|m| (0..ratings).map(move |rating| (m, rating)))
    {
        text.push_str("migrate");
        migration
            .probabilities(rating)
            .iter()
            .try_for_each(|p| write!(text, " {}", p.ppb()))?;
        migration
            .losses_ppb(rating)
            .iter()
            .try_for_each(|loss| write!(text, " {loss}"))?;
        text.push('\n');
    }
    writeln!(text, "names {}", portfolio.names().len())?;
    portfolio
        .names()
        .iter()
        .try_for_each(|name| write_name(text, name))
}

fn write_name(text: &mut String, name: &Name) -> fmt::Result {
    write!(
        text,
        "name {} {} {} {}",
        name.id,
        name.exposure_minor,
        name.collateral_minor,
        name.pd.ppb()
    )?;
    match name.lgd {
        Lgd::Fixed(lgd) => write!(text, " fixed {}", lgd.ppb()),
        Lgd::Beta { mean, deviation } => write!(text, " beta {} {}", mean.ppb(), deviation.ppb()),
    }?;
    match name.rating {
        Some(rating) => write!(text, " {rating}"),
        None => write!(text, " -"),
    }?;
    name.loadings
        .iter()
        .try_for_each(|loading| write!(text, " {}", loading.ppb()))?;
    text.push('\n');
    Ok(())
}

struct Lines<'a> {
    lines: std::str::Lines<'a>,
    number: usize,
}

impl<'a> Lines<'a> {
    /// The fields of the next line after its first, which must be `tag`.
    fn fields(&mut self, tag: &str) -> Option<SplitAsciiWhitespace<'a>> {
        self.number += 1;
        let mut fields = self.lines.next()?.split_ascii_whitespace();
        (fields.next()? == tag).then_some(fields)
    }

    fn number<T: FromStr>(&mut self, tag: &str) -> Option<T> {
        number(&mut self.fields(tag)?)
    }
}

fn read_draft(lines: &mut Lines<'_>) -> Option<Draft> {
    lines.fields(HEADER)?;
    let currency = lines.fields("currency")?.next()?.to_owned();
    let factors = lines
        .number("factors")
        .filter(|&factors| factors <= FACTORS_MAX)?;
    let ratings = lines
        .number("ratings")
        .filter(|&ratings| ratings <= RATINGS_MAX)?;
    let migration = if ratings == 0 {
        None
    } else {
        Some(read_migration(lines, ratings)?)
    };
    let count = lines
        .number("names")
        .filter(|&names: &usize| names <= NAMES_MAX)?;
    let names = (0..count)
        .map(|_| read_name(lines, factors))
        .collect::<Option<_>>()?;
    Some(Draft {
        currency,
        factors,
        migration,
        names,
    })
}

fn read_migration(lines: &mut Lines<'_>, ratings: usize) -> Option<MigrationDraft> {
    let mut draft = MigrationDraft::default();
    for _ in 0..ratings {
        let mut fields = lines.fields("migrate")?;
        draft.probabilities.push(
            (0..=ratings)
                .map(|_| fraction(&mut fields))
                .collect::<Option<_>>()?,
        );
        draft.losses_ppb.push(
            (0..ratings)
                .map(|_| number(&mut fields))
                .collect::<Option<_>>()?,
        );
    }
    Some(draft)
}

fn read_name(lines: &mut Lines<'_>, factors: usize) -> Option<NameDraft> {
    let mut fields = lines.fields("name")?;
    Some(NameDraft {
        id: fields.next()?.to_owned(),
        exposure_minor: Some(number(&mut fields)?),
        collateral_minor: Some(number(&mut fields)?),
        pd: Some(fraction(&mut fields)?),
        lgd: Some(match fields.next()? {
            "fixed" => Lgd::Fixed(fraction(&mut fields)?),
            "beta" => Lgd::Beta {
                mean: fraction(&mut fields)?,
                deviation: fraction(&mut fields)?,
            },
            _ => return None,
        }),
        rating: match fields.next()? {
            "-" => None,
            rating => Some(rating.parse().ok()?),
        },
        loadings: Some(
            (0..factors)
                .map(|_| Loading::from_ppb(number(&mut fields)?))
                .collect::<Option<_>>()?,
        ),
    })
}

fn number<T: FromStr>(fields: &mut SplitAsciiWhitespace<'_>) -> Option<T> {
    fields.next()?.parse().ok()
}

fn fraction(fields: &mut SplitAsciiWhitespace<'_>) -> Option<Fraction> {
    Fraction::from_ppb(number(fields)?)
}
