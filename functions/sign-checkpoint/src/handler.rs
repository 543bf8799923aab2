use std::sync::Arc;

use serde_json::{Value, json};
use shared::{
    runtime::{Failed, SignerCall},
    telemetry::Meter,
};
use tracing::error;

use crate::{
    bucket::Bucket, ended::Ended, publish::Publisher, round::Signer, state::StateTable,
    witnesses::Witnesses,
};

/// A round each beat. What one leaves half done the next one brings to its end, and so does the next invocation.
pub(crate) async fn handle(call: SignerCall) -> Result<Value, Failed> {
    let SignerCall {
        gateway,
        meter,
        mut pace,
        config,
        key,
        sdk,
    } = call;
    meter.set("signer_stopped", 0);
    let mut storage = aws_sdk_s3::config::Builder::from(&sdk);
    if let Some(endpoint) = &config.s3_endpoint {
        // A local stand-in has no host name for each bucket.
        storage = storage.endpoint_url(endpoint).force_path_style(true);
    }
    let mut memory = aws_sdk_dynamodb::config::Builder::from(&sdk);
    memory.set_endpoint_url(config.dynamodb_endpoint.clone());
    let bucket = Bucket::new(
        aws_sdk_s3::Client::from_conf(storage.build()),
        &config.bucket,
        config.retention,
    );
    let table = StateTable::new(
        aws_sdk_dynamodb::Client::from_conf(memory.build()),
        &config.state_table,
        &config.origin,
    );
    let witnesses = Witnesses::new(config.witnesses.as_ref())?;
    let publisher = Publisher::new(bucket, key, witnesses);
    let mut signer = Signer::new(gateway.clone(), table, publisher);
    let (mut failures, mut last_failed) = (0, false);
    while pace.round(&gateway).await {
        let ended = signer.round().await;
        record(&meter, &signer);
        last_failed = match ended {
            Ok(()) | Err(Ended::Outrun) => false,
            Err(Ended::Broken) => true,
            Err(Ended::Stopped(alarm)) => {
                meter.set("signer_stopped", 1);
                error!(
                    log.stopped = alarm.name(),
                    "The signer has stopped: it signs nothing until somebody has looked."
                );
                return Err(Failed::Refused(alarm.name().to_owned()));
            }
        };
        failures += u64::from(last_failed);
        meter.set("signer_failures", failures);
    }
    if last_failed {
        return Err(Failed::Broken);
    }
    Ok(json!({
        "size": signer.size,
        "published_size": signer.published_size,
        "rounds": pace.rounds(),
        "signed": signer.signed,
    }))
}

fn record(meter: &Arc<Meter>, signer: &Signer) {
    meter.set("log_size", signer.size);
    meter.set("log_published_size", signer.published_size.unwrap_or(0));
    meter.set("log_signed", signer.signed);
    meter.set("witness_quorum_missed", signer.quorum_missed.into());
}
