use std::time::Duration;

use serde_json::{Value, json};
use shared::runtime::{Failed, SystemCall};

/// Small enough for one transaction of a fraction of a second.
const BATCH_SIZE: i32 = 100;

/// A batch is not begun with less time than this.
const BATCH_TIME: Duration = Duration::from_secs(2);

/// Each batch is a transaction: what one has expired stays expired, whatever becomes of the next.
pub(crate) async fn handle(call: SystemCall) -> Result<Value, Failed> {
    let (mut expired, mut more) = (0, true);
    while more && call.gateway.remaining() > BATCH_TIME {
        let reply = call.gateway.expire_settlements(BATCH_SIZE).await?;
        expired += reply
            .body
            .get("expired")
            .and_then(Value::as_u64)
            .ok_or(Failed::Broken)?;
        more = reply
            .body
            .get("more")
            .and_then(Value::as_bool)
            .ok_or(Failed::Broken)?;
    }
    Ok(json!({"expired": expired, "more": more}))
}
