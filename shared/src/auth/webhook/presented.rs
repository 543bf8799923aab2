use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;

use super::{TOLERANCE_SECONDS, WebhookError, key_ring::Scheme};
use crate::{commitment::from_hex, ids::DeliveryId};

/// A rotation needs two. Each costs two HMACs over the body.
const SIGNATURES_MAX: usize = 8;

/// The headers of Standard Webhooks, and the names that they had before it: id, timestamp, signatures. A delivery has
/// one set and no header of the other: with both it would be left to us which value was meant.
const STANDARD_WEBHOOKS: [[&str; 3]; 2] = [
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
    ["svix-id", "svix-timestamp", "svix-signature"],
];

/// The signatures that a delivery presents, in form and in time, and not verified.
pub(super) enum Presented<'a> {
    StandardWebhooks {
        id: DeliveryId,
        timestamp: &'a str,
        signatures: Vec<[u8; 32]>,
    },
    RawBody {
        signature: [u8; 32],
    },
}

impl<'a> Presented<'a> {
    pub(super) fn parse(headers: &'a HeaderMap, now: i64) -> Result<Self, WebhookError> {
        let mut given = STANDARD_WEBHOOKS
            .iter()
            .filter(|names| names.iter().any(|name| headers.contains_key(*name)));
        match (
            given.next(),
            given.next(),
            single(headers, "x-signature-256")?,
        ) {
            (Some(names), None, None) => Self::standard_webhooks(headers, names, now),
            (None, None, Some(signature)) => {
                let hex = signature
                    .strip_prefix("sha256=")
                    .ok_or(WebhookError::Form)?;
                Ok(Self::RawBody {
                    signature: from_hex(hex).map_err(|_| WebhookError::Form)?,
                })
            }
            _ => Err(WebhookError::Headers),
        }
    }

    fn standard_webhooks(
        headers: &'a HeaderMap,
        names: &[&str; 3],
        now: i64,
    ) -> Result<Self, WebhookError> {
        let one = |name: &str| single(headers, name)?.ok_or(WebhookError::Headers);
        let (id, timestamp, signatures) = (one(names[0])?, one(names[1])?, one(names[2])?);
        let id = id.parse().map_err(|_| WebhookError::Id)?;
        if unix_seconds(timestamp)?.abs_diff(now) > TOLERANCE_SECONDS {
            return Err(WebhookError::Stale);
        }
        Ok(Self::StandardWebhooks {
            id,
            timestamp,
            signatures: v1_signatures(signatures)?,
        })
    }

    pub(super) const fn scheme(&self) -> Scheme {
        match self {
            Self::StandardWebhooks { .. } => Scheme::StandardWebhooks,
            Self::RawBody { .. } => Scheme::RawBody,
        }
    }

    pub(super) fn signatures(&self) -> &[[u8; 32]] {
        match self {
            Self::StandardWebhooks { signatures, .. } => signatures,
            Self::RawBody { signature } => std::slice::from_ref(signature),
        }
    }

    pub(super) fn message<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        match self {
            Self::StandardWebhooks { id, timestamp, .. } => {
                [id.as_str().as_bytes(), timestamp.as_bytes(), body]
                    .join(&b'.')
                    .into()
            }
            Self::RawBody { .. } => body.into(),
        }
    }

    pub(super) fn into_webhook_id(self) -> Option<DeliveryId> {
        match self {
            Self::StandardWebhooks { id, .. } => Some(id),
            Self::RawBody { .. } => None,
        }
    }
}

/// A repeated header would leave it to us which value was signed.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, WebhookError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| WebhookError::Headers),
        (Some(_), Some(_)) => Err(WebhookError::Headers),
    }
}

/// `^[0-9]{1,12}$`: no sign, no space, no overflow.
fn unix_seconds(text: &str) -> Result<i64, WebhookError> {
    if text.len() > 12 || !text.bytes().all(|c| c.is_ascii_digit()) {
        return Err(WebhookError::Timestamp);
    }
    text.parse().map_err(|_| WebhookError::Timestamp)
}

/// Versions we do not know are for others to check (`v1a`: Ed25519).
fn v1_signatures(header: &str) -> Result<Vec<[u8; 32]>, WebhookError> {
    let mut signatures = Vec::new();
    for (count, item) in header.split(' ').enumerate() {
        let (version, signature) = item.split_once(',').ok_or(WebhookError::Form)?;
        if count == SIGNATURES_MAX {
            return Err(WebhookError::Form);
        }
        if version == "v1" {
            let bytes = STANDARD.decode(signature).map_err(|_| WebhookError::Form)?;
            signatures.push(bytes.try_into().map_err(|_| WebhookError::Form)?);
        }
    }
    if signatures.is_empty() {
        Err(WebhookError::Form)
    } else {
        Ok(signatures)
    }
}
