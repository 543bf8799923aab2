use std::{process::ExitCode, sync::Arc, time::Duration};

use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use once_cell::sync::OnceCell;
use serde_json::Value;
use tlog::note::SigningKey;

use super::{
    invocation::Invocation,
    prepare::{Databases, Prepare},
    rounds::Pace,
    serve::Function,
    system::{Failed, job},
};
use crate::{
    config::{SecretError, Signer, load},
    gateway::{Database, Gateway},
    telemetry::Meter,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const READ_TIMEOUT: Duration = Duration::from_secs(4);
/// Over all tries. A call that takes longer fails the round; the next one repairs what it left.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// An invocation of the function that signs the log. Its event says nothing that is used.
pub struct SignerCall {
    /// The database, for this invocation.
    pub gateway: Gateway,
    /// For metrics of the function's own.
    pub meter: Arc<Meter>,
    /// When the next round is due.
    pub pace: Pace,
    /// The log, and where it is kept.
    pub config: &'static Signer,
    /// The log's key.
    pub key: SigningKey,
    /// What the clients of S3 and `DynamoDB` are made of.
    pub sdk: SdkConfig,
}

/// Serves the function that signs the log.
pub fn signer<H, F>(name: &'static str, handler: H) -> ExitCode
where
    H: Fn(SignerCall) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value, Failed>> + Send,
{
    static CONFIG: OnceCell<Signer> = OnceCell::new();
    let function = Function::start(
        || load(&CONFIG, Signer::parse),
        |config: &'static Signer| Desk {
            databases: Databases::new(name, &config.base),
            config,
            sdk: OnceCell::new(),
        },
    );
    job(
        name,
        function,
        move |config: &'static Signer, (database, key, sdk), invocation: Invocation| {
            handler(SignerCall {
                gateway: invocation.gateway(database),
                meter: invocation.meter,
                pace: Pace::new(config.beat),
                config,
                key,
                sdk,
            })
        },
    )
}

/// What signing needs. The key is not kept beyond an invocation: one that was replaced signs no more.
struct Desk {
    databases: Databases,
    config: &'static Signer,
    /// With the connections to S3 and `DynamoDB`, which outlive an invocation.
    sdk: OnceCell<SdkConfig>,
}

impl Desk {
    fn sdk(&self) -> &SdkConfig {
        self.sdk.get_or_init(|| {
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build();
            self.config.base.aws.sdk_config(timeouts)
        })
    }
}

impl Prepare for Desk {
    type Ready = (Arc<Database>, SigningKey, SdkConfig);

    async fn prepare(&self) -> Result<Self::Ready, SecretError> {
        let (database, key) = tokio::try_join!(
            self.databases.prepare(),
            self.databases.secrets.note_key(&self.config.origin),
        )?;
        Ok((database, key, self.sdk().clone()))
    }
}
