use evm::{Address, Signed};
use serde::Deserialize;
use tlog::{
    anchor::Payload,
    note::{Note, VerifierKey},
};
use tracing::error;

/// What the database has recorded of checkpoints and anchors.
#[derive(Debug, Deserialize)]
pub(crate) struct Records {
    checkpoint: Option<Latest>,
    anchored_size: Option<u64>,
    prepared: Vec<Recorded>,
}

#[derive(Debug, Deserialize)]
struct Latest {
    size: u64,
    root: String,
    note: String,
}

#[derive(Debug, Deserialize)]
struct Recorded {
    size: u64,
    transaction_hash: String,
    raw_transaction: String,
}

/// A transaction of our account that was recorded, and so perhaps sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub(crate) payload: Payload,
    pub(crate) signed: Signed,
}

/// The latest checkpoint is not what the log signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the latest checkpoint is not what the log signed")]
pub(crate) struct Unverified;

impl Records {
    pub(crate) const fn anchored_size(&self) -> Option<u64> {
        self.anchored_size
    }

    /// The size of the latest checkpoint that is recorded, whoever signed it.
    pub(crate) fn unverified_size(&self) -> Option<u64> {
        self.checkpoint.as_ref().map(|latest| latest.size)
    }

    pub(crate) fn has_anchored(&self, size: u64) -> bool {
        self.anchored_size.is_some_and(|anchored| anchored >= size)
    }

    /// How many of so many entries no anchor covers yet.
    pub(crate) fn lag(&self, size: u64) -> u64 {
        size.saturating_sub(self.anchored_size.unwrap_or(0))
    }

    /// What is to be written for the latest checkpoint, if there is one. Only what the log's key has signed is:
    /// writing into the database is not enough to have anything else anchored.
    pub(crate) fn target(&self, log_key: &VerifierKey) -> Result<Option<Payload>, Unverified> {
        let Some(latest) = &self.checkpoint else {
            return Ok(None);
        };
        Note::parse(latest.note.as_bytes())
            .ok()
            .and_then(|note| Payload::of(&note, log_key).ok())
            .filter(|payload| payload.size == latest.size)
            .filter(|payload| payload.root.to_string() == latest.root)
            .map(Some)
            .ok_or(Unverified)
    }

    /// The transactions on their way, oldest first.
    ///
    /// Others than our account's are left out, as after a change of its key: the checkpoint is then anchored
    /// anew, which costs a fee and harms nobody. So is what our account has not signed for this, on this chain:
    /// it is in the database by somebody else's hand, and must not keep us from our work.
    pub(crate) fn prepared(&self, account: Address, chain_id: u64) -> Vec<Prepared> {
        let read = |recorded: &Recorded| {
            let prepared = recorded.read(account, chain_id);
            if prepared.is_none() {
                error!(
                    anchor.transaction = recorded.transaction_hash,
                    "A recorded transaction is none of this account's anchors: it is left alone."
                );
            }
            prepared
        };
        self.prepared.iter().filter_map(read).collect()
    }
}

impl Recorded {
    fn read(&self, account: Address, chain_id: u64) -> Option<Prepared> {
        let signed = Signed::from_hex(&self.raw_transaction).ok()?;
        let transaction = signed.transaction();
        let payload = Payload::parse(&transaction.data).ok()?;
        let is_ours = signed.sender() == account
            && transaction.to == account
            && transaction.chain_id == chain_id
            && transaction.value == 0
            && payload.size == self.size
            && signed.hash().to_string() == self.transaction_hash;
        is_ours.then_some(Prepared { payload, signed })
    }
}

#[cfg(test)]
mod tests;
