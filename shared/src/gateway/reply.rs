use std::any::type_name;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio_postgres::{Row, types::Json};
use tracing::error;

use super::Error;

/// What a gateway function returned: exactly one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What became of the call.
    pub outcome: Outcome,
    /// The status of an answer, 200 or 201; none of a refusal.
    pub status: Option<u16>,
    /// The name of a refusal. `http::problem` knows what it means to a caller.
    pub refusal: Option<String>,
    /// The answer, or the members of a refusal.
    pub body: Map<String, Value>,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A read.
    Ok,
    /// A mutation took effect.
    Accepted,
    /// A business refusal.
    Refused,
    /// The same answer as before, to a second try of the same invocation.
    Replayed,
    /// The key is known, with the same request.
    Duplicate,
    /// The key is known, with another request.
    Reused,
}

impl Outcome {
    const ALL: [Self; 6] = [
        Self::Ok,
        Self::Accepted,
        Self::Refused,
        Self::Replayed,
        Self::Duplicate,
        Self::Reused,
    ];

    /// The outcome's name in the database and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Replayed => "replayed",
            Self::Duplicate => "duplicate",
            Self::Reused => "reused",
        }
    }
}

/// The column whose value is not what the gateway functions return.
#[derive(Debug, thiserror::Error)]
#[error("the column {0} of the reply is unusable")]
pub(super) struct Unusable(&'static str);

impl Reply {
    /// The answer as a type.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`] for a body of another form, which is logged without a word of the body.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_value(Value::Object(self.body)).map_err(|_| {
            error!(
                reply.expected = type_name::<T>(),
                "The database's reply has another form."
            );
            Error::Broken
        })
    }

    pub(super) fn from_row(row: &Row) -> Result<Self, Unusable> {
        let outcome: &str = column(row.try_get("outcome"), "outcome")?;
        let status: Option<i32> = column(row.try_get("status"), "status")?;
        let refusal = column(row.try_get("refusal"), "refusal")?;
        let Json(body) = column(row.try_get("body"), "body")?;
        Ok(Self {
            outcome: Outcome::ALL
                .into_iter()
                .find(|known| known.as_str() == outcome)
                .ok_or(Unusable("outcome"))?,
            status: status
                .map(u16::try_from)
                .transpose()
                .map_err(|_| Unusable("status"))?,
            refusal,
            body,
        })
    }
}

fn column<T>(value: Result<T, tokio_postgres::Error>, name: &'static str) -> Result<T, Unusable> {
    value.map_err(|_| Unusable(name))
}
