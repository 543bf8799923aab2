//! The policy: whom to trust, and whether a checkpoint is accepted.

use std::{fs, path::Path};

use tlog::{
    checkpoint::Checkpoint,
    note::Note,
    policy::{BadSignature, Policy, Rejected},
};

use crate::report::{Finding, Report, Undecided};

/// A policy that was given out of band.
#[derive(Debug)]
pub struct Trust(Policy);

/// Why a checkpoint is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Not a signed note, or a note that is no checkpoint.
    #[error("not a signed checkpoint")]
    Malformed,
    /// No log of the policy signed it.
    #[error("no log of the policy signed it")]
    Unknown,
    /// A signature line names a key of the policy and does not verify.
    #[error("the signature of {0} does not verify")]
    Forged(String),
    /// The log signed it, and fewer witnesses than the quorum.
    #[error("the quorum of witnesses is not met")]
    NoQuorum(Checkpoint),
}

impl Trust {
    /// Reads the policy.
    ///
    /// # Errors
    ///
    /// The policy file is missing, cannot be parsed, or lists no log.
    pub fn load(path: Option<&Path>) -> Result<Self, Undecided> {
        let path = path.ok_or_else(|| {
            Undecided::new("no key: name a policy file with --policy (c2sp.org/tlog-policy)")
        })?;
        let bytes =
            fs::read(path).map_err(|error| Undecided(format!("{}: {error}", path.display())))?;
        Self::parse(&bytes).map_err(|error| Undecided(format!("{}: {error}", path.display())))
    }

    /// Reads the policy from bytes.
    ///
    /// # Errors
    ///
    /// The bytes cannot be parsed, or list no log.
    pub fn parse(bytes: &[u8]) -> Result<Self, Undecided> {
        let policy = Policy::parse(bytes).map_err(|error| Undecided(error.to_string()))?;
        if policy.logs().is_empty() {
            return Err(Undecided::new("the policy has no log line, so no key"));
        }
        Ok(Self(policy))
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.0
    }

    /// Reads the checkpoint and judges it by the policy.
    ///
    /// # Errors
    ///
    /// [`Doubt`].
    pub fn check(&self, bytes: &[u8]) -> Result<Checkpoint, Doubt> {
        let note = Note::parse(bytes).map_err(|_| Doubt::Malformed)?;
        self.check_note(&note)
    }

    /// Judges a checkpoint that is parsed as a note already.
    ///
    /// # Errors
    ///
    /// [`Doubt`].
    pub fn check_note(&self, note: &Note) -> Result<Checkpoint, Doubt> {
        match self.0.check(note) {
            Ok(accepted) => Ok(accepted.checkpoint),
            Err(Rejected::NotACheckpoint) => Err(Doubt::Malformed),
            Err(Rejected::UnknownLog) => Err(Doubt::Unknown),
            Err(Rejected::BadSignature(BadSignature(name))) => Err(Doubt::Forged(name)),
            Err(Rejected::QuorumNotMet(_)) => {
                Err(Checkpoint::parse(note.text()).map_or(Doubt::Malformed, Doubt::NoQuorum))
            }
        }
    }

    /// Reads the checkpoint that everything is compared with. What speaks against it goes to the report:
    ///
    /// - a forged signature is a finding, and an error;
    /// - a missing quorum is a reason not to decide; the checkpoint is compared with all the same.
    ///
    /// # Errors
    ///
    /// The checkpoint cannot be parsed, or no log of the policy signed it.
    pub fn accept(
        &self,
        name: &str,
        bytes: &[u8],
        report: &mut Report,
    ) -> Result<Checkpoint, Undecided> {
        let note =
            Note::parse(bytes).map_err(|_| Undecided(format!("{name}: {}", Doubt::Malformed)))?;
        self.accept_note(name, &note, report)
    }

    /// [`Trust::accept`] of a checkpoint that is parsed as a note already.
    ///
    /// # Errors
    ///
    /// As [`Trust::accept`].
    pub fn accept_note(
        &self,
        name: &str,
        note: &Note,
        report: &mut Report,
    ) -> Result<Checkpoint, Undecided> {
        let doubt = match self.check_note(note) {
            Ok(checkpoint) => return Ok(checkpoint),
            Err(doubt) => doubt,
        };
        let text = format!("{name}: {doubt}");
        match doubt {
            Doubt::NoQuorum(checkpoint) => {
                let uncounted = self.0.uncounted().join(", ");
                report.undecided(if uncounted.is_empty() {
                    text
                } else {
                    format!("{text}; never counted, for their keys are ML-DSA-44: {uncounted}")
                });
                Ok(checkpoint)
            }
            Doubt::Forged(_) => {
                report.find(Finding::new("checkpoint-forged", text.clone()));
                Err(Undecided(text))
            }
            Doubt::Malformed | Doubt::Unknown => Err(Undecided(text)),
        }
    }
}
