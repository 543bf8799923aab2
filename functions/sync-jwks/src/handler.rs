use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    auth::jwks::KeySource,
    gateway::Outcome,
    runtime::{Failed, JobCall},
};

use crate::{config::JwksSyncConfig, resources::published_keys};

#[derive(Deserialize)]
struct Synced {
    changes: Value,
}

/// Registers all of the published set, or nothing of it. A call that is made again finds what the first one did, and
/// changes no more.
pub(crate) async fn handle(call: JobCall<JwksSyncConfig, Arc<KeySource>>) -> Result<Value, Failed> {
    let keys = published_keys(&call.resources).await?;
    let reply = call.gateway.sync_jwks(&keys).await?;
    match reply.outcome {
        Outcome::Ok => {
            let Synced { changes } = reply.read()?;
            Ok(json!({"changes": changes}))
        }
        // Replayed: a refusal that was recorded before its reply was lost.
        Outcome::Refused | Outcome::Replayed => Err(Failed::refused(&reply)),
        Outcome::Accepted | Outcome::Duplicate | Outcome::Reused => Err(Failed::Broken),
    }
}
