//! Where a page of a list begins. [`http::cursor`](crate::http::cursor) has the texts that callers get for these.

use time::OffsetDateTime;
use uuid::Uuid;

/// The last row of the page before, in a list with the newest first: settlements, risk runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestFirstCursor {
    /// When the row was created, to the microsecond.
    pub created_at: OffsetDateTime,
    /// The row's id, which orders rows of the same microsecond.
    pub id: Uuid,
}

/// The last row of the page before, in a list in the order of changes: settlements that changed after an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangesCursor {
    /// When the row changed last, to the microsecond.
    pub updated_at: OffsetDateTime,
    /// The row's id, which orders rows of the same microsecond.
    pub id: Uuid,
}

/// The last entry of the page before, in the audit trail: its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCursor(pub i64);

/// The last id of the page before, in a list ordered by ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdCursor(pub Uuid);
