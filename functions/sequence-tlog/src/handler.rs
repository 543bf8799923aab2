use serde::Deserialize;
use serde_json::{Value, json};
use shared::runtime::{Failed, JobCall, Pace};
use tracing::warn;

use crate::config::SequencerConfig;

/// A fraction of a second's work. What is left over goes into the next batch.
const BATCH_SIZE: i32 = 4_096;

/// What the database says of a batch.
#[derive(Deserialize)]
struct Batch {
    sequenced: u64,
    size: u64,
    backlog: u64,
    horizon_lag_ms: u64,
    more: bool,
    busy: bool,
}

/// Only the database changes, a batch in one transaction: a crash leaves a batch undone or done.
pub(crate) async fn handle(call: JobCall<SequencerConfig>) -> Result<Value, Failed> {
    let (mut sequenced, mut size) = (0, 0);
    let mut pace = Pace::new(call.config.round_interval);
    while pace.round(&call.gateway).await {
        let mut more = true;
        while more && call.gateway.has_time() {
            let batch: Batch = call.gateway.sequence_tlog(BATCH_SIZE).await?.read()?;
            sequenced += batch.sequenced;
            size = batch.size;
            call.meter.set("log_sequenced", sequenced);
            call.meter.set("log_sequenced_size", size);
            call.meter.set("log_backlog", batch.backlog);
            call.meter.set("horizon_lag_ms", batch.horizon_lag_ms);
            more = batch.more;
            if batch.busy {
                warn!("Another session has the sequencer's turn.");
            }
        }
    }
    Ok(json!({"sequenced": sequenced, "size": size, "rounds": pace.rounds()}))
}
