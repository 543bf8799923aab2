//! Problem documents (RFC 9457). The one place where an error becomes a status.

mod refusal;

use std::time::Duration;

use serde_json::{Map, Value, json};
use tracing::error;

pub(super) use self::refusal::render_reason;
use self::refusal::urn;
pub use self::refusal::{REFUSALS, Refusal, render_outcome};
use super::{fields::FieldError, response::Response};
use crate::{auth::Unauthenticated, gateway, gateway::Outcome};

/// Why a request got no success. What a caller must not learn is not in here; it was logged.
#[derive(Debug)]
pub enum Problem {
    /// The HTTP request is malformed: its body cannot be decoded, or a header is invalid.
    MalformedRequest,
    /// The body is no JSON text.
    MalformedBody,
    /// No header `Idempotency-Key`.
    IdempotencyKeyMissing,
    /// `Idempotency-Key` is there twice or in another form.
    IdempotencyKeyMalformed,
    /// No acceptable token; one answer for every cause.
    Unauthenticated,
    /// No acceptable signature; one answer for every cause.
    Unsigned,
    /// The token is good, the person belongs to no allocator.
    NotAMember,
    /// The path or the method belongs to no function, or to another one.
    NoRoute,
    /// The path names nothing that is the caller's.
    NotFound,
    /// The body is over the limit.
    PayloadTooLarge,
    /// The body is not declared to be JSON.
    UnsupportedMediaType,
    /// The body is declared to be compressed, or encoded otherwise.
    UnsupportedContentEncoding,
    /// Members of the body or parameters of the query.
    Invalid(Vec<FieldError>),
    /// A business refusal of the database.
    Refused {
        /// `refused`, or `replayed` for a retry of our own.
        outcome: Outcome,
        /// Its name.
        name: String,
        /// Its members.
        members: Map<String, Value>,
    },
    /// The key is known, with this request: the original's outcome and commitment.
    Duplicate(Map<String, Value>),
    /// The key is known, with another request: its commitment.
    IdempotencyKeyReused(Map<String, Value>),
    /// The delivery was refused when it first arrived: the original's outcome and commitment.
    DeliveryRefused(Map<String, Value>),
    /// The delivery's id is known, with another body: its commitment.
    DeliveryIdReused(Map<String, Value>),
    /// What is asked for cannot be computed in the time there is.
    RunTooLong {
        /// How long it would take.
        estimate: Duration,
        /// How long it may take.
        available: Duration,
    },
    /// Not now. Nothing half-done exists; repeated with the same key, the request takes effect once.
    Unavailable,
    /// Our fault, and no word about it.
    Internal,
}

impl From<gateway::Error> for Problem {
    fn from(error: gateway::Error) -> Self {
        match error {
            gateway::Error::TokenRefused => Self::Unauthenticated,
            gateway::Error::NotAMember => Self::NotAMember,
            gateway::Error::Unavailable => Self::Unavailable,
            gateway::Error::Broken => Self::Internal,
        }
    }
}

impl From<&Unauthenticated> for Problem {
    fn from(error: &Unauthenticated) -> Self {
        match error {
            Unauthenticated::Refused(_) => Self::Unauthenticated,
            Unauthenticated::KeysUnavailable(_) => Self::Unavailable,
        }
    }
}

impl Problem {
    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let Answer {
            outcome,
            status,
            mut document,
            header,
        } = self.answer();
        // The generic 500 is the same to the byte, whatever its cause.
        if status != 500 {
            document.insert("request_id".to_owned(), request_id.into());
        }
        let mut response = Response::json(
            status,
            "application/problem+json",
            &document,
            request_id,
            outcome,
        );
        response
            .headers
            .extend(header.map(|(name, value)| (name, value.to_owned())));
        response
    }

    /// For the log, of a genuine report that was not executed: the reason's name, and the key of the commitment that
    /// has the report. None where the report is still to be repeated, which has alarms of its own.
    pub(crate) fn not_executed(&self) -> Option<(&str, Option<&str>)> {
        match self {
            Self::Unavailable | Self::Internal => None,
            Self::Refused { name, members, .. } => Some((name, id_of(members))),
            Self::DeliveryRefused(members) => Some(("delivery-refused", id_of(members))),
            Self::DeliveryIdReused(members) => Some(("delivery-id-reused", id_of(members))),
            Self::Invalid(_) => Some(("invalid-request", None)),
            _ => Some(("malformed", None)),
        }
    }

    fn answer(self) -> Answer {
        match self {
            Self::MalformedRequest => blank(400, "Bad Request", "The request is malformed."),
            Self::MalformedBody => {
                blank(400, "Bad Request", "The body is not a JSON text in UTF-8.")
            }
            Self::IdempotencyKeyMissing => own(
                400,
                "idempotency-key-missing",
                "Idempotency key missing",
                "This request needs the header Idempotency-Key.",
            ),
            Self::IdempotencyKeyMalformed => own(
                400,
                "idempotency-key-malformed",
                "Idempotency key malformed",
                "Idempotency-Key must be given once: 16 to 255 letters, digits and -._~+/=:, the first no colon, \
                bare or in one pair of double quotes.",
            ),
            Self::Unauthenticated => {
                blank(401, "Unauthorized", "A valid bearer token is required.")
                    .with_header("www-authenticate", "Bearer")
            }
            Self::Unsigned => blank(
                401,
                "Unauthorized",
                "A valid webhook signature is required.",
            )
            .with_header("www-authenticate", "HMAC-SHA256"),
            Self::NotAMember => own(
                403,
                "not-a-member",
                "Not a member",
                "This person is a member of no allocator.",
            ),
            Self::NoRoute => blank(404, "Not Found", "There is no such route."),
            // The same words as for the id of another allocator's resource, which the database refuses.
            Self::NotFound => refused("not-found", Map::new()),
            Self::PayloadTooLarge => {
                blank(413, "Content Too Large", "The body is over 65536 bytes.")
            }
            Self::UnsupportedMediaType => blank(
                415,
                "Unsupported Media Type",
                "The body must be application/json in UTF-8.",
            ),
            Self::UnsupportedContentEncoding => encoded(),
            Self::Invalid(errors) => own(
                422,
                "invalid-request",
                "Invalid request",
                "The request is well-formed but not valid.",
            )
            .with("errors", json!(errors)),
            Self::RunTooLong {
                estimate,
                available,
            } => run_too_long(estimate, available),
            Self::IdempotencyKeyReused(members) => own(
                422,
                "idempotency-key-reused",
                "Idempotency key reused",
                "This Idempotency-Key was used with another request.",
            )
            .with_all(members)
            .of(Outcome::Reused),
            Self::DeliveryRefused(members) => delivery_refused(members),
            Self::DeliveryIdReused(members) => delivery_id_reused(members),
            Self::Duplicate(members) => own(
                409,
                "duplicate-request",
                "Duplicate request",
                "This request was made before; it was not executed again.",
            )
            .with_commitment_path(&members)
            .with_all(members)
            .of(Outcome::Duplicate),
            Self::Refused {
                outcome,
                name,
                members,
            } => match refused(&name, members) {
                // The generic 500 is no refusal to the metrics either.
                answer if answer.status == 500 => answer,
                answer => answer.of(outcome),
            },
            Self::Unavailable => blank(
                503,
                "Service Unavailable",
                "Repeat the same request; it takes effect once.",
            )
            .with_header("retry-after", "1"),
            Self::Internal => blank(500, "Internal Server Error", ""),
        }
    }
}

struct Answer {
    outcome: &'static str,
    status: u16,
    document: Map<String, Value>,
    header: Option<(&'static str, &'static str)>,
}

/// A plain status: its meaning is HTTP's.
fn blank(status: u16, title: &str, detail: &str) -> Answer {
    let mut document = Map::from_iter([
        ("type".to_owned(), "about:blank".into()),
        ("title".to_owned(), title.into()),
        ("status".to_owned(), status.into()),
    ]);
    if !detail.is_empty() {
        document.insert("detail".to_owned(), detail.into());
    }
    let outcome = match status {
        500 => "failed",
        503 => "unavailable",
        _ => "rejected",
    };
    Answer {
        outcome,
        status,
        document,
        header: None,
    }
}

/// RFC 9110, section 15.5.16: what would have been taken.
fn encoded() -> Answer {
    let detail =
        "The body must be sent as it is: Content-Encoding may be identity and nothing else.";
    blank(415, "Unsupported Media Type", detail).with_header("accept-encoding", "identity")
}

fn delivery_refused(members: Map<String, Value>) -> Answer {
    let detail = "This delivery was refused before, and was not executed; when the reason has gone, make the report \
                  anew under another id.";
    own(409, "delivery-refused", "Delivery refused", detail)
        .with_all(members)
        .of(Outcome::Duplicate)
}

fn delivery_id_reused(members: Map<String, Value>) -> Answer {
    let detail = "This delivery's id was used with another body, and this one was not executed; another report needs \
                  another id.";
    own(422, "delivery-id-reused", "Delivery id reused", detail)
        .with_all(members)
        .of(Outcome::Reused)
}

fn run_too_long(estimate: Duration, available: Duration) -> Answer {
    let detail = "The run cannot be computed in the time there is: ask for fewer scenarios, or another method.";
    own(422, "run-too-long", "Run too long", detail)
        .with("estimate_ms", milliseconds(estimate))
        .with("available_ms", milliseconds(available))
}

fn milliseconds(duration: Duration) -> Value {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .into()
}

/// A business refusal. A name that this build does not know is a programmer's error.
fn refused(name: &str, members: Map<String, Value>) -> Answer {
    let Some((status, document)) = refusal::render(name, members) else {
        error!(
            refusal.name = name,
            "The database refused for a reason without words."
        );
        return blank(500, "Internal Server Error", "");
    };
    Answer {
        outcome: "rejected",
        status,
        document,
        header: None,
    }
}

/// A problem type of ours.
fn own(status: u16, name: &str, title: &str, detail: &str) -> Answer {
    blank(status, title, detail).with("type", urn(name).into())
}

/// The id of the commitment among a reply's members.
fn id_of(members: &Map<String, Value>) -> Option<&str> {
    members.get("commitment")?.get("id")?.as_str()
}

impl Answer {
    fn with(mut self, name: &str, value: Value) -> Self {
        self.document.insert(name.to_owned(), value);
        self
    }

    fn with_all(mut self, members: Map<String, Value>) -> Self {
        self.document.extend(members);
        self
    }

    /// Where the ledger's entry of the original is.
    fn with_commitment_path(self, members: &Map<String, Value>) -> Self {
        let path = id_of(members).map(|id| format!("/v1/commitments/{id}"));
        self.with("commitment_path", path.into())
    }

    fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    fn of(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome.as_str();
        self
    }
}

#[cfg(test)]
mod tests;
