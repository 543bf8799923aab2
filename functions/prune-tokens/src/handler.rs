use std::time::Duration;

use serde_json::{Value, json};
use shared::runtime::{Failed, SystemCall};

/// Small enough for one transaction of a fraction of a second.
const BATCH_SIZE: i32 = 1_000;

/// A batch is not begun with less time than this.
const BATCH_TIME: Duration = Duration::from_secs(2);

/// Each batch is a transaction. What is left over does no harm: the next run forgets it.
pub(crate) async fn handle(call: SystemCall) -> Result<Value, Failed> {
    let (mut pruned, mut more) = (0, true);
    while more && call.gateway.remaining() > BATCH_TIME {
        let reply = call.gateway.prune_tokens(BATCH_SIZE).await?;
        pruned += reply
            .body
            .get("pruned")
            .and_then(Value::as_u64)
            .ok_or(Failed::Broken)?;
        more = reply
            .body
            .get("more")
            .and_then(Value::as_bool)
            .ok_or(Failed::Broken)?;
    }
    Ok(json!({"pruned": pruned, "more": more}))
}
