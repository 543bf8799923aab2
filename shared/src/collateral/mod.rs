//! The words of collateral. Form alone: which filing suffices, when one lapses and what may be drawn is the
//! database's to decide (`migrations/0015_collateral.sql` and the two after it).
//!
//! | module | holds |
//! |---|---|
//! | `lei`, `bic` | who a party is: ISO 17442, ISO 9362 |
//! | `place` | where one is organised and where one files: ISO 3166-2 |
//! | `states` | what became of a release, what a warning is about |
//! | `words` | names, numbers and descriptions, as documents have them |

mod bic;
mod lei;
mod place;
mod states;
mod words;

pub use self::{
    bic::Bic,
    lei::Lei,
    place::{Jurisdiction, Office},
    states::{ReleaseStatus, WarningKind, WarningStatus},
    words::{AssetKind, Description, FileNumber, Identifier, LegalName, OrganisationNumber},
};
