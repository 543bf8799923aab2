//! What must be at hand before an event may be looked at.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::Mutex;
use tracing::{error, warn};

use crate::{
    auth::webhook::KeyRing,
    clock::is_fresh,
    config::{Base, SecretError, SecretsManager},
    gateway::Database,
};

/// How old the agents' secrets may be: how long a withdrawn secret still opens.
const KEY_RING_AGE_MAX: Duration = Duration::from_mins(1);

/// After this time the secrets are read anew. If that fails, those that are kept serve until they are too old.
const KEY_RING_REFRESH: Duration = Duration::from_secs(30);

/// Something made of secrets, the database among it. It is fetched at the start. The invocation that needs it next
/// fetches again when the last try failed, or when the result is too old. There is one fetch at a time.
pub trait Prepare: Send + Sync + 'static {
    /// What an invocation gets besides the database.
    type Ready: Send;

    /// Gives what is kept, or fetches it.
    fn prepare(
        &self,
    ) -> impl Future<Output = Result<(Arc<Database>, Self::Ready), SecretError>> + Send;
}

/// The database, entered with the function's own login. Its connections outlive an invocation.
pub struct ConnectionCache {
    /// The secrets of the function.
    pub secrets: SecretsManager,
    base: &'static Base,
    kept: Mutex<Option<Arc<Database>>>,
}

impl ConnectionCache {
    /// The cache of the function of this name; nothing is fetched yet.
    #[must_use]
    pub fn new(function: &'static str, base: &'static Base) -> Self {
        Self {
            secrets: SecretsManager::new(function, base),
            base,
            kept: Mutex::default(),
        }
    }

    /// The database that is kept; a new one if there is none, or if the server has refused its login.
    ///
    /// # Errors
    ///
    /// The login cannot be read. Nothing is kept then, and the function fails closed.
    pub async fn database(&self) -> Result<Arc<Database>, SecretError> {
        let mut kept = self.kept.lock().await;
        if let Some(database) = kept
            .as_ref()
            .filter(|database| !database.is_login_refused())
        {
            return Ok(Arc::clone(database));
        }
        *kept = None;
        let login = self.secrets.database_login(self.base.database_auth).await?;
        let database = Arc::new(Database::new(self.base, &login));
        Ok(Arc::clone(kept.insert(database)))
    }
}

impl Prepare for ConnectionCache {
    type Ready = ();

    async fn prepare(&self) -> Result<(Arc<Database>, ()), SecretError> {
        Ok((self.database().await?, ()))
    }
}

/// The database and the secrets of the agents.
pub(super) struct Webhooks {
    connections: ConnectionCache,
    kept: Mutex<Option<Kept>>,
}

/// A key ring, when it was asked for, and when the store was last asked for a newer one.
struct Kept {
    ring: Arc<KeyRing>,
    of: SystemTime,
    tried: SystemTime,
}

impl Webhooks {
    pub(super) fn new(function: &'static str, base: &'static Base) -> Self {
        Self {
            connections: ConnectionCache::new(function, base),
            kept: Mutex::default(),
        }
    }

    async fn key_ring(&self) -> Result<Arc<KeyRing>, SecretError> {
        let mut kept = self.kept.lock().await;
        refreshed(&mut kept, || self.connections.secrets.key_ring()).await
    }
}

/// The ring that is kept while it is fresh, else a new one. Where no new one can be had, the old one serves on until it
/// is too old: a moment without the secret store, or a document with a mistake, stops no agent at once.
async fn refreshed<F>(
    kept: &mut Option<Kept>,
    fetch: impl FnOnce() -> F,
) -> Result<Arc<KeyRing>, SecretError>
where
    F: Future<Output = Result<KeyRing, SecretError>>,
{
    // The age counts from before the fetch: what changes during it is not missed for longer.
    let asked = SystemTime::now();
    if let Some(kept) = kept.as_ref().filter(|kept| {
        is_fresh(kept.tried, asked, KEY_RING_REFRESH) && is_fresh(kept.of, asked, KEY_RING_AGE_MAX)
    }) {
        return Ok(Arc::clone(&kept.ring));
    }
    match fetch().await {
        Ok(ring) => {
            for (agent, mistake) in ring.mistakes() {
                error!(agent.id = agent, agent.mistake = %mistake, "An agent's entry in the key ring cannot be used.");
            }
            let ring = Arc::new(ring);
            *kept = Some(Kept {
                ring: Arc::clone(&ring),
                of: asked,
                tried: asked,
            });
            Ok(ring)
        }
        Err(refused) => match kept {
            Some(kept) if is_fresh(kept.of, SystemTime::now(), KEY_RING_AGE_MAX) => {
                kept.tried = asked;
                warn!(config.secret = %refused, "No new key ring could be read; the one before serves on.");
                Ok(Arc::clone(&kept.ring))
            }
            _ => {
                *kept = None;
                Err(refused)
            }
        },
    }
}

impl Prepare for Webhooks {
    type Ready = Arc<KeyRing>;

    async fn prepare(&self) -> Result<(Arc<Database>, Arc<KeyRing>), SecretError> {
        tokio::try_join!(self.connections.database(), self.key_ring())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(of: u64, tried: u64) -> Option<Kept> {
        let ago = |seconds| SystemTime::now().checked_sub(Duration::from_secs(seconds));
        Some(Kept {
            ring: Arc::default(),
            of: ago(of)?,
            tried: ago(tried)?,
        })
    }

    /// What becomes of a ring that was asked for so many seconds ago, where the store was last asked so many ago:
    /// whether the store is asked, and whether the ring that was kept is served.
    async fn asked(
        of: u64,
        tried: u64,
        answer: Result<KeyRing, SecretError>,
    ) -> (bool, Option<bool>) {
        let mut kept = kept(of, tried);
        let old = kept.as_ref().map(|kept| Arc::clone(&kept.ring)).unwrap();
        let mut is_asked = false;
        let served = refreshed(&mut kept, || {
            is_asked = true;
            async { answer }
        })
        .await;
        assert_eq!(kept.is_some(), served.is_ok());
        let is_old = |ring: Arc<KeyRing>| Arc::ptr_eq(&ring, &old);
        (is_asked, served.ok().map(is_old))
    }

    #[tokio::test]
    async fn a_ring_is_replaced_by_a_good_one_alone_and_ends_after_a_minute() {
        let away = || Err(SecretError::Unusable("away"));
        for (of, tried, good, bad) in [
            (0, 0, (false, Some(true)), (false, Some(true))),
            (29, 29, (false, Some(true)), (false, Some(true))),
            (31, 31, (true, Some(false)), (true, Some(true))),
            // Tried in vain before: not again at each delivery.
            (45, 14, (false, Some(true)), (false, Some(true))),
            (59, 31, (true, Some(false)), (true, Some(true))),
            // Whatever was tried: a withdrawn secret has ended.
            (61, 1, (true, Some(false)), (true, None)),
            (600, 600, (true, Some(false)), (true, None)),
        ] {
            let ring = Ok(KeyRing::default());
            assert_eq!(asked(of, tried, ring).await, good, "{of} {tried}, good");
            assert_eq!(asked(of, tried, away()).await, bad, "{of} {tried}, away");
        }
    }
}
