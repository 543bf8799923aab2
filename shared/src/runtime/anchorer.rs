use std::{process::ExitCode, sync::Arc};

use evm::SigningKey;
use once_cell::sync::OnceCell;
use serde_json::Value;
use tlog::note::VerifierKey;

use super::{
    invocation::Invocation,
    prepare::{Databases, Prepare},
    serve::Function,
    system::{Failed, job},
};
use crate::{
    config::{Anchorer, Chain, SecretError, load},
    gateway::{Database, Gateway},
    telemetry::Meter,
};

/// An invocation of the function that writes checkpoints into a chain. Its event says nothing that is used.
#[derive(Debug)]
pub struct AnchorerCall {
    /// The database, for this invocation.
    pub gateway: Gateway,
    /// By whose key a checkpoint must be signed.
    pub log_key: &'static VerifierKey,
    /// Where checkpoints go.
    pub chain: &'static Chain,
    /// The key of the account that anchors.
    pub account: SigningKey,
    /// For metrics of the function's own.
    pub meter: Arc<Meter>,
}

/// Serves the function that writes checkpoints into a chain.
pub fn anchorer<H, F>(name: &'static str, handler: H) -> ExitCode
where
    H: Fn(AnchorerCall) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value, Failed>> + Send,
{
    static CONFIG: OnceCell<Anchorer> = OnceCell::new();
    let function = Function::start(
        || load(&CONFIG, Anchorer::parse),
        |config: &'static Anchorer| Accounts(Databases::new(name, &config.base)),
    );
    job(
        name,
        function,
        move |config: &'static Anchorer, (database, account), invocation: Invocation| {
            handler(AnchorerCall {
                gateway: invocation.gateway(database),
                log_key: &config.log_key,
                chain: &config.chain,
                account,
                meter: invocation.meter,
            })
        },
    )
}

/// The database, and the account's key. The key is not kept: it is needed once in minutes, and one that was
/// replaced signs no more.
struct Accounts(Databases);

impl Prepare for Accounts {
    type Ready = (Arc<Database>, SigningKey);

    async fn prepare(&self) -> Result<Self::Ready, SecretError> {
        tokio::try_join!(self.0.prepare(), self.0.secrets.chain_key())
    }
}
