//! How a round ends before its end.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use shared::{gateway, runtime::Failed};
use tracing::{error, warn};

/// Why a round did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Something is in a state that no crash leaves. Nothing is signed until an operator has looked.
    Stopped(Alarm),
    /// Another signer was first. What it signed is as good.
    Outrun,
    /// Something outside did not do its part; the cause was logged. The next round repairs.
    Broken,
}

/// What no crash of ours explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// The log was published, and the signer's memory of it is gone or unreadable.
    StateMissing,
    /// The signer's memory is not of what was published: it is older, or of another tree.
    StateRolledBack,
    /// The database has less than was signed.
    DatabaseBehind,
    /// The database has something else than was signed.
    DatabaseForked,
    /// What is stored is not what was signed.
    TileConflict,
}

impl Alarm {
    /// The alarm's name, which the invoker sees.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::StateMissing => "state-missing",
            Self::StateRolledBack => "state-rolled-back",
            Self::DatabaseBehind => "database-behind",
            Self::DatabaseForked => "database-forked",
            Self::TileConflict => "tile-conflict",
        }
    }
}

impl From<Alarm> for Ended {
    fn from(alarm: Alarm) -> Self {
        Self::Stopped(alarm)
    }
}

impl From<gateway::Error> for Ended {
    fn from(_: gateway::Error) -> Self {
        Self::Broken
    }
}

impl From<Failed> for Ended {
    fn from(_: Failed) -> Self {
        Self::Broken
    }
}

/// A conflict over that object, which is not as it was written.
pub(crate) fn conflict(key: &str) -> Ended {
    warn!(log.object = key, "What is stored is not what was signed.");
    Alarm::TileConflict.into()
}

/// A call to AWS that failed for now. The error's text is not ours to vouch for: its code is logged.
pub(crate) fn unavailable<E: ProvideErrorMetadata, R>(
    action: &str,
    key: &str,
    error: &SdkError<E, R>,
) -> Ended {
    let kind = match error {
        SdkError::ConstructionFailure(_) => "ConstructionFailure",
        SdkError::TimeoutError(_) => "Timeout",
        SdkError::DispatchFailure(_) => "Unreachable",
        SdkError::ResponseError(_) => "MalformedResponse",
        _ => error.code().unwrap_or("Error"),
    };
    warn!(
        aws.action = action,
        aws.object = key,
        aws.error = kind,
        "AWS did not do its part: the round ends here."
    );
    Ended::Broken
}

/// A programmer's or an operator's error.
pub(crate) fn broken(what: &'static str) -> Ended {
    error!(log.broken = what, "The round cannot go on.");
    Ended::Broken
}
