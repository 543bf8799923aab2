//! c2sp.org/tlog-policy: whom to trust. The policy file comes from elsewhere than the notes that it judges.
//!
//! ```text
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <name>...
//! quorum <name>|none
//! ```
//!
//! Items are separated by spaces and tabs; a line that begins with `#` is a comment. Names are octets, of
//! witnesses and groups together; a group names what stands above it, and each name is a member of at most
//! one group. Exactly one line is the quorum.
//!
//! A checkpoint is accepted when a log of the file signed it under that log's own name, and enough witnesses for the
//! quorum cosigned it. If a line names a known key and does not verify, the whole note is rejected, however many other
//! lines verify.
//!
//! A witness with an ML-DSA-44 key is read and never counted: no library of ours verifies its cosignatures (decision
//! 21). A file with a key of another type is refused as a whole. Not here: which time a cosignature may bear.

mod reader;

use crate::{
    checkpoint::Checkpoint,
    cosignature,
    note::{Note, VerifierKey, VerifyError},
};

/// The longest policy that is read.
pub const MAX_POLICY_BYTES: usize = 1 << 20;

/// The most logs, and witnesses, and groups.
pub const MAX_DEFINITIONS: usize = 256;

/// A log that is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    key: VerifierKey,
    url: Option<String>,
}

impl Log {
    /// Its key. The key's name is the log's origin.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Where it is, if the file says so.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

/// A witness that the quorum may count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    name: String,
    key: VerifierKey,
    url: Option<String>,
}

impl Witness {
    /// Its name in the file, octets that are not UTF-8 replaced: for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Its submission prefix, if the file says so.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

/// What can be a member of a group, or the quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    /// A witness whose cosignatures cannot be verified here.
    Uncounted,
    Witness(usize),
    Group(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

/// The quorum: who has to cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Nobody,
    Member(Member),
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    uncounted: Vec<String>,
    /// The groups; the members of a group come before it.
    groups: Vec<Group>,
    quorum: Rule,
}

/// What is wrong with a policy, and where: the number of the line, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {problem}")]
pub struct InvalidPolicy {
    /// The line; the last one where something is missing at the end.
    pub line: usize,
    /// What is wrong.
    pub problem: &'static str,
}

/// A witness that cosigned, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// Its name in the policy.
    pub witness: String,
    /// The time in seconds since 1970; the latest, where the witness cosigned several times.
    pub timestamp: u64,
}

/// Who cosigned a note, and whether that is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Whose cosignatures verify, in the policy's order.
    pub cosigned: Vec<Cosigned>,
    /// Whether they are the quorum.
    pub met: bool,
}

/// A checkpoint that the policy accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The log's key.
    pub log: VerifierKey,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Who cosigned, in the policy's order.
    pub cosigned: Vec<Cosigned>,
}

/// A policy's answer about a note: the accepted checkpoint, or why the note is rejected.
pub type Verdict = Result<Accepted, Rejected>;

/// Why a policy does not accept a note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The note's text is not a checkpoint.
    #[error("the note is no checkpoint")]
    NotACheckpoint,
    /// No known log signed it, or a known one under another origin than its own.
    #[error("no log of the policy signed it")]
    UnknownLog,
    /// A line names a known key, and is not its signature.
    #[error(transparent)]
    BadSignature(#[from] BadSignature),
    /// The log signed the note, and too few witnesses cosigned it: these.
    #[error("the quorum is not met by {} cosignatures", .0.len())]
    QuorumNotMet(Vec<Cosigned>),
}

impl Policy {
    /// The logs it knows.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses it knows.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The names of witnesses that it knows and that are never counted: their keys are ML-DSA-44.
    #[must_use]
    pub fn uncounted(&self) -> &[String] {
        &self.uncounted
    }

    /// Whether it asks for no cosignature (`quorum none`).
    #[must_use]
    pub const fn wants_no_witness(&self) -> bool {
        matches!(self.quorum, Rule::Nobody)
    }

    /// Judges a note by the policy.
    ///
    /// # Errors
    ///
    /// [`Rejected`].
    pub fn check(&self, note: &Note) -> Verdict {
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| Rejected::NotACheckpoint)?;
        let log = self
            .signer(note, &checkpoint)?
            .ok_or(Rejected::UnknownLog)?
            .key
            .clone();
        let Quorum { cosigned, met } = self.cosigners(note)?;
        if met {
            Ok(Accepted {
                log,
                checkpoint,
                cosigned,
            })
        } else {
            Err(Rejected::QuorumNotMet(cosigned))
        }
    }

    /// Which witnesses cosigned a note. The log's signature is not looked at.
    ///
    /// # Errors
    ///
    /// [`BadSignature`]: a line names a witness's key, and is not its cosignature.
    pub fn cosigners(&self, note: &Note) -> Result<Quorum, BadSignature> {
        let times = self
            .witnesses
            .iter()
            .map(|witness| latest_cosignature(&witness.key, note))
            .collect::<Result<Vec<_>, _>>()?;
        let met = self.is_quorum(|witness| times[witness].is_some());
        let named = self.witnesses.iter().zip(times);
        let cosigned = named
            .filter_map(|(witness, time)| {
                time.map(|timestamp| Cosigned {
                    witness: witness.name.clone(),
                    timestamp,
                })
            })
            .collect();
        Ok(Quorum { cosigned, met })
    }

    /// The log that signed the checkpoint. Every line that names a key of the origin's name must verify.
    fn signer(&self, note: &Note, checkpoint: &Checkpoint) -> Result<Option<&Log>, BadSignature> {
        let mut signer = None;
        for log in self
            .logs
            .iter()
            .filter(|log| log.key.name() == checkpoint.origin())
        {
            match note.verify(&log.key) {
                Ok(()) => signer = signer.or(Some(log)),
                Err(VerifyError::Unsigned) => {}
                Err(VerifyError::BadSignature) => {
                    return Err(BadSignature(log.key.name().to_owned()));
                }
            }
        }
        Ok(signer)
    }

    fn is_quorum(&self, cosigned: impl Fn(usize) -> bool) -> bool {
        let mut witnessed: Vec<bool> = Vec::with_capacity(self.groups.len());
        let holds = |member: &Member, groups: &[bool]| match *member {
            Member::Uncounted => false,
            Member::Witness(witness) => cosigned(witness),
            Member::Group(group) => groups[group],
        };
        for group in &self.groups {
            let count = group
                .members
                .iter()
                .filter(|member| holds(member, &witnessed))
                .count();
            witnessed.push(count >= group.threshold);
        }
        match &self.quorum {
            Rule::Nobody => true,
            Rule::Member(member) => holds(member, &witnessed),
        }
    }
}

/// A line names this key, and is not its signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature of {0} does not verify")]
pub struct BadSignature(pub String);

fn latest_cosignature(key: &VerifierKey, note: &Note) -> Result<Option<u64>, BadSignature> {
    let mut latest = None;
    for line in note
        .signatures()
        .iter()
        .filter(|line| key.is_named_by(line))
    {
        let time = cosignature::verify(key, note.text(), line)
            .map_err(|_| BadSignature(key.name().to_owned()))?;
        latest = latest.max(Some(time));
    }
    Ok(latest)
}

#[cfg(test)]
mod tests;
