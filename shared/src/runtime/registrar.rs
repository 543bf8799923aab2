use std::{process::ExitCode, sync::Arc, time::Duration};

use once_cell::sync::OnceCell;
use serde_json::Value;
use tracing::error;

use super::{
    invocation::Invocation,
    prepare::{Databases, Prepare},
    serve::Function,
    system::{Failed, job},
};
use crate::{
    auth::jwks::{KeySet, KeySource},
    config::{Registrar, SecretError, load},
    gateway::{Database, Gateway},
};

/// An invocation of the function that registers the issuer's keys. Its event says nothing that is used.
#[derive(Debug)]
pub struct RegistrarCall {
    /// The database, for this invocation.
    pub gateway: Gateway,
    keys: Arc<KeySource>,
}

impl RegistrarCall {
    /// The key set as it is published now.
    ///
    /// # Errors
    ///
    /// It cannot be read, cannot be trusted, or has no key that we could use; the cause is in the log.
    pub async fn published_keys(&self) -> Result<KeySet, Failed> {
        let keys = self.keys.fetch().await.map_err(|cause| {
            error!(auth.keys_unavailable = %cause, auth.cause = source(&cause), "There is no key set to register.");
            Failed::Broken
        })?;
        if keys.is_empty() {
            error!("The key set has no usable key: nothing is registered or retired.");
            return Err(Failed::Broken);
        }
        Ok(keys)
    }
}

/// Serves the function that registers the issuer's keys.
pub fn registrar<H, F>(name: &'static str, handler: H) -> ExitCode
where
    H: Fn(RegistrarCall) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value, Failed>> + Send,
{
    static CONFIG: OnceCell<Registrar> = OnceCell::new();
    let function = Function::start(
        || load(&CONFIG, Registrar::parse),
        |config: &'static Registrar| Office {
            databases: Databases::new(name, &config.base),
            // No age: what is registered is what is published now.
            keys: Arc::new(KeySource::new(config.key_set_url.clone(), Duration::ZERO)),
        },
    );
    job(
        name,
        function,
        move |_, (database, keys), invocation: Invocation| {
            handler(RegistrarCall {
                gateway: invocation.gateway(database),
                keys,
            })
        },
    )
}

struct Office {
    databases: Databases,
    keys: Arc<KeySource>,
}

impl Prepare for Office {
    type Ready = (Arc<Database>, Arc<KeySource>);

    async fn prepare(&self) -> Result<Self::Ready, SecretError> {
        Ok((self.databases.prepare().await?, Arc::clone(&self.keys)))
    }
}

/// Which rule a refused set breaks. Nothing of the set itself is in the texts.
fn source(error: &dyn std::error::Error) -> Option<String> {
    error.source().map(ToString::to_string)
}
