//! What must be at hand before an event may be looked at.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use crate::{
    auth::webhook::KeyRing,
    config::{Base, DatabaseAuth, DatabaseLogin, SecretError, SecretsManager},
    gateway::Database,
};

/// How old the agents' secrets may be: how long a new agent waits, and a withdrawn secret still opens.
const KEY_RING_AGE_MAX: Duration = Duration::from_mins(1);

/// Something made of secrets. Fetched at the start, kept, and fetched again by whoever needs it next when
/// the last try failed or what it brought is too old: one fetch at a time.
pub(super) trait Prepare: Send + Sync + 'static {
    /// What an invocation gets.
    type Ready: Send;

    fn prepare(&self) -> impl Future<Output = Result<Self::Ready, SecretError>> + Send;
}

/// The database, entered with the function's own login.
pub(super) struct Databases {
    pub(super) secrets: SecretsManager,
    base: &'static Base,
    kept: Mutex<Option<Arc<Database>>>,
}

impl Databases {
    pub(super) fn new(function: &'static str, base: &'static Base) -> Self {
        Self {
            secrets: SecretsManager::new(function, &base.secrets_prefix, &base.aws),
            base,
            kept: Mutex::default(),
        }
    }
}

impl Prepare for Databases {
    type Ready = Arc<Database>;

    async fn prepare(&self) -> Result<Arc<Database>, SecretError> {
        let mut kept = self.kept.lock().await;
        if let Some(database) = kept
            .as_ref()
            .filter(|database| !database.is_login_refused())
        {
            return Ok(Arc::clone(database));
        }
        // Nothing is kept while the secret cannot be read: fail closed.
        *kept = None;
        let login = login(self.base, &self.secrets).await?;
        let database = Arc::new(Database::new(self.base, &login));
        Ok(Arc::clone(kept.insert(database)))
    }
}

/// The function's own login: a signed one needs no secret, and reads none.
async fn login(
    base: &'static Base,
    secrets: &SecretsManager,
) -> Result<DatabaseLogin, SecretError> {
    match base.database_auth {
        DatabaseAuth::Secret => secrets.database_login().await,
        DatabaseAuth::Iam => Ok(DatabaseLogin::signed(secrets.function(), &base.aws)),
    }
}

/// The database and the secrets of the agents.
pub(super) struct Webhooks {
    databases: Databases,
    kept: Mutex<Option<(Instant, Arc<KeyRing>)>>,
}

impl Webhooks {
    pub(super) fn new(function: &'static str, base: &'static Base) -> Self {
        Self {
            databases: Databases::new(function, base),
            kept: Mutex::default(),
        }
    }

    async fn key_ring(&self) -> Result<Arc<KeyRing>, SecretError> {
        let mut kept = self.kept.lock().await;
        if let Some((_, ring)) = kept
            .as_ref()
            .filter(|(fetched, _)| fetched.elapsed() <= KEY_RING_AGE_MAX)
        {
            return Ok(Arc::clone(ring));
        }
        *kept = None;
        // The age counts from before the fetch: what changes during it is not missed for a minute more.
        let asked = Instant::now();
        let ring = Arc::new(self.databases.secrets.key_ring().await?);
        *kept = Some((asked, Arc::clone(&ring)));
        Ok(ring)
    }
}

impl Prepare for Webhooks {
    type Ready = (Arc<Database>, Arc<KeyRing>);

    async fn prepare(&self) -> Result<Self::Ready, SecretError> {
        tokio::try_join!(self.databases.prepare(), self.key_ring())
    }
}

/// The login itself, for the function that does more than call a gateway function. Not kept: it runs once.
pub(super) struct Logins {
    secrets: SecretsManager,
    base: &'static Base,
}

impl Logins {
    pub(super) const fn new(function: &'static str, base: &'static Base) -> Self {
        Self {
            secrets: SecretsManager::new(function, base.secrets_prefix.as_str(), &base.aws),
            base,
        }
    }
}

impl Prepare for Logins {
    type Ready = DatabaseLogin;

    async fn prepare(&self) -> Result<DatabaseLogin, SecretError> {
        login(self.base, &self.secrets).await
    }
}
