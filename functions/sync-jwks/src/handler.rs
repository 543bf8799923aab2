use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    auth::jwks::{KeySource, Thumbprint},
    gateway::{Outcome, RetiredFor},
    runtime::{Failed, JobCall},
};
use tracing::warn;

use crate::{
    config::JwksSyncConfig,
    event::Task,
    resources::{Published, published},
};

type Call = JobCall<JwksSyncConfig, Arc<KeySource>>;

#[derive(Deserialize)]
struct Synced {
    changes: Value,
    retired_for_ever: Vec<String>,
}

pub(crate) async fn handle(call: Call, task: Task) -> Result<Value, Failed> {
    match task {
        Task::Sync => sync(call).await,
        Task::RetireKey(thumbprint) => retire(&call, &thumbprint, RetiredFor::Operator).await,
    }
}

/// Registers all of the published set, or nothing of it. A call that is made again finds what the first one did, and
/// changes no more.
async fn sync(call: Call) -> Result<Value, Failed> {
    let keys = match published(&call.resources).await? {
        Published::Keys(keys) => keys,
        Published::PrivateKeys(thumbprints) => {
            for thumbprint in &thumbprints {
                retire(&call, thumbprint, RetiredFor::PrivateMembers).await?;
            }
            return Err(Failed::Broken);
        }
    };
    let reply = call.gateway.sync_jwks(&keys).await?;
    match reply.outcome {
        Outcome::Ok => {
            let Synced {
                changes,
                retired_for_ever,
            } = reply.read()?;
            for kid in &retired_for_ever {
                warn!(
                    auth.kid = kid,
                    "The issuer publishes a key that is retired for ever. It stays out of force."
                );
            }
            Ok(json!({"changes": changes, "retired_for_ever": retired_for_ever}))
        }
        // Replayed: a refusal that was recorded before its reply was lost.
        Outcome::Refused | Outcome::Replayed => Err(Failed::refused(&reply)),
        Outcome::Accepted | Outcome::Duplicate | Outcome::Reused => Err(Failed::Broken),
    }
}

/// A call that is made again answers what the first one did.
async fn retire(call: &Call, thumbprint: &Thumbprint, reason: RetiredFor) -> Result<Value, Failed> {
    let reply = call.gateway.retire_key(thumbprint, reason).await?;
    match reply.outcome {
        Outcome::Ok | Outcome::Accepted | Outcome::Replayed => {
            let text = |name| reply.body.get(name).and_then(Value::as_str);
            let (thumbprint, reason) = (text("thumbprint"), text("reason"));
            warn!(
                auth.thumbprint = thumbprint,
                auth.reason = reason,
                "A key is retired for ever."
            );
            Ok(Value::Object(reply.body))
        }
        Outcome::Refused | Outcome::Duplicate | Outcome::Reused => Err(Failed::refused(&reply)),
    }
}
