use std::sync::Arc;

use shared::{
    config::{Base, DatabaseLogin, SecretError, SecretsManager},
    gateway::Database,
    runtime::Prepare,
};

use crate::config::MigrateConfig;

/// The login itself, since migrations are more than calls of a gateway function. The login is not kept: a deployment
/// runs once.
pub(crate) struct MigrateResources {
    secrets: SecretsManager,
    base: &'static Base,
}

impl MigrateResources {
    pub(crate) const fn new(name: &'static str, config: &'static MigrateConfig) -> Self {
        Self {
            secrets: SecretsManager::new(name, &config.base),
            base: &config.base,
        }
    }
}

impl Prepare for MigrateResources {
    type Ready = DatabaseLogin;

    async fn prepare(&self) -> Result<(Arc<Database>, DatabaseLogin), SecretError> {
        let login = self.secrets.database_login(self.base.database_auth).await?;
        // It connects at its first call, after the migrations: so its settings are those that they give the login.
        Ok((Arc::new(Database::new(self.base, &login)), login))
    }
}
