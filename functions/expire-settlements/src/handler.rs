use serde_json::Value;
use shared::{
    config::Base,
    runtime::{Failed, JobCall},
};

/// Small enough for one transaction of a fraction of a second.
const BATCH_SIZE: i32 = 100;

pub(crate) async fn handle(call: JobCall<Base>) -> Result<Value, Failed> {
    call.in_batches("expired", || call.gateway.expire_settlements(BATCH_SIZE))
        .await
}
