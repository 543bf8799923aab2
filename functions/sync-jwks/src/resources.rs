use std::{sync::Arc, time::Duration};

use shared::{
    auth::jwks::{KeySet, KeySetError, KeySource, KeysUnavailable, Thumbprint},
    config::SecretError,
    gateway::Database,
    runtime::{ConnectionCache, Failed, Prepare},
};
use tracing::error;

use crate::config::JwksSyncConfig;

/// The database, and the connections to the issuer.
pub(crate) struct JwksSyncResources {
    connections: ConnectionCache,
    keys: Arc<KeySource>,
}

impl JwksSyncResources {
    pub(crate) fn new(name: &'static str, config: &'static JwksSyncConfig) -> Self {
        Self {
            connections: ConnectionCache::new(name, &config.base),
            // No age: what is registered is what is published now.
            keys: Arc::new(KeySource::new(config.key_set_url.clone(), Duration::ZERO)),
        }
    }
}

impl Prepare for JwksSyncResources {
    type Ready = Arc<KeySource>;

    async fn prepare(&self) -> Result<(Arc<Database>, Arc<KeySource>), SecretError> {
        Ok((self.connections.database().await?, Arc::clone(&self.keys)))
    }
}

/// What the issuer publishes.
pub(crate) enum Published {
    /// Keys, one at least.
    Keys(KeySet),
    /// Keys with private members: everybody can sign with them.
    PrivateKeys(Vec<Thumbprint>),
}

/// The key set as it is published now. It fails if the set cannot be read or trusted, or has no key that we could use;
/// the cause is in the log.
pub(crate) async fn published(source: &KeySource) -> Result<Published, Failed> {
    let keys = match source.fetch().await {
        Ok(keys) => keys,
        Err(cause) => {
            error!(auth.keys_unavailable = %cause, auth.cause = rule(&cause), "There is no key set to register.");
            return match cause {
                KeysUnavailable::Refused(KeySetError::PrivateKey(thumbprints)) => {
                    Ok(Published::PrivateKeys(thumbprints))
                }
                _ => Err(Failed::Broken),
            };
        }
    };
    if keys.is_empty() {
        error!("The key set has no usable key: nothing is registered or retired.");
        return Err(Failed::Broken);
    }
    Ok(Published::Keys(keys))
}

/// The rule that a refused set breaks. Nothing of the set itself is in the text.
fn rule(error: &dyn std::error::Error) -> Option<String> {
    error.source().map(ToString::to_string)
}
