use std::sync::Arc;

use aws_types::SdkConfig;
use serde_json::{Value, json};
use shared::{
    runtime::{Failed, JobCall, Pace},
    telemetry::Meter,
};
use tlog::note::SigningKey;
use tracing::error;

use crate::{
    bucket::Bucket, config::SignerConfig, ended::Ended, publish::Publisher, round::SigningRounds,
    state::StateTable, witnesses::Witnesses,
};

/// A round each interval. What one round leaves half done the next one brings to its end, also in the next invocation.
pub(crate) async fn handle(
    call: JobCall<SignerConfig, (SigningKey, SdkConfig)>,
) -> Result<Value, Failed> {
    let JobCall {
        config,
        gateway,
        meter,
        resources: (key, sdk),
        ..
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
    let mut rounds = SigningRounds::new(gateway.clone(), table, publisher);
    let mut pace = Pace::new(config.round_interval);
    let (mut failures, mut last_failed) = (0, false);
    while pace.round(&gateway).await {
        let ended = rounds.round().await;
        record(&meter, &rounds);
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
        "size": rounds.size,
        "published_size": rounds.published_size,
        "rounds": pace.rounds(),
        "signed": rounds.signed,
    }))
}

fn record(meter: &Arc<Meter>, rounds: &SigningRounds) {
    meter.set("log_size", rounds.size);
    meter.set("log_published_size", rounds.published_size.unwrap_or(0));
    meter.set("log_signed", rounds.signed);
    meter.set("witness_quorum_missed", rounds.quorum_missed.into());
}
