//! What every query here needs: instants as text, and errors as reasons.

use crate::report::Undecided;

/// An instant as leaves and audit rows spell it.
macro_rules! rfc3339 {
    ($column:literal) => {
        concat!(
            "pg_catalog.to_char(",
            $column,
            " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        )
    };
}
pub(super) use rfc3339;

/// The error as a reason. The server's details may hold values, so only its code and primary message are shown.
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
pub(super) fn failed(error: postgres::Error) -> Undecided {
    match error.as_db_error() {
        Some(said) => Undecided(format!(
            "the database: {} {}",
            said.code().code(),
            said.message()
        )),
        None => Undecided(format!("the database: {error}")),
    }
}
