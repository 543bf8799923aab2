use serde_json::{Value, json};
use shared::{
    config::DatabaseLogin,
    gateway::Outcome,
    runtime::{Failed, JobCall},
};
use tracing::{error, info};

use crate::{
    config::MigrateConfig,
    migrations::{self, Applied, MigrationError},
};

/// Migrates, and then tells the database what the deployment was told. `by_stack`: a stack called, not a person.
pub(crate) async fn handle(
    call: JobCall<MigrateConfig, DatabaseLogin>,
    by_stack: bool,
) -> Result<Value, Failed> {
    let Some(applied) = apply_migrations(&call, by_stack).await? else {
        return Ok(json!({"applied": [], "newer": true}));
    };
    let reply = call
        .gateway
        .migrate(&call.config.identity, &call.config.platform_agent)
        .await?;
    match reply.outcome {
        Outcome::Ok | Outcome::Accepted | Outcome::Replayed => {
            info!(migration.applied = %json!(applied), "The database is up to date.");
            Ok(json!({"applied": applied, "settings_changed": reply.body.get("changed")}))
        }
        Outcome::Refused | Outcome::Duplicate | Outcome::Reused => Err(Failed::refused(&reply)),
    }
}

/// Brings the database up to date; `None` when there is nothing to be done because a later build did more.
///
/// That is an error for a person, who has mistaken one version for another. A stack that goes back to an earlier
/// version calls that version, and may: migrations only add, so the earlier version runs on what is there.
async fn apply_migrations(
    call: &JobCall<MigrateConfig, DatabaseLogin>,
    by_stack: bool,
) -> Result<Option<Applied>, Failed> {
    match migrations::run(&call.config.base, &call.resources).await {
        Ok(applied) => Ok(Some(applied)),
        Err(cause @ MigrationError::Newer { .. }) if by_stack => {
            info!(migration.newer = %cause, "The database is left as it is.");
            Ok(None)
        }
        Err(cause) => {
            error!(migration.failed = %cause, migration.cause = cause.detail(), "The deployment stopped.");
            Err(Failed::Broken)
        }
    }
}
