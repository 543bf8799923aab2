use std::{process::ExitCode, sync::Arc};

use lambda_runtime::LambdaEvent;
use once_cell::sync::OnceCell;
use serde_json::{Value, json, value::RawValue};
use tracing::{error, info};

use super::{
    invocation::Invocation,
    prepare::Logins,
    serve::{Function, run},
    stack_event::{StackEvent, StackRequest},
    system::{Failed, perform},
};
use crate::{
    config::{DatabaseLogin, Deployment, load},
    gateway::{
        Database, Gateway,
        migrations::{self, Applied, MigrationError},
    },
};

/// An invocation by a deployment: by a person or a pipeline, whose event says nothing that is used, or by the stack
/// itself, as a custom resource.
pub struct DeploymentCall {
    /// What the deployment was told.
    pub config: &'static Deployment,
    login: DatabaseLogin,
    invocation: Invocation,
    by_stack: bool,
}

impl DeploymentCall {
    /// Brings the database up to date; `None` when there is nothing to be done because a later build did more.
    ///
    /// That is an error for a person, who has mistaken one version for another. A stack that goes back to an earlier
    /// version calls that version, and has to be let: migrations only add, so the earlier version runs on what is
    /// there.
    ///
    /// # Errors
    ///
    /// The cause is in the log.
    pub async fn apply_migrations(&self) -> Result<Option<Applied>, Failed> {
        match migrations::run(&self.config.base, &self.login).await {
            Ok(applied) => Ok(Some(applied)),
            Err(cause @ MigrationError::Newer { .. }) if self.by_stack => {
                info!(migration.newer = %cause, "The database is left as it is.");
                Ok(None)
            }
            Err(cause) => {
                error!(migration.failed = %cause, migration.cause = cause.detail(), "The deployment stopped.");
                Err(Failed::Broken)
            }
        }
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
    run(
        function,
        move |event: LambdaEvent<Box<RawValue>>| async move {
            let stack = StackEvent::parse(event.payload.get());
            let by_stack = stack.is_some();
            let answer = move |config, login, invocation| {
                handler(DeploymentCall {
                    config,
                    login,
                    invocation,
                    by_stack,
                })
            };
            let result = match &stack {
                // The stack goes; the database is not the stack's to undo.
                Some(stack) if stack.request == StackRequest::Delete => Ok(json!({})),
                _ => perform(name, function, answer, Invocation::new(&event.context)).await,
            };
            if let Some(stack) = stack {
                stack.reply(&result).await?;
            }
            result
        },
    )
}
