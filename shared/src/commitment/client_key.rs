use std::str::FromStr;

use crate::ids::{DeliveryId, Invalid};

/// The caller's own part of an idempotency key: the `Idempotency-Key` header of a person's request,
/// 16 to 255 visible ASCII characters without a comma, or the delivery id of a webhook.
///
/// API Gateway joins the values of a repeated header with a comma: what has one may be two keys, and a retry
/// that names either alone would be another mutation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey(String);

impl ClientKey {
    /// The key's text, as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientKey {
    type Err = Invalid;

    fn from_str(header: &str) -> Result<Self, Invalid> {
        if !(16..=255).contains(&header.len())
            || !header.bytes().all(|c| c.is_ascii_graphic() && c != b',')
        {
            return Err(Invalid(
                "must be 16 to 255 visible ASCII characters without a comma",
            ));
        }
        Ok(Self(header.to_owned()))
    }
}

impl From<&DeliveryId> for ClientKey {
    fn from(id: &DeliveryId) -> Self {
        Self(id.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_rule() {
        let (shortest, longest) = ("!".repeat(16), "~".repeat(255));
        for good in [&shortest, &longest] {
            assert_eq!(good.parse::<ClientKey>().unwrap().as_str(), good);
        }
        let (too_short, too_long) = ("!".repeat(15), "~".repeat(256));
        for bad in [
            "",
            &too_short,
            &too_long,
            "0123456789 123456",
            "0123456789012345,0123456789012345",
            "0123456789\t123456",
            "0123456789012345\u{7f}",
            "éééééééééééééééé",
        ] {
            assert!(bad.parse::<ClientKey>().is_err(), "{bad:?}");
        }
    }
}
