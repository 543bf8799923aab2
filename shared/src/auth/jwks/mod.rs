//! The issuer's public keys (JWK set, RFC 7517), fetched for each request or shared for a bounded
//! time, and fetched anew for the database's register.
//!
//! It fails closed: without a fresh key set there is no answer, and an old set is never used for
//! want of a new one.

mod fetch;
mod key_set;

use std::{sync::Arc, time::Duration};

use http::Uri;
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::timeout};

use self::fetch::Fetcher;
pub use self::{
    fetch::KeysUnavailable,
    key_set::{KeySet, KeySetError, PublicKey, Thumbprint, ThumbprintError},
};

/// How long a caller waits for the key set at most, other callers' fetches included.
const WAIT_MAX: Duration = Duration::from_millis(1500);

/// An unknown `kid` may be a new key, or an invented one: this bounds what inventing costs the
/// issuer.
const UNKNOWN_KID_REFETCH_SECONDS: u64 = 30;

/// Where key sets come from.
#[derive(Debug)]
pub struct KeySource {
    fetcher: Fetcher,
    age_seconds_max: u64,
    shared: Mutex<Option<Shared>>,
}

impl KeySource {
    /// A source that uses a key set for `max_age`; zero fetches one for every call.
    #[must_use]
    pub fn new(uri: Uri, max_age: Duration) -> Self {
        Self {
            fetcher: Fetcher::new(uri, WAIT_MAX),
            age_seconds_max: max_age.as_secs(),
            shared: Mutex::new(None),
        }
    }

    /// A key set to judge a token with the (unverified) `kid` by.
    ///
    /// # Errors
    ///
    /// The issuer gave no acceptable key set in time. The token may be good.
    pub async fn keys_for(
        &self,
        kid: &str,
        now: OffsetDateTime,
    ) -> Result<Arc<KeySet>, KeysUnavailable> {
        match self.age_seconds_max {
            0 => self.fetch().await.map(Arc::new),
            _ => in_time(self.shared_keys(kid, now.unix_timestamp())).await,
        }
    }

    /// The key set as it is published now, fetched for this call alone.
    ///
    /// # Errors
    ///
    /// The issuer gave no acceptable key set in time.
    pub async fn fetch(&self) -> Result<KeySet, KeysUnavailable> {
        in_time(self.fetcher.fetch()).await
    }

    /// The lock is held during the fetch: one refresh at a time, and who waited finds its result.
    async fn shared_keys(&self, kid: &str, now: i64) -> Result<Arc<KeySet>, KeysUnavailable> {
        let mut shared = self.shared.lock().await;
        if let Some(shared) = shared.as_mut() {
            if shared.answers(kid, now, self.age_seconds_max) {
                return Ok(Arc::clone(&shared.keys));
            }
            shared.attempted_at = now;
        }
        let keys = Arc::new(self.fetcher.fetch().await?);
        *shared = Some(Shared {
            keys: Arc::clone(&keys),
            fetched_at: now,
            attempted_at: now,
        });
        Ok(keys)
    }
}

async fn in_time<T>(
    keys: impl Future<Output = Result<T, KeysUnavailable>>,
) -> Result<T, KeysUnavailable> {
    timeout(WAIT_MAX, keys)
        .await
        .unwrap_or(Err(KeysUnavailable::TimedOut))
}

/// Times are Unix seconds of the wall clock: a monotonic clock may stand still while a function is
/// frozen.
#[derive(Debug)]
struct Shared {
    keys: Arc<KeySet>,
    fetched_at: i64,
    attempted_at: i64,
}

impl Shared {
    /// A distance and not a difference: a clock that was set back makes the set old, not young.
    fn answers(&self, kid: &str, now: i64, age_seconds_max: u64) -> bool {
        let fresh = now.abs_diff(self.fetched_at) < age_seconds_max;
        fresh
            && (self.keys.has(kid) || now.abs_diff(self.attempted_at) < UNKNOWN_KID_REFETCH_SECONDS)
    }
}

#[cfg(test)]
mod tests;
