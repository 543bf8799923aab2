//! S3: where the log is published.
//!
//! A file of the log never changes, so it is written on the condition that it is not there. If it is, it must be the
//! same: then this is our second try, or another signer's.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{
    Client,
    error::SdkError,
    operation::get_object::GetObjectError,
    operation::put_object::{PutObjectError, builders::PutObjectFluentBuilder},
    primitives::{ByteStream, DateTime},
    types::ObjectLockMode,
};
use futures_util::{TryStreamExt, stream};
use tlog::{
    merkle::{Hash, consistency_path},
    tiles::{Resource, TileNodes, tiles_for_consistency},
};

use crate::ended::{Ended, broken, conflict, unavailable};

/// So many files are written at a time.
const WRITES_AT_ONCE: usize = 16;
const BINARY: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";
/// A year: what does not change need not be asked for again.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const CHECKPOINT: &str = "checkpoint";

/// The log's bucket.
pub(crate) struct Bucket {
    client: Client,
    name: &'static str,
    retention: Duration,
}

/// An object, and what tells it from what it will be.
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: String,
}

impl Bucket {
    pub(crate) const fn new(client: Client, name: &'static str, retention: Duration) -> Self {
        Self {
            client,
            name,
            retention,
        }
    }

    /// The object, if there is one.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Object>, Ended> {
        let request = self.client.get_object().bucket(self.name).key(key);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(unavailable("GetObject", key, &error)),
        };
        let etag = answer.e_tag.ok_or_else(|| broken("S3 gave no ETag"))?;
        let Ok(bytes) = answer.body.collect().await else {
            tracing::warn!(aws.object = key, "An object broke off while it was read.");
            return Err(Ended::Broken);
        };
        Ok(Some(Object {
            bytes: bytes.to_vec(),
            etag,
        }))
    }

    /// The object, which a tree that was decided on and published speaks of.
    pub(crate) async fn must_get(&self, key: &str) -> Result<Vec<u8>, Ended> {
        match self.get(key).await? {
            Some(object) => Ok(object.bytes),
            None => Err(conflict(key)),
        }
    }

    /// RFC 9162's proof that the tree of `new` entries continues that of `old`, from the published tiles.
    pub(crate) async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Ended> {
        let tiles =
            tiles_for_consistency(old, new).ok_or_else(|| broken("there is no such proof"))?;
        let mut nodes = TileNodes::new();
        for tile in tiles {
            let key = tile.path();
            let bytes = self.must_get(&key).await?;
            nodes.insert(tile, bytes).map_err(|_| conflict(&key))?;
        }
        consistency_path(old, new, &nodes).map_err(|_| broken("there is no such proof"))
    }

    /// The latest checkpoint, if there is one.
    pub(crate) async fn checkpoint(&self) -> Result<Option<Object>, Ended> {
        self.get(CHECKPOINT).await
    }

    /// Whether a checkpoint was ever published here. A version under lock survives whoever deletes the object, who
    /// leaves a marker, too.
    pub(crate) async fn has_history(&self) -> Result<bool, Ended> {
        let answer = self
            .client
            .list_object_versions()
            .bucket(self.name)
            .prefix("checkpoints/")
            .max_keys(1)
            .send()
            .await
            .map_err(|error| unavailable("ListObjectVersions", "checkpoints/", &error))?;
        Ok(!answer.versions().is_empty() || !answer.delete_markers().is_empty())
    }

    /// Writes files of the log, several at a time and in no order; each at most once, for ever.
    pub(crate) async fn create_all(&self, files: &[Resource]) -> Result<(), Ended> {
        let writes = stream::iter(files.iter().map(Ok));
        writes
            .try_for_each_concurrent(WRITES_AT_ONCE, |file| self.create(file))
            .await
    }

    async fn create(&self, file: &Resource) -> Result<(), Ended> {
        let key = &file.path;
        let mut put = self
            .put(key, file.bytes.clone())
            .content_type(BINARY)
            .cache_control(IMMUTABLE)
            .if_none_match("*");
        if file.full {
            // A partial one says nothing that its successor does not.
            put = self.locked(put);
        }
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => match self.get(key).await? {
                Some(object) if object.bytes == file.bytes => Ok(()),
                Some(_) => Err(conflict(key)),
                None => Err(unavailable("PutObject", key, &error)),
            },
            Err(error) => Err(unavailable("PutObject", key, &error)),
        }
    }

    /// Writes the checkpoint of that size, for ever; or answers the one that is there.
    pub(crate) async fn create_checkpoint(
        &self,
        key: &str,
        note: &str,
    ) -> Result<Option<Vec<u8>>, Ended> {
        let put = self
            .put(key, note.as_bytes().to_vec())
            .content_type(TEXT)
            .cache_control(IMMUTABLE)
            .if_none_match("*");
        match self.locked(put).send().await {
            Ok(_) => Ok(None),
            Err(error) if is_taken(&error) => match self.get(key).await? {
                Some(object) => Ok(Some(object.bytes)),
                None => Err(unavailable("PutObject", key, &error)),
            },
            Err(error) => Err(unavailable("PutObject", key, &error)),
        }
    }

    /// Puts a checkpoint into the place of the one that was read, if it still is the one; its `ETag`, if it was.
    ///
    /// Unconditional, a signer that was held up would put its old checkpoint over a newer one.
    pub(crate) async fn replace_checkpoint(
        &self,
        before: Option<&str>,
        note: &[u8],
    ) -> Result<Option<String>, Ended> {
        let put = self
            .put(CHECKPOINT, note.to_vec())
            .content_type(TEXT)
            .cache_control("no-store");
        let put = match before {
            Some(etag) => put.if_match(etag),
            None => put.if_none_match("*"),
        };
        match put.send().await {
            Ok(answer) => answer
                .e_tag
                .map(Some)
                .ok_or_else(|| broken("S3 gave no ETag")),
            Err(error) if is_taken(&error) => Ok(None),
            Err(error) => Err(unavailable("PutObject", CHECKPOINT, &error)),
        }
    }

    /// Keeps a round's files until they are published.
    pub(crate) async fn stage(&self, key: &str, object: Vec<u8>) -> Result<(), Ended> {
        let put = self.put(key, object).content_type(BINARY);
        put.send()
            .await
            .map(drop)
            .map_err(|error| unavailable("PutObject", key, &error))
    }

    /// Forgets a round's files. Where that fails, the bucket's life cycle does it.
    pub(crate) async fn unstage(&self, key: &str) {
        let delete = self.client.delete_object().bucket(self.name).key(key);
        if let Err(error) = delete.send().await {
            unavailable("DeleteObject", key, &error);
        }
    }

    fn put(&self, key: &str, bytes: Vec<u8>) -> PutObjectFluentBuilder {
        self.client
            .put_object()
            .bucket(self.name)
            .key(key)
            .body(ByteStream::from(bytes))
    }

    /// Puts the object under a lock that not even the account's owner can take off before it ends.
    fn locked(&self, put: PutObjectFluentBuilder) -> PutObjectFluentBuilder {
        put.object_lock_mode(ObjectLockMode::Compliance)
            .object_lock_retain_until_date(DateTime::from(SystemTime::now() + self.retention))
    }
}

/// 412: the condition does not hold. 409: another write of the same object is under way.
fn is_taken(error: &SdkError<PutObjectError>) -> bool {
    error
        .raw_response()
        .is_some_and(|response| matches!(response.status().as_u16(), 409 | 412))
}
