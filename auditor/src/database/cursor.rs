//! The rows of a query, a few hundred at a time.

use std::collections::VecDeque;

use postgres::{Portal, Row, Transaction, types::ToSql};

use super::sql::failed;
use crate::report::Undecided;

const ROWS: i32 = 512;

/// A portal and what has been fetched of it.
pub(super) struct Cursor<T> {
    portal: Portal,
    read: fn(&Row) -> Result<T, postgres::Error>,
    fetched: VecDeque<T>,
    ended: bool,
}

impl<T> Cursor<T> {
    pub(super) fn open(
        transaction: &mut Transaction<'_>,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
        read: fn(&Row) -> Result<T, postgres::Error>,
    ) -> Result<Self, Undecided> {
        Ok(Self {
            portal: transaction.bind(sql, parameters).map_err(failed)?,
            read,
            fetched: VecDeque::new(),
            ended: false,
        })
    }

    /// The next row, which stays the next.
    pub(super) fn peek(
        &mut self,
        transaction: &mut Transaction<'_>,
    ) -> Result<Option<&T>, Undecided> {
        if self.fetched.is_empty() && !self.ended {
            let rows = transaction
                .query_portal(&self.portal, ROWS)
                .map_err(failed)?;
            self.ended = rows.is_empty();
            let read = rows.iter().map(self.read).collect::<Result<_, _>>();
            self.fetched = read.map_err(failed)?;
        }
        Ok(self.fetched.front())
    }

    /// Takes the next row.
    pub(super) fn next(
        &mut self,
        transaction: &mut Transaction<'_>,
    ) -> Result<Option<T>, Undecided> {
        self.peek(transaction)?;
        Ok(self.fetched.pop_front())
    }

    /// Takes the next row if it is wanted.
    pub(super) fn next_if(
        &mut self,
        transaction: &mut Transaction<'_>,
        wanted: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, Undecided> {
        match self.peek(transaction)? {
            Some(row) if wanted(row) => Ok(self.fetched.pop_front()),
            _ => Ok(None),
        }
    }
}
