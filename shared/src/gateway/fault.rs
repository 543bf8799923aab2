use std::{fmt, io};

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use super::{Error, lane::Lane, reply::Unusable};

/// What went wrong with one try. There is a variant for each reaction.
#[derive(Debug)]
pub(super) enum Fault {
    /// Concurrent transactions were in each other's way.
    Conflict(Cause),
    /// No connection, a lost one, or a server that has no room or time.
    Away(Cause),
    /// The invocation's time is over.
    Deadline,
    /// `auth.authenticate` refused the token.
    TokenRefused,
    /// The token's subject belongs to no allocator.
    NotAMember,
    /// The server refused the login: its password may have been changed.
    Login(Cause),
    /// Anything else.
    Broken(Cause),
}

/// For the log: a code, and the name of a constraint. The server's sentence may quote data; the one of our
/// own codes is our own.
#[derive(Debug, Default)]
pub(super) struct Cause {
    code: String,
    constraint: Option<String>,
    sentence: Option<String>,
    lane: Option<Lane>,
}

impl Fault {
    /// The lane in which the next try takes its turn.
    pub(super) const fn lane(&self) -> Option<Lane> {
        match self {
            Self::Conflict(cause) => cause.lane,
            _ => None,
        }
    }

    /// Whether a lock was not to be had in time.
    pub(super) fn is_lock_timeout(&self) -> bool {
        matches!(self, Self::Away(cause) if cause.code == SqlState::LOCK_NOT_AVAILABLE.code())
    }

    /// After these the connection is not given back.
    pub(super) const fn loses_connection(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Deadline)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(answer) = error.as_db_error() else {
            // What tokio-postgres says of its own: a kind of failure, and the operating system's word.
            let cause = Cause {
                code: io_cause(&error)
                    .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
                ..Cause::default()
            };
            return if is_of_transport(&error) {
                Self::Away(cause)
            } else {
                Self::Broken(cause)
            };
        };
        let code = answer.code().code();
        let cause = Cause {
            code: code.to_owned(),
            constraint: answer.constraint().map(str::to_owned),
            sentence: code.starts_with("OPK").then(|| answer.message().to_owned()),
            lane: Lane::of_table(answer.schema(), answer.table()),
        };
        match code {
            "OPK02" => Self::TokenRefused,
            "OPK03" => Self::NotAMember,
            _ if code.starts_with("28") => Self::Login(cause),
            _ if is_conflict(answer.code()) => Self::Conflict(cause),
            _ if is_away(code) || is_reader(code, answer.routine(), answer.message()) => {
                Self::Away(cause)
            }
            _ => Self::Broken(cause),
        }
    }
}

impl From<Unusable> for Fault {
    fn from(unusable: Unusable) -> Self {
        Self::Broken(Cause {
            code: unusable.to_string(),
            ..Cause::default()
        })
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            error => Self::Away(Cause {
                code: error.to_string(),
                ..Cause::default()
            }),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TokenRefused => Self::TokenRefused,
            Fault::NotAMember => Self::NotAMember,
            Fault::Conflict(_) | Fault::Away(_) | Fault::Deadline => Self::Unavailable,
            Fault::Login(_) | Fault::Broken(_) => Self::Broken,
        }
    }
}

/// Conflicts are tried again, a unique violation too: the gateway functions look before they insert, so another
/// transaction's insert came between, and the next try sees it.
fn is_conflict(code: &SqlState) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
    ]
    .contains(code)
}

/// Connection exceptions, no resources, an operator's intervention (57014 a cancelled statement, 57P01 to 05
/// a server or a database that goes or comes), a lock that was not to be had, an idle time-out, a commit whose end is
/// not known (40003), a server that only reads (25006).
fn is_away(code: &str) -> bool {
    code.starts_with("08")
        || code.starts_with("53")
        || matches!(
            code,
            "25006"
                | "25P03"
                | "25P04"
                | "40003"
                | "55P03"
                | "57014"
                | "57P01"
                | "57P02"
                | "57P03"
                | "57P04"
                | "57P05"
        )
}

/// A server in recovery, where its code says something else: a standby has no SERIALIZABLE snapshot (0A000), and gives
/// no places in the write-ahead log (55000). Elsewhere the two codes are a programmer's errors. The routine's name is
/// that of the server's source; the sentences are English where `lc_messages` is.
fn is_reader(code: &str, routine: Option<&str>, sentence: &str) -> bool {
    match code {
        "0A000" => {
            routine == Some("GetSerializableTransactionSnapshot")
                || sentence.contains("serializable mode in a hot standby")
        }
        "55000" => sentence.contains("recovery is in progress"),
        _ => false,
    }
}

/// Whether the bytes did not get through, as opposed to having been wrong.
fn is_of_transport(error: &tokio_postgres::Error) -> bool {
    use std::error::Error;
    // A closed connection and a connection that timed out have no source.
    io_cause(error).is_some() || error.is_closed() || error.source().is_none()
}

/// The operating system's error behind this one; or that of the library about a server that does not write.
fn io_cause(error: &tokio_postgres::Error) -> Option<&io::Error> {
    use std::error::Error;
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref() {
            return Some(io);
        }
        source = cause.source();
    }
    None
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(cause)
            | Self::Away(cause)
            | Self::Login(cause)
            | Self::Broken(cause) => cause.fmt(f),
            Self::Deadline => f.write_str("deadline"),
            Self::TokenRefused => f.write_str("OPK02"),
            Self::NotAMember => f.write_str("OPK03"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        if let Some(constraint) = &self.constraint {
            write!(f, " {constraint}")?;
        }
        self.sentence
            .as_ref()
            .map_or(Ok(()), |sentence| write!(f, " {sentence}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlstates() {
        for away in [
            "08006", "08P01", "25006", "40003", "53300", "53400", "55P03", "57014", "57P01",
            "57P03", "57P04",
        ] {
            assert!(is_away(away), "{away}");
        }
        for broken in [
            "0A000", "23503", "23514", "42501", "42883", "22P02", "28P01", "3D000", "55000",
            "OPK04", "XX000", "P0001",
        ] {
            assert!(!is_away(broken), "{broken}");
            assert!(!is_conflict(&SqlState::from_code(broken)), "{broken}");
        }
        // What a standby says, as `standby` among the integration tests hears it.
        let said = "cannot use serializable mode in a hot standby";
        let routine = Some("GetSerializableTransactionSnapshot");
        assert!(is_reader("0A000", None, said));
        assert!(is_reader("0A000", routine, "in another language"));
        assert!(is_reader("55000", None, "recovery is in progress"));
        for (code, routine, sentence) in [
            (
                "0A000",
                Some("RevalidateCachedQuery"),
                "cached plan must not change result type",
            ),
            ("0A000", None, ""),
            ("55000", None, "currval of sequence is not yet defined"),
            ("42501", routine, said),
        ] {
            assert!(!is_reader(code, routine, sentence), "{code} {sentence}");
        }
        for conflict in ["40001", "40P01", "23505"] {
            assert!(is_conflict(&SqlState::from_code(conflict)), "{conflict}");
        }
    }
}
