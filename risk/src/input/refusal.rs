//! Why a portfolio is refused.

use std::fmt;

/// An input of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Its id.
    Id,
    /// The exposure.
    Exposure,
    /// The probability of default.
    Pd,
    /// The loss given default.
    Lgd,
    /// The loadings on the factors.
    Loadings,
    /// The rating.
    Rating,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "id",
            Self::Exposure => "exposure",
            Self::Pd => "probability of default",
            Self::Lgd => "loss given default",
            Self::Loadings => "factor loadings",
            Self::Rating => "rating",
        })
    }
}

/// One thing that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An input was never recorded.
    #[error("{name}: {field} not recorded")]
    Missing {
        /// The name's id.
        name: String,
        /// The input.
        field: Field,
    },
    /// An input breaks a rule.
    #[error("{name}: the {field} {rule}")]
    Invalid {
        /// The name's id.
        name: String,
        /// The input.
        field: Field,
        /// How the input breaks the rule.
        rule: &'static str,
    },
    /// The portfolio as a whole breaks a rule.
    #[error("the portfolio {0}")]
    Portfolio(&'static str),
}

/// Everything that is missing or wrong, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub Vec<Refusal>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, refusal) in self.0.iter().enumerate() {
            write!(f, "{}{refusal}", if position == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}
