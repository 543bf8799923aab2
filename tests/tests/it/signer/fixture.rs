//! A database with a log, its signer, and a complete check of what is published.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tests::aws::{Log, ORIGIN};
use tests::fixture::Fixture;
use tests::lambda::{Answer, Function, Invocation, Launch};
use tlog::checkpoint::Checkpoint;
use tlog::merkle::Hash;
use tlog::note::{Note, SigningKey, VerifierKey};
use tlog::tiles::{Builder, Resource};

use crate::locks::until;
use crate::support::count;

pub(super) const SIGNER: &str = "sign-checkpoint";

/// Inserts outcomes without their mutations: the signer signs whatever is sequenced, and real settlements take time.
const OUTCOMES: &str = r#"
    set session_replication_role = replica;
    insert into ledger.commitment_outcome
        (key, principal_kind, principal_id, outcome, status, body, epoch, leaf)
    select o.key, 'system', 'test', 'accepted', 200, '{}', 1,
        '{"v":1,"id":"' || encode(o.key, 'hex') || '","fingerprint":"' || encode(sha256(o.key), 'hex')
        || '","actor":{"kind":"system","id_hash":"' || encode(o.key, 'hex')
        || '"},"operation":"test","resource_id":"","attempt":"","occurred_at":null'
        || ',"claimed_at":"2026-11-23T01:02:03.123456Z"'
        || ',"allocator_id":null,"created_id":null,"outcome":"accepted","status":200'
        || ',"committed_at":"2026-11-23T01:02:03.123456Z"'
        || ',"body_hash":"' || encode(o.key, 'hex') || '","mutations":0,"mutations_hash":"' || repeat('00', 32) || '"}'
    from (
        select sha256(convert_to(gen_random_uuid()::text, 'UTF8')) as key from generate_series(1, $number)
    ) as o;
    reset session_replication_role;
"#;

pub(super) struct SignerFixture {
    pub(super) base: Fixture,
    pub(super) log: Log,
}

impl SignerFixture {
    /// A log that has not begun, over the sample data's outcomes.
    pub(super) fn new() -> Result<Self> {
        let base = Fixture::new()?;
        let log = base.log()?;
        Ok(Self { base, log })
    }

    /// A log with this number of entries, all signed.
    pub(super) fn signed(size: i64) -> Result<Self> {
        let fixture = Self::new()?;
        fixture.grow_to(size)?;
        fixture.sign()?;
        fixture.verify(size)?;
        Ok(fixture)
    }

    /// More entries, in the database alone.
    pub(super) fn grow(&self, number: i64) -> Result<()> {
        self.grow_to(self.outcomes()? + number)
    }

    /// Entries up to this number, in the database alone.
    pub(super) fn grow_to(&self, size: i64) -> Result<()> {
        let missing = size - self.outcomes()?;
        ensure!(missing >= 0, "there are {missing} too many");
        self.base
            .admin()?
            .batch_execute(&OUTCOMES.replace("$number", &missing.to_string()))?;
        self.sequence()
    }

    /// Gives every outcome its place. Other tests' transactions may hold the horizon back for a while.
    pub(super) fn sequence(&self) -> Result<()> {
        let sequencer = self.base.function("sequence-tlog")?;
        let outcomes = self.outcomes()?;
        until("everything has its place", || {
            let reply = sequencer.call(&Value::Null)?;
            Ok(reply["size"] == outcomes)
        })
    }

    fn outcomes(&self) -> Result<i64> {
        count(
            &mut self.base.admin()?,
            "select count(*) from ledger.commitment_outcome",
        )
    }

    /// How the signer is started.
    pub(super) fn launch(&self) -> Result<Launch> {
        self.base.launch(SIGNER)
    }

    pub(super) fn signer(&self) -> Result<std::sync::Arc<Function>> {
        self.base.function(SIGNER)
    }

    /// One round that comes to its end.
    pub(super) fn sign(&self) -> Result<Value> {
        self.signer()?.call(&Value::Null)
    }

    /// One round that fails; why.
    pub(super) fn failure(&self) -> Result<String> {
        match self.signer()?.invoke(Invocation::new(&Value::Null))? {
            Answer::Error(error) => {
                let error: Value = serde_json::from_str(&error)?;
                Ok(error["errorMessage"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned())
            }
            other => bail!("it did not fail: {other:?}"),
        }
    }

    /// One round that stops the signer, for that reason, with the alarm; nothing that is published changes.
    pub(super) fn assert_stops(&self, alarm: &str) -> Result<()> {
        let before = (self.log.versions("")?, self.log.state()?);
        // The second try fails as well.
        for _ in 0..2 {
            assert_eq!(self.failure()?, alarm, "{}", self.signer()?.logs());
            let log = self.signer()?.logs();
            let line = last_metrics(&log)?;
            assert_eq!(
                (&line["signer_stopped"], &line["outcome"]),
                (&json!(1), &json!("refused")),
                "{line}"
            );
            assert!(
                log.lines().any(|line| line.contains(r#""level":"ERROR""#)
                    && line.contains(&format!(r#""log.stopped":"{alarm}""#))),
                "{log}"
            );
        }
        assert_eq!(
            (self.log.versions("")?, self.log.state()?),
            before,
            "{alarm}"
        );
        Ok(())
    }

    pub(super) fn key(&self) -> Result<VerifierKey> {
        let seed = self.base.deployment().note_seed.as_slice().try_into()?;
        Ok(SigningKey::from_seed(ORIGIN, seed)?.verifier_key().clone())
    }

    /// The latest checkpoint, if there is one.
    pub(super) fn latest(&self) -> Result<Option<(Checkpoint, Note)>> {
        self.log
            .get("checkpoint")?
            .map(|bytes| Ok(Checkpoint::parse_note(&bytes)?))
            .transpose()
    }

    /// That the log is published, so far and in one piece: every file is what its entries say, every checkpoint
    /// is one of this tree, and the state and the database say the same.
    pub(super) fn verify(&self, size: i64) -> Result<()> {
        let size = u64::try_from(size)?;
        let entries: Vec<String> = self
            .base
            .admin()?
            .query(
                "select o.leaf from tlog.entry as e join ledger.commitment_outcome as o on o.key = e.key
                 where e.index < $1 order by e.index",
                &[&i64::try_from(size)?],
            )?
            .iter()
            .map(|row| row.get(0))
            .collect();
        ensure!(
            entries.len() as u64 == size,
            "the database has {}",
            entries.len()
        );
        let keys = self.log.keys()?;
        let mut builder = Builder::new();
        let mut files: Vec<Resource> = Vec::new();
        let mut seen = 0;
        for entry in &entries {
            builder.push(entry.as_bytes())?;
            let now = builder.tree().size();
            let key = format!("checkpoints/{now}");
            if keys.contains(&key) {
                seen += 1;
                files.extend(builder.take());
                self.verify_checkpoint(&key, now, builder.tree().root())?;
            }
        }
        let all = keys.iter().filter(|key| key.starts_with("checkpoints/"));
        assert_eq!(all.count(), seen, "a checkpoint of no tree of ours");
        for file in &files {
            let stored = self.log.head(&file.path)?;
            assert_eq!(stored.status, 200, "{} is missing", file.path);
            assert!(stored.body == file.bytes, "{} is another", file.path);
            let locked = stored.header("x-amz-object-lock-mode");
            assert_eq!(locked, file.full.then_some("COMPLIANCE"), "{}", file.path);
            assert_eq!(
                stored.header("content-type"),
                Some("application/octet-stream")
            );
        }
        let tiles = keys.iter().filter(|key| key.starts_with("tile/"));
        assert_eq!(tiles.count(), files.len(), "a file of no tree of ours");
        assert!(
            !keys.iter().any(|key| key.starts_with("staging/")),
            "{keys:?}"
        );
        let root = builder.tree().root();
        self.verify_checkpoint("checkpoint", size, root)?;
        let state = self.log.state()?.context("no state")?;
        assert_eq!(
            (&state["size"], &state["root"]),
            (&json!(size), &json!(root.to_string()))
        );
        let row = self.base.admin()?.query_one(
            "select size, encode(root, 'hex'), note from tlog.checkpoint order by size desc limit 1",
            &[],
        )?;
        let note = self.log.get("checkpoint")?.context("no checkpoint")?;
        assert_eq!(
            (
                row.get::<_, i64>(0),
                row.get::<_, String>(1),
                row.get::<_, String>(2)
            ),
            (
                i64::try_from(size)?,
                root.to_string(),
                String::from_utf8(note)?
            )
        );
        Ok(())
    }

    fn verify_checkpoint(&self, object: &str, size: u64, root: Hash) -> Result<()> {
        let stored = self.log.head(object)?;
        let (checkpoint, note) =
            Checkpoint::parse_note(&stored.body).with_context(|| object.to_owned())?;
        note.verify(&self.key()?)?;
        assert_eq!(
            (checkpoint.origin(), checkpoint.size(), *checkpoint.root()),
            (ORIGIN, size, root),
            "{object}"
        );
        assert_eq!(
            stored.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        let (lock, cache) = if object == "checkpoint" {
            (None, "no-store")
        } else {
            (Some("COMPLIANCE"), "public, max-age=31536000, immutable")
        };
        assert_eq!(stored.header("x-amz-object-lock-mode"), lock, "{object}");
        assert_eq!(stored.header("cache-control"), Some(cache), "{object}");
        Ok(())
    }
}

/// The metrics of the last invocation.
pub(super) fn last_metrics(log: &str) -> Result<Value> {
    log.lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["_aws"].is_object())
        .with_context(|| format!("no metrics in\n{log}"))
}
