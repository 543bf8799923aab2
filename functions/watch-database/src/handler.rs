use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    config::Base,
    runtime::{Failed, JobCall},
};
use tracing::error;

/// What the database says of itself.
#[derive(Deserialize)]
struct Seen {
    ended: Vec<Ended>,
    deviations: Vec<Deviation>,
    unpublished_ms: u64,
}

/// A session that was ended, and why: it held a transaction or a lock.
#[derive(Deserialize)]
struct Ended {
    login: String,
    held: String,
}

/// What is not as a deployment left it.
#[derive(Deserialize)]
struct Deviation {
    of: String,
    role: Option<String>,
    name: String,
}

/// One call: whatever becomes of a run, the next one looks anew.
pub(crate) async fn handle(call: JobCall<Base>) -> Result<Value, Failed> {
    let seen: Seen = call.gateway.watch_database().await?.read()?;
    for ended in &seen.ended {
        error!(
            ended.login = ended.login,
            ended.held = ended.held,
            "A session held a transaction or a lock for too long, and was ended."
        );
    }
    for deviation in &seen.deviations {
        error!(
            deviation.of = deviation.of,
            deviation.role = deviation.role,
            deviation.name = deviation.name,
            "The database is not as the deployment left it."
        );
    }
    call.meter.set("sessions_ended", seen.ended.len() as u64);
    call.meter.set("deviations", seen.deviations.len() as u64);
    call.meter.set("unpublished_ms", seen.unpublished_ms);
    Ok(json!({
        "sessions_ended": seen.ended.len(),
        "deviations": seen.deviations.len(),
        "unpublished_ms": seen.unpublished_ms,
    }))
}
