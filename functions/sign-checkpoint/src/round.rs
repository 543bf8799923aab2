//! A round, step by step.
//!
//! The state (size and root, in `DynamoDB`) is the one thing the signer believes; the database and the bucket are
//! compared with it. A tree is decided on by writing it into the state, on the condition that nobody else has
//! decided meanwhile. All that comes before that is without effect; all that comes after follows from the state
//! alone, is the same however often it is done, and is what the next round begins with if it finds it undone.

use std::time::Duration;

use shared::{
    gateway::{Gateway, Outcome},
    runtime::Failed,
};
use tlog::{
    merkle::verify_consistency,
    tiles::{Builder, Resource, tiles_of},
};
use tracing::{info, warn};

use crate::{
    ended::{Alarm, Ended, broken, conflict},
    judge::{self, DatabaseLog},
    publish::{Latest, Publisher},
    staged,
    state::{State, StateTable, sha256},
};

/// What is held in memory at a time: sixteen bundles and the tiles over them.
const BATCH_SIZE: i32 = 4_096;
/// A batch after the first is not begun with less time than this.
const BATCH_TIME: Duration = Duration::from_secs(5);

/// The rounds of one invocation, and what each hands on to the next.
pub(crate) struct SigningRounds {
    gateway: Gateway,
    table: StateTable,
    publisher: Publisher,
    /// The right edge of the tree that was read or built last: what was checked once is not read again.
    edge: Option<(State, Builder)>,
    /// The memory as it was read or written last.
    remembered: Option<State>,
    /// How many entries are decided on.
    pub(crate) size: u64,
    /// How many entries the latest checkpoint covers.
    pub(crate) published_size: Option<u64>,
    /// How many checkpoints were published.
    pub(crate) signed: u64,
    /// Whether the last round ended for want of cosignatures.
    pub(crate) quorum_missed: bool,
}

impl SigningRounds {
    pub(crate) const fn new(gateway: Gateway, table: StateTable, publisher: Publisher) -> Self {
        Self {
            gateway,
            table,
            publisher,
            edge: None,
            remembered: None,
            size: 0,
            published_size: None,
            signed: 0,
            quorum_missed: false,
        }
    }

    /// Signs what the database has, batch after batch, until there is no more or no time.
    pub(crate) async fn round(&mut self) -> Result<(), Ended> {
        self.quorum_missed = false;
        loop {
            match self.batch().await {
                Ok(true) if self.gateway.remaining() > BATCH_TIME => {}
                Ok(_) => return Ok(()),
                Err(Ended::Stopped(alarm)) => return Err(self.confirm(alarm).await),
                Err(ended) => return Err(ended),
            }
        }
    }

    /// What was compared was not read in one moment: another signer may have gone on in between, and then it is
    /// no surprise. Only what still holds against the same memory is an alarm.
    async fn confirm(&self, alarm: Alarm) -> Ended {
        match self.table.load().await {
            Ok(now) if now != self.remembered => {
                info!("Another signer went on meanwhile: this round is given up.");
                Ended::Outrun
            }
            // If the memory cannot be read, an alarm too many is better than one too few.
            Ok(_) | Err(_) => Ended::Stopped(alarm),
        }
    }

    /// One batch; whether there is more.
    async fn batch(&mut self) -> Result<bool, Ended> {
        // 1. What we remember, what is published, and what the database says. Only reads: a crash up to step 3
        //    leaves nothing behind.
        let remembered = self.table.load().await?;
        self.remembered.clone_from(&remembered);
        let latest = self.publisher.latest().await?;
        judge::memory(remembered.as_ref(), latest.as_ref().map(Latest::head))?;
        let state = remembered.clone().unwrap_or(State::BEGINNING);
        self.size = state.size;
        self.published_size = latest.as_ref().map(Latest::size);
        let log = self.ask(&state).await?;
        judge::database(remembered.as_ref(), &log).inspect_err(|_| tell(&state, &log))?;
        if remembered.is_none() && self.publisher.bucket.has_history().await? {
            // Both the memory and the checkpoint were deleted. The versions under lock tell.
            return Err(Alarm::StateMissing.into());
        }

        // 2. What an earlier round decided on and did not bring to its end, before anything new.
        let published = state.size == 0 || self.published_size == Some(state.size);
        let builder = self.resume(&state, published).await?;
        let latest = if published {
            latest
        } else {
            self.prove(&state, latest.as_ref()).await?;
            let Some(latest) = self.publish(&state, latest, true).await? else {
                return Ok(false);
            };
            Some(latest)
        };
        if let Some(latest) = &latest
            && log.published_size < Some(latest.size())
        {
            self.conclude(&state, latest).await?;
        }

        // 3. The new tree, and its decision.
        if log.entries.is_empty() {
            return Ok(false);
        }
        let (next, builder, files) = extend(builder, &log)?;
        let object = staged::encode(&files).ok_or_else(|| broken("a file is too long"))?;
        let next = State {
            staged: sha256(&object),
            ..next
        };
        let bucket = &self.publisher.bucket;
        // 3.1 All its files, in one object. A crash here leaves an object that nothing refers to: the next round
        //     decides on a tree of its own, this one or a larger one.
        bucket.stage(&next.staging_key(), object).await?;
        // 3.2 The decision. A crash before it is a crash after 3.1. A crash after it, or a reply that was lost,
        //     leaves a state whose files are staged: the next round finds it unpublished, and goes on at step 2.
        if !self.table.advance(&state, &next).await? {
            info!(
                log.size = next.size,
                "Another signer was first: this tree is given up."
            );
            // Keep the files if the other signer decided on the same tree: it uses them.
            if self.table.load().await?.as_ref() != Some(&next) {
                bucket.unstage(&next.staging_key()).await;
            }
            return Err(Ended::Outrun);
        }
        self.size = next.size;
        self.remembered = Some(next.clone());

        // 4. Its files. A crash in the middle leaves some of them: the next round writes the others from what is
        //    staged, and finds that these are the same.
        bucket.create_all(&files).await?;
        self.edge = Some((next.clone(), builder));

        // 5. Its checkpoint: only now, when everything it speaks of can be fetched.
        let Some(latest) = self.publish(&next, latest, false).await? else {
            return Ok(false);
        };
        // 6. Others are told.
        self.conclude(&next, &latest).await?;
        Ok(log.size > next.size)
    }

    /// What the database has, and the entries from the end of the state's tree on.
    async fn ask(&self, state: &State) -> Result<DatabaseLog, Ended> {
        let reply = self.gateway.next_entries(state.size, BATCH_SIZE).await?;
        if reply.outcome != Outcome::Ok {
            return Err(Failed::refused(&reply).into());
        }
        Ok(reply.read()?)
    }

    /// The right edge of the state's tree, from its own files, which are checked against its root.
    async fn resume(&mut self, state: &State, published: bool) -> Result<Builder, Ended> {
        if let Some((known, builder)) = &self.edge
            && known == state
        {
            return Ok(builder.clone());
        }
        if !published {
            self.apply_staged(state).await?;
        }
        let builder = self.read_edge(state).await?;
        self.edge = Some((state.clone(), builder.clone()));
        Ok(builder)
    }

    /// Writes the files of a tree that was decided on and perhaps not written. If they are gone they were
    /// written: they are forgotten only when a checkpoint speaks of them. What is missing all the same is missed
    /// when the edge is read.
    async fn apply_staged(&self, state: &State) -> Result<(), Ended> {
        let (bucket, key) = (&self.publisher.bucket, state.staging_key());
        let Some(object) = bucket.get(&key).await? else {
            return Ok(());
        };
        if sha256(&object.bytes) != state.staged {
            return Err(conflict(&key));
        }
        let files = staged::decode(&object.bytes).ok_or_else(|| conflict(&key))?;
        bucket.create_all(&files).await
    }

    async fn read_edge(&self, state: &State) -> Result<Builder, Ended> {
        let bucket = &self.publisher.bucket;
        let (mut tiles, mut bundle) = (Vec::new(), Vec::new());
        for tile in tiles_of(state.size) {
            tiles.push((tile, bucket.must_get(&tile.path()).await?));
            if tile.level() == 0 {
                bundle = bucket.must_get(&tile.entries_path()).await?;
            }
        }
        Builder::resume(state.size, &state.root, &tiles, &bundle).map_err(|cause| {
            warn!(log.size = state.size, log.conflict = %cause, "The right edge is not the signed tree's.");
            Alarm::TileConflict.into()
        })
    }

    /// That the tree about to be published continues the one that is. It does, if the state is as we wrote it.
    async fn prove(&self, state: &State, latest: Option<&Latest>) -> Result<(), Ended> {
        let Some((size, root)) = latest.map(Latest::head) else {
            return Ok(());
        };
        let path = self.publisher.bucket.consistency(size, state.size).await?;
        verify_consistency(size, root, state.size, &state.root, &path).map_err(|_| {
            warn!(
                log.size = state.size,
                log.published_size = size,
                "The signer remembers a tree that does not continue the published one."
            );
            Alarm::StateRolledBack.into()
        })
    }

    /// The checkpoint; `None` if there are too few cosignatures, and then the next round asks again.
    async fn publish(
        &mut self,
        state: &State,
        latest: Option<Latest>,
        again: bool,
    ) -> Result<Option<Latest>, Ended> {
        let published = self.publisher.publish(state, latest, again).await?;
        match &published {
            Some(latest) => {
                self.published_size = Some(latest.size());
                self.signed += 1;
            }
            None => self.quorum_missed = true,
        }
        Ok(published)
    }

    /// Tells the database what is published, and forgets what was staged for it.
    ///
    /// A crash before, and the next round sees that the database does not know, and tells it. A crash between the
    /// two, and an object is left that the bucket's life cycle removes.
    async fn conclude(&self, state: &State, latest: &Latest) -> Result<(), Ended> {
        let reply = self
            .gateway
            .record_checkpoint(latest.size(), state.root.as_bytes(), &latest.text())
            .await?;
        match reply.outcome {
            Outcome::Ok => {}
            // It has made another tree of the entries that it gave us, or has other entries now.
            Outcome::Refused if Failed::refused(&reply) == mismatch() => {
                return Err(Alarm::DatabaseForked.into());
            }
            _ => return Err(Ended::Broken),
        }
        self.publisher.bucket.unstage(&state.staging_key()).await;
        Ok(())
    }
}

/// The refusal of a checkpoint whose root is not the database's.
fn mismatch() -> Failed {
    Failed::Refused("tlog-mismatch".to_owned())
}

/// The tree with a batch more, and the files that are new.
fn extend(
    mut builder: Builder,
    log: &DatabaseLog,
) -> Result<(State, Builder, Vec<Resource>), Ended> {
    for entry in &log.entries {
        builder
            .push(entry.as_bytes())
            .map_err(|_| broken("an entry is too long"))?;
    }
    let files = builder.take();
    let state = State {
        size: builder.tree().size(),
        root: builder.tree().root(),
        ..State::BEGINNING
    };
    Ok((state, builder, files))
}

fn tell(state: &State, log: &DatabaseLog) {
    warn!(
        log.size = state.size,
        log.root = %state.root,
        log.database_size = log.size,
        log.database_root = log.root.map(|root| root.to_string()),
        log.database_published_size = log.published_size,
        "The database does not have what was signed."
    );
}
