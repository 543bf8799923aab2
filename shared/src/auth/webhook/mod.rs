//! Signed webhooks of agents: HMAC-SHA256 over the raw bytes, in one of two schemes.
//!
//! | scheme | headers | signed bytes |
//! |---|---|---|
//! | Standard Webhooks | `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64> …` | `id.timestamp.body` |
//! | raw body | `x-signature-256: sha256=<hex>` | `body` |
//!
//! Standard Webhooks is in version 1.0. Its headers may have their older names, `svix-id` and so on. The header texts
//! are signed as received. A dot in an id cannot move bytes between the parts: a timestamp is digits only, and a body
//! begins with a brace.
//!
//! Whether an agent exists, which scheme it uses and how many secrets it has make no difference in
//! the work done: the headers are parsed before the agent is looked up, and two secrets are tried
//! always.
//!
//! Not here: replay. Within the time window, and for raw bodies for ever, a replayed delivery
//! verifies; the commitment ledger knows its id and executes nothing.

mod key_ring;
mod presented;

use http::HeaderMap;
use ring::hmac;
use time::OffsetDateTime;

pub use self::key_ring::{Flaw, KeyRing, KeyRingError};
use self::{key_ring::Known, presented::Presented};
use super::Agent;

/// How far a signed timestamp may be from our clock, in either direction.
pub const TOLERANCE_SECONDS: u64 = 300;

/// A webhook as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The agent's id in the path.
    pub agent: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The body's bytes, before any parsing.
    pub body: &'a [u8],
}

/// Verifies a delivery's signature.
///
/// # Errors
///
/// Why it is refused, for the log.
pub fn verify(
    ring: &KeyRing,
    delivery: &Delivery<'_>,
    now: OffsetDateTime,
) -> Result<Agent, WebhookError> {
    let presented = Presented::parse(delivery.headers, now.unix_timestamp())?;
    let candidates = ring.candidates(delivery.agent, presented.scheme());
    let message = presented.message(delivery.body);
    let mut genuine = false;
    for secret in candidates.secrets {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        for signature in presented.signatures() {
            // Constant time within, and no early exit around it.
            genuine |= hmac::verify(&key, &message, signature).is_ok();
        }
    }
    match candidates.agent {
        Known::Nobody => Err(WebhookError::UnknownAgent),
        Known::Unusable => Err(WebhookError::Unusable),
        Known::Agent(_) if !genuine => Err(WebhookError::Signature),
        Known::Agent(id) => Ok(Agent {
            id: id.clone(),
            webhook_id: presented.into_webhook_id(),
        }),
    }
}

/// Why a delivery is refused. For the log: a caller gets one text for all of them, but for an agent whose secrets
/// cannot be used. Its signature may be right, and it is to deliver again when they are repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message is the documentation")]
pub enum WebhookError {
    #[error("a signature header is missing, repeated or not ASCII, or both schemes are present")]
    Headers,
    #[error("the webhook-id is not 1 to 255 visible ASCII characters")]
    Id,
    #[error("the webhook-timestamp is not 1 to 12 digits")]
    Timestamp,
    #[error("the webhook-timestamp is too far from now")]
    Stale,
    #[error("the signature header is malformed, has no known version, or has too many signatures")]
    Form,
    #[error("the agent has no secret of this scheme")]
    UnknownAgent,
    #[error("no signature is of any of the agent's secrets")]
    Signature,
    #[error("the agent's entry in the key ring cannot be used")]
    Unusable,
}

#[cfg(test)]
mod tests;
