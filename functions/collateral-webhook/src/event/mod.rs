//! What a collateral agent can tell. Each reader gives the members for the database: the ones that were checked and no
//! others, in one spelling.
//!
//! Each is held against its form here. Whether it has happened already (`date-ahead`), and whether parties, filings and
//! assets are known, the database says.

mod amendment;
mod documents;
mod filing;
mod pledge;

use serde_json::Value;
use shared::http::Fields;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    FilingRecorded,
    AmendmentRecorded,
    AgreementRecorded,
    AssetPledged,
    ValuationRecorded,
    CustodyConfirmed,
    SearchReported,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::FilingRecorded,
        Self::AmendmentRecorded,
        Self::AgreementRecorded,
        Self::AssetPledged,
        Self::ValuationRecorded,
        Self::CustodyConfirmed,
        Self::SearchReported,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::FilingRecorded => "filing.recorded",
            Self::AmendmentRecorded => "amendment.recorded",
            Self::AgreementRecorded => "agreement.recorded",
            Self::AssetPledged => "asset.pledged",
            Self::ValuationRecorded => "valuation.recorded",
            Self::CustodyConfirmed => "custody.confirmed",
            Self::SearchReported => "search.reported",
        }
    }
}

pub(crate) fn kind(text: &str) -> Result<Kind, &'static str> {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or("must be an event type of a collateral agent")
}

pub(crate) fn data(kind: Kind, data: &mut Fields) -> Option<Value> {
    match kind {
        Kind::FilingRecorded => filing::filing(data),
        Kind::AmendmentRecorded => amendment::amendment(data),
        Kind::AgreementRecorded => pledge::agreement(data),
        Kind::AssetPledged => pledge::pledge(data),
        Kind::ValuationRecorded => documents::valuation(data),
        Kind::CustodyConfirmed => documents::receipt(data),
        Kind::SearchReported => documents::search(data),
    }
}

#[cfg(test)]
mod tests;
