//! What a collateral agent reports. Each reader gives the members for the database: the checked ones and no others, in
//! one spelling.
//!
//! Only the form is checked here. The database decides the rest: whether a date lies ahead (`date-ahead`), and whether
//! parties, filings and assets are known.

mod amendment;
mod documents;
mod filing;
mod pledge;

use serde_json::Value;
use shared::http::webhook::Webhook;

/// The events of a collateral agent.
pub(crate) const WEBHOOK: Webhook<Value> = Webhook {
    events: &[
        ("filing.recorded", filing::filing),
        ("amendment.recorded", amendment::amendment),
        ("agreement.recorded", pledge::agreement),
        ("asset.pledged", pledge::pledge),
        ("valuation.recorded", documents::valuation),
        ("custody.confirmed", documents::receipt),
        ("search.reported", documents::search),
    ],
    unknown: "must be an event type of a collateral agent",
};

#[cfg(test)]
mod tests;
