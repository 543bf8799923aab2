use std::time::Duration;

use aws_sdk_secretsmanager::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
};
use tlog::note::SigningKey;
use tokio::{sync::OnceCell, task::spawn_blocking};
use zeroize::Zeroizing;

use super::{Aws, DatabaseLogin, SecretError, chain_key, note_key};
use crate::auth::webhook::KeyRing;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// Over all tries. A cold start has ten seconds.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// AWS Secrets Manager, as this function's role may use it: its own secrets and no others.
#[derive(Debug)]
pub struct SecretsManager {
    function: &'static str,
    prefix: &'static str,
    aws: &'static Aws,
    /// Made at the first use, on a thread of its own: the SDK parses the rules of its endpoints then, for half a
    /// millisecond, and the first poll does not wait for it.
    client: OnceCell<Client>,
}

impl SecretsManager {
    /// The secrets of `function`, below `prefix`.
    #[must_use]
    pub const fn new(function: &'static str, prefix: &'static str, aws: &'static Aws) -> Self {
        Self {
            function,
            prefix,
            aws,
            client: OnceCell::const_new(),
        }
    }

    /// Whose secrets they are.
    #[must_use]
    pub const fn function(&self) -> &'static str {
        self.function
    }

    /// Fetches the function's database login.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub async fn database_login(&self) -> Result<DatabaseLogin, SecretError> {
        DatabaseLogin::parse(&self.fetch("database").await?, self.function)
    }

    /// Fetches the secrets of the agents that may call the function.
    ///
    /// # Errors
    ///
    /// Why they cannot be used.
    pub async fn key_ring(&self) -> Result<KeyRing, SecretError> {
        Ok(KeyRing::parse(&self.fetch("webhooks").await?)?)
    }

    /// Fetches the key of the log with this origin.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub async fn note_key(&self, origin: &str) -> Result<SigningKey, SecretError> {
        note_key::parse(&self.fetch("note-key").await?, origin)
    }

    /// Fetches the key of the account that writes into a chain.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub async fn chain_key(&self) -> Result<evm::SigningKey, SecretError> {
        chain_key::parse(&self.fetch("chain-key").await?)
    }

    async fn fetch(&self, kind: &str) -> Result<Zeroizing<String>, SecretError> {
        let name = format!("{}/{kind}/{}", self.prefix, self.function);
        let failed = |code: &str| SecretError::Unavailable {
            name: name.clone(),
            code: code.to_owned(),
        };
        let client = self
            .client
            .get_or_try_init(|| spawn_blocking(|| client(self.aws)))
            .await
            .map_err(|_| failed("NoClient"))?;
        let secret = client.get_secret_value().secret_id(&name).send().await;
        let secret =
            secret.map_err(|error| failed(error.code().unwrap_or_else(|| kind_of(&error))))?;
        let text = secret.secret_string.map(Zeroizing::new);
        text.ok_or_else(|| failed("NoSecretString"))
    }
}

fn client(aws: &Aws) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let mut config = Builder::from(&aws.sdk_config(timeouts));
    config.set_endpoint_url(aws.endpoint.clone());
    Client::from_conf(config.build())
}

/// What failed where the store gave no error code. Not the error's text: it is not ours to vouch for.
fn kind_of<E, R>(error: &SdkError<E, R>) -> &'static str {
    match error {
        SdkError::ConstructionFailure(_) => "ConstructionFailure",
        SdkError::TimeoutError(_) => "Timeout",
        SdkError::DispatchFailure(_) => "Unreachable",
        SdkError::ResponseError(_) => "MalformedResponse",
        _ => "Error",
    }
}
