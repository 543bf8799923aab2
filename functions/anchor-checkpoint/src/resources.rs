use std::sync::Arc;

use evm::SigningKey;
use shared::{
    config::SecretError,
    gateway::Database,
    runtime::{ConnectionCache, Prepare},
};

use crate::{chain_key, config::AnchorConfig};

/// The database, and the account's key. The key is not kept: it is needed once in minutes, and a key that was replaced
/// signs no more.
pub(crate) struct AnchorResources(ConnectionCache);

impl AnchorResources {
    pub(crate) fn new(name: &'static str, config: &'static AnchorConfig) -> Self {
        Self(ConnectionCache::new(name, &config.base))
    }

    async fn account(&self) -> Result<SigningKey, SecretError> {
        chain_key::parse(&self.0.secrets.fetch("chain-key").await?)
    }
}

impl Prepare for AnchorResources {
    type Ready = SigningKey;

    async fn prepare(&self) -> Result<(Arc<Database>, SigningKey), SecretError> {
        tokio::try_join!(self.0.database(), self.account())
    }
}
