use std::{sync::Arc, time::Duration};

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use once_cell::sync::OnceCell;
use shared::{
    config::SecretError,
    gateway::Database,
    runtime::{ConnectionCache, Prepare},
};
use tlog::note::SigningKey;

use crate::{config::SignerConfig, note_key};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const READ_TIMEOUT: Duration = Duration::from_secs(4);
/// The limit over all tries. A call that takes longer fails the round; the next round repairs what it left.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// What signing needs. The key is not kept beyond an invocation: a key that was replaced signs no more.
pub(crate) struct SignerResources {
    connections: ConnectionCache,
    config: &'static SignerConfig,
    /// What the clients of S3 and `DynamoDB` are made of. Its connections outlive an invocation.
    sdk: OnceCell<SdkConfig>,
}

impl SignerResources {
    pub(crate) fn new(name: &'static str, config: &'static SignerConfig) -> Self {
        Self {
            connections: ConnectionCache::new(name, &config.base),
            config,
            sdk: OnceCell::new(),
        }
    }

    async fn key(&self) -> Result<SigningKey, SecretError> {
        let secret = self.connections.secrets.fetch("note-key").await?;
        note_key::parse(&secret, &self.config.origin)
    }

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

impl Prepare for SignerResources {
    type Ready = (SigningKey, SdkConfig);

    async fn prepare(&self) -> Result<(Arc<Database>, Self::Ready), SecretError> {
        let (database, key) = tokio::try_join!(self.connections.database(), self.key())?;
        Ok((database, (key, self.sdk().clone())))
    }
}
