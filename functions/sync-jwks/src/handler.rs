use serde_json::{Value, json};
use shared::{
    gateway::Outcome,
    runtime::{Failed, RegistrarCall},
};

/// All of the published set or nothing of it. A call that is made again finds what the first one did, and
/// changes no more.
pub(crate) async fn handle(call: RegistrarCall) -> Result<Value, Failed> {
    let keys = call.published_keys().await?;
    let reply = call.gateway.sync_jwks(&keys).await?;
    match reply.outcome {
        Outcome::Ok => Ok(json!({"changes": reply.body.get("changes").ok_or(Failed::Broken)?})),
        // Replayed: a refusal that was recorded before its reply was lost.
        Outcome::Refused | Outcome::Replayed => Err(Failed::refused(&reply)),
        Outcome::Accepted | Outcome::Duplicate | Outcome::Reused => Err(Failed::Broken),
    }
}
