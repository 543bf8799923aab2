//! Opaque page cursors: where the next page begins, as base64url of fixed bytes.
//!
//! A cursor gives no access: the token and the database decide whose rows a page holds. A forged cursor begins a page
//! of the caller's own rows elsewhere.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Fields, Problem, instant::parse_instant, read_query};
use crate::paging::{AuditCursor, ChangesCursor, IdCursor, NewestFirstCursor};

const PAGE_SIZE_DEFAULT: i32 = 50;
const PAGE_SIZE_MAX: i32 = 100;

const INVALID: &str = "must be a next_cursor of an earlier page";

/// The rows of a page: the query parameter `limit`, 1 to 100.
pub fn page_size(query: &mut Fields) -> Option<i32> {
    let limit = query.optional_with("limit", |text| {
        Some(text)
            .filter(|text| text.bytes().all(|c| c.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .filter(|limit| (1..=PAGE_SIZE_MAX).contains(limit))
            .ok_or("must be a number from 1 to 100")
    });
    Some(limit?.unwrap_or(PAGE_SIZE_DEFAULT))
}

/// The query of a list without filters: the rows of a page, and where the page begins.
///
/// # Errors
///
/// Parameters that are malformed, unknown or repeated.
pub fn page<C>(
    query: &str,
    cursor: impl FnOnce(&str) -> Result<C, &'static str>,
) -> Result<(i32, Option<C>), Problem> {
    read_query(query, |query| {
        let page_size = page_size(query);
        let cursor = query.optional_with("cursor", cursor);
        Some((page_size?, cursor?))
    })
}

impl NewestFirstCursor {
    /// Reads a query parameter: eight bytes of microseconds since 1970 and sixteen of the id.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (created_at, id) = place(&decode(text)?)?;
        Ok(Self { created_at, id })
    }

    /// The cursor for the database's `next`: `{"created_at", "id"}`.
    #[must_use]
    pub fn encode(next: &Value) -> Option<String> {
        Some(URL_SAFE_NO_PAD.encode(octets(next, "created_at")?))
    }
}

/// What a cursor of this order begins with, so that none of another order passes for one.
const CHANGES: u8 = b'c';

impl ChangesCursor {
    /// Reads a query parameter: a mark, then as [`NewestFirstCursor`], with the time of the last change.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes: [u8; 25] = decode(text)?;
        let [CHANGES, rest @ ..] = bytes else {
            return Err(INVALID);
        };
        let (updated_at, id) = place(&rest)?;
        Ok(Self { updated_at, id })
    }

    /// The cursor for the database's `next`: `{"updated_at", "id"}`.
    #[must_use]
    pub fn encode(next: &Value) -> Option<String> {
        let octets = octets(next, "updated_at")?;
        Some(URL_SAFE_NO_PAD.encode([&[CHANGES], &octets[..]].concat()))
    }
}

/// An instant and an id of eight and sixteen bytes.
fn place(bytes: &[u8; 24]) -> Result<(OffsetDateTime, Uuid), &'static str> {
    let (at, id) = bytes.split_first_chunk().ok_or(INVALID)?;
    let nanoseconds = i128::from(i64::from_be_bytes(*at)) * 1_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).map_err(|_| INVALID)?;
    // The database has no instants of every year that the bytes have, and replies show these alone.
    if !(1..=9_999).contains(&at.year()) {
        return Err(INVALID);
    }
    Ok((at, Uuid::from_slice(id).map_err(|_| INVALID)?))
}

/// The bytes of the instant in that member, and of the id.
fn octets(next: &Value, at: &str) -> Option<Vec<u8>> {
    let at = parse_instant(next.get(at)?.as_str()?).ok()?;
    let id: Uuid = next.get("id")?.as_str()?.parse().ok()?;
    let at = i64::try_from(at.unix_timestamp_nanos() / 1_000).ok()?;
    Some([&at.to_be_bytes()[..], id.as_bytes()].concat())
}

impl AuditCursor {
    /// Reads a query parameter: the id in eight bytes.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(Self(i64::from_be_bytes(decode(text)?)))
    }

    /// The cursor for the database's `next`, the id's digits.
    #[must_use]
    pub fn encode(next: &Value) -> Option<String> {
        let id: i64 = next.as_str()?.parse().ok()?;
        Some(URL_SAFE_NO_PAD.encode(id.to_be_bytes()))
    }
}

impl IdCursor {
    /// Reads a query parameter: the id's sixteen bytes.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(Self(Uuid::from_bytes(decode(text)?)))
    }

    /// The cursor for the database's `next`, the id.
    #[must_use]
    pub fn encode(next: &Value) -> Option<String> {
        let id: Uuid = next.as_str()?.parse().ok()?;
        Some(URL_SAFE_NO_PAD.encode(id.as_bytes()))
    }
}

/// The decoder is strict: no padding, no other alphabet, no stray bits.
fn decode<const N: usize>(text: &str) -> Result<[u8; N], &'static str> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(INVALID)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn cursors_read_back() {
        let id: Uuid = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff".parse().unwrap();
        let next = json!({"created_at": "2026-11-23T00:00:00.123456Z", "id": id.to_string()});
        let cursor = NewestFirstCursor::encode(&next).unwrap();
        let created_at = datetime!(2026-11-23 00:00:00.123456 UTC);
        assert_eq!(
            NewestFirstCursor::parse(&cursor),
            Ok(NewestFirstCursor { created_at, id })
        );

        let next = json!({"updated_at": "2026-11-23T00:00:00.123456Z", "id": id.to_string()});
        let changes = ChangesCursor::encode(&next).unwrap();
        let updated_at = created_at;
        assert_eq!(
            ChangesCursor::parse(&changes),
            Ok(ChangesCursor { updated_at, id })
        );
        assert!(ChangesCursor::parse(&cursor).is_err());
        assert!(NewestFirstCursor::parse(&changes).is_err());
        let unmarked = URL_SAFE_NO_PAD.encode([0; 25]);
        assert!(ChangesCursor::parse(&unmarked).is_err());

        let cursor = AuditCursor::encode(&json!("9007199254740993")).unwrap();
        assert_eq!(
            AuditCursor::parse(&cursor),
            Ok(AuditCursor(9_007_199_254_740_993))
        );

        let cursor = IdCursor::encode(&json!(id.to_string())).unwrap();
        assert_eq!(IdCursor::parse(&cursor), Ok(IdCursor(id)));
    }

    #[test]
    fn nothing_else_is_a_cursor() {
        let far = URL_SAFE_NO_PAD.encode([&i64::MAX.to_be_bytes()[..], &[0; 16]].concat());
        for bad in [
            "",
            "A",
            "AAAAAAAAAAA=",
            "AAAAAAAAAAB",
            "AAAAAAAAAA",
            "AAAAAAAAAA+",
            " AAAAAAAAAAA",
            far.as_str(),
        ] {
            assert!(AuditCursor::parse(bad).is_err(), "{bad}");
            assert!(NewestFirstCursor::parse(bad).is_err(), "{bad}");
            assert!(ChangesCursor::parse(bad).is_err(), "{bad}");
            assert!(IdCursor::parse(bad).is_err(), "{bad}");
        }
        assert!(AuditCursor::parse("AAAAAAAAAAA").is_ok());
        assert!(IdCursor::parse(&"A".repeat(22)).is_ok());
        for next in [
            json!(null),
            json!({}),
            json!(7),
            json!({"created_at": "yesterday", "id": "x"}),
        ] {
            assert_eq!(AuditCursor::encode(&next), None);
            assert_eq!(NewestFirstCursor::encode(&next), None);
            assert_eq!(ChangesCursor::encode(&next), None);
            assert_eq!(IdCursor::encode(&next), None);
        }
    }
}
