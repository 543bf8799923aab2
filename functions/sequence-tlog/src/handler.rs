use std::time::Duration;

use serde_json::{Map, Value, json};
use shared::runtime::{Failed, RoundsCall};

/// A fraction of a second's work; what is left over is the next batch's.
const BATCH_SIZE: i32 = 4_096;
/// A batch is not begun with less time than this.
const BATCH_TIME: Duration = Duration::from_secs(2);

/// Only the database changes, a batch in one transaction: a crash leaves a batch undone or done.
pub(crate) async fn handle(mut call: RoundsCall) -> Result<Value, Failed> {
    let (mut sequenced, mut size) = (0, 0);
    while call.pace.round(&call.gateway).await {
        let mut more = true;
        while more && call.gateway.remaining() > BATCH_TIME {
            let body = call.gateway.sequence_tlog(BATCH_SIZE).await?.body;
            sequenced += number(&body, "sequenced")?;
            size = number(&body, "size")?;
            call.meter.set("log_sequenced", sequenced);
            call.meter.set("log_sequenced_size", size);
            call.meter.set("log_backlog", number(&body, "backlog")?);
            call.meter
                .set("horizon_lag_ms", number(&body, "horizon_lag_ms")?);
            more = body.get("more") == Some(&Value::Bool(true));
        }
    }
    Ok(json!({"sequenced": sequenced, "size": size, "rounds": call.pace.rounds()}))
}

fn number(body: &Map<String, Value>, name: &str) -> Result<u64, Failed> {
    body.get(name).and_then(Value::as_u64).ok_or(Failed::Broken)
}
