//! A checkpoint: signed, cosigned, published.

use tlog::{
    checkpoint::Checkpoint,
    note::{Note, SigningKey},
};
use tracing::{info, warn};

use crate::{
    bucket::Bucket,
    ended::{Alarm, Ended, broken, conflict},
    judge::Head,
    state::State,
    witnesses::Witnesses,
};

/// What checkpoints need.
pub(crate) struct Publisher {
    pub(crate) bucket: Bucket,
    key: SigningKey,
    witnesses: Witnesses,
}

/// A checkpoint of this log, signed by it, as it is published.
pub(crate) struct Latest {
    etag: String,
    checkpoint: Checkpoint,
    note: Note,
}

impl Latest {
    pub(crate) const fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    pub(crate) const fn head(&self) -> Head<'_> {
        (self.checkpoint.size(), self.checkpoint.root())
    }

    pub(crate) fn text(&self) -> String {
        self.note.to_string()
    }
}

impl Publisher {
    pub(crate) const fn new(bucket: Bucket, key: SigningKey, witnesses: Witnesses) -> Self {
        Self {
            bucket,
            key,
            witnesses,
        }
    }

    /// The latest checkpoint, if there is one. Whatever else is in its place was not put there by us.
    pub(crate) async fn latest(&self) -> Result<Option<Latest>, Ended> {
        let Some(object) = self.bucket.checkpoint().await? else {
            return Ok(None);
        };
        let read = self.read(&object.bytes).map(|(checkpoint, note)| Latest {
            etag: object.etag,
            checkpoint,
            note,
        });
        read.map(Some).ok_or_else(|| {
            warn!("What is published as the latest checkpoint is none of this log's.");
            Alarm::StateRolledBack.into()
        })
    }

    /// Signs the state's tree, has it cosigned, and publishes it in the place of the latest. None when too few
    /// cosigned. `again`: a round before this one may have done so already.
    pub(crate) async fn publish(
        &mut self,
        state: &State,
        latest: Option<Latest>,
        again: bool,
    ) -> Result<Option<Latest>, Ended> {
        let note = Checkpoint::new(self.key.verifier_key().name(), state.size, state.root)
            .and_then(|checkpoint| checkpoint.sign(&self.key))
            .map_err(|_| broken("the checkpoint cannot be signed"))?;
        let key = format!("checkpoints/{}", state.size);
        let since = latest.as_ref().map_or(0, Latest::size);
        let Some(bytes) = self.settle(&key, &note, state.size, since, again).await? else {
            return Ok(None);
        };
        let (checkpoint, note) = self
            .read(&bytes)
            .filter(|(_, there)| there.text() == note.text())
            .ok_or_else(|| conflict(&key))?;
        let before = latest.as_ref().map(|latest| &*latest.etag);
        // A crash after this one has published everything: the next round tells the database.
        let etag = self.bucket.replace_checkpoint(before, &bytes).await?;
        let new = match etag {
            Some(etag) => Latest {
                etag,
                checkpoint,
                note,
            },
            // Our own second try; or another signer, and one that is ahead has published this tree with its own.
            None => self
                .latest()
                .await?
                .filter(|there| there.head() == (checkpoint.size(), checkpoint.root()))
                .ok_or(Ended::Outrun)?,
        };
        info!(
            log.size = state.size,
            log.root = %state.root,
            log.signatures = new.note.signatures().len(),
            "A checkpoint is published."
        );
        Ok(Some(new))
    }

    /// The checkpoint of that size with its cosignatures, as it stays: others would make it another object.
    async fn settle(
        &mut self,
        key: &str,
        note: &Note,
        size: u64,
        since: u64,
        again: bool,
    ) -> Result<Option<Vec<u8>>, Ended> {
        if again && let Some(object) = self.bucket.get(key).await? {
            return Ok(Some(object.bytes));
        }
        // Ed25519 takes no randomness: the note is the same in every try. A crash here has published nothing; what
        // witnesses have cosigned meanwhile they cosign again.
        let cosigned = self
            .witnesses
            .cosign(&self.bucket, note.clone(), size, since);
        let Some(cosigned) = cosigned.await? else {
            return Ok(None);
        };
        let text = cosigned.to_string();
        // A crash after this one leaves a checkpoint that is not the latest: the next round takes it as it is. So
        // does a second signer, or our own second try.
        let there = self.bucket.create_checkpoint(key, &text).await?;
        Ok(Some(there.unwrap_or_else(|| text.into_bytes())))
    }

    /// A checkpoint of this log with its signature, and nothing else.
    fn read(&self, bytes: &[u8]) -> Option<(Checkpoint, Note)> {
        let (checkpoint, note) = Checkpoint::parse_note(bytes).ok()?;
        let key = self.key.verifier_key();
        let ours = checkpoint.origin() == key.name() && note.verify(key).is_ok();
        ours.then_some((checkpoint, note))
    }
}
