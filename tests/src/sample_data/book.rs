//! A book of many positions, for what only size can show.

use uuid::Uuid;

const MAKE: &str = include_str!("book.sql");

/// Statements for the superuser that give this allocator a position in this number of new facilities like that one,
/// each with a profile, behind all checks.
#[must_use]
pub fn book(names: u32, allocator: Uuid, like: Uuid) -> String {
    MAKE.replace("$names", &names.to_string())
        .replace("$allocator", &allocator.to_string())
        .replace("$like", &like.to_string())
}
