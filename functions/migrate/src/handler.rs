use serde_json::{Value, json};
use shared::{
    gateway::Outcome,
    runtime::{DeploymentCall, Failed},
};

pub(crate) async fn handle(call: DeploymentCall) -> Result<Value, Failed> {
    let Some(applied) = call.apply_migrations().await? else {
        return Ok(json!({"applied": [], "newer": true}));
    };
    let reply = call
        .gateway()
        .migrate(&call.config.identity, &call.config.platform_agent)
        .await?;
    match reply.outcome {
        Outcome::Ok | Outcome::Accepted | Outcome::Replayed => {
            Ok(json!({"applied": applied, "settings_changed": reply.body.get("changed")}))
        }
        Outcome::Refused | Outcome::Duplicate | Outcome::Reused => Err(Failed::refused(&reply)),
    }
}
