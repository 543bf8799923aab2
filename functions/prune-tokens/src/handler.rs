use serde_json::Value;
use shared::{
    config::Base,
    runtime::{Failed, JobCall},
};

/// Small enough for one transaction of a fraction of a second.
const BATCH_SIZE: i32 = 1_000;

/// What is left over does no harm: the next run forgets it.
pub(crate) async fn handle(call: JobCall<Base>) -> Result<Value, Failed> {
    call.in_batches("pruned", || call.gateway.prune_tokens(BATCH_SIZE))
        .await
}
