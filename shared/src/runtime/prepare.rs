//! What must be at hand before an event may be looked at.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::Mutex;

use crate::{
    auth::webhook::KeyRing,
    clock::is_fresh,
    config::{Base, SecretError, SecretsManager},
    gateway::Database,
};

/// How old the agents' secrets may be: how long a new agent waits, and how long a withdrawn secret still opens.
const KEY_RING_AGE_MAX: Duration = Duration::from_mins(1);

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
    kept: Mutex<Option<(SystemTime, Arc<KeyRing>)>>,
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
        if let Some((_, ring)) = kept
            .as_ref()
            .filter(|(asked, _)| is_fresh(*asked, SystemTime::now(), KEY_RING_AGE_MAX))
        {
            return Ok(Arc::clone(ring));
        }
        *kept = None;
        // The age counts from before the fetch: what changes during it is not missed for a minute more.
        let asked = SystemTime::now();
        let ring = Arc::new(self.connections.secrets.key_ring().await?);
        *kept = Some((asked, Arc::clone(&ring)));
        Ok(ring)
    }
}

impl Prepare for Webhooks {
    type Ready = Arc<KeyRing>;

    async fn prepare(&self) -> Result<(Arc<Database>, Arc<KeyRing>), SecretError> {
        tokio::try_join!(self.connections.database(), self.key_ring())
    }
}
