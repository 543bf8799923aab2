use std::{process::ExitCode, sync::Arc};

use once_cell::sync::OnceCell;
use serde_json::Value;
use tracing::error;

use super::{
    invocation::Invocation,
    prepare::Logins,
    serve::Function,
    system::{Failed, job},
};
use crate::{
    config::{DatabaseLogin, Deployment, load},
    gateway::{
        Database, Gateway,
        migrations::{self, Applied},
    },
};

/// An invocation by a deployment. Its event says nothing that is used.
pub struct DeploymentCall {
    /// What the deployment was told.
    pub config: &'static Deployment,
    login: DatabaseLogin,
    invocation: Invocation,
}

impl DeploymentCall {
    /// Brings the database up to date.
    ///
    /// # Errors
    ///
    /// The cause is in the log.
    pub async fn apply_migrations(&self) -> Result<Applied, Failed> {
        migrations::run(&self.config.base, &self.login).await.map_err(|cause| {
            error!(migration.failed = %cause, migration.cause = cause.detail(), "The deployment stopped.");
            Failed::Broken
        })
    }

    /// The database, for this invocation. Its login's settings are those of the migrations.
    #[must_use]
    pub fn gateway(&self) -> Gateway {
        self.invocation
            .gateway(Arc::new(Database::new(&self.config.base, &self.login)))
    }
}

/// Serves the deployment's function.
pub fn deployment<H, F>(name: &'static str, handler: H) -> ExitCode
where
    H: Fn(DeploymentCall) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value, Failed>> + Send,
{
    static CONFIG: OnceCell<Deployment> = OnceCell::new();
    let function = Function::start(
        || load(&CONFIG, Deployment::parse),
        |config: &'static Deployment| Logins::new(name, &config.base),
    );
    job(name, function, move |config, login, invocation| {
        handler(DeploymentCall {
            config,
            login,
            invocation,
        })
    })
}
