use std::time::Duration;

use aws_sdk_secretsmanager::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{sync::OnceCell, task::spawn_blocking};
use zeroize::Zeroizing;

use super::{Aws, Base, DatabaseAuth, DatabaseLogin, SecretError};
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
    /// The secrets of `function`, as its environment says where they are.
    #[must_use]
    pub const fn new(function: &'static str, base: &'static Base) -> Self {
        Self {
            function,
            prefix: base.secrets_prefix.as_str(),
            aws: &base.aws,
            client: OnceCell::const_new(),
        }
    }

    /// The function's own login to the database. A login that signs its tokens needs no secret, and reads none.
    ///
    /// # Errors
    ///
    /// Why the secret cannot be used.
    pub async fn database_login(&self, auth: DatabaseAuth) -> Result<DatabaseLogin, SecretError> {
        match auth {
            DatabaseAuth::Secret => {
                DatabaseLogin::parse(&self.fetch("database").await?, self.function)
            }
            DatabaseAuth::Iam => Ok(DatabaseLogin::signed(self.function, self.aws)),
        }
    }

    /// Fetches the secrets of the agents that may call the function.
    ///
    /// # Errors
    ///
    /// Why the secret cannot be used.
    pub async fn key_ring(&self) -> Result<KeyRing, SecretError> {
        Ok(KeyRing::parse(&self.fetch("webhooks").await?)?)
    }

    /// Fetches the function's secret of this kind, `{prefix}/{kind}/{function}`: its text, for a parser that keeps
    /// nothing of it.
    ///
    /// # Errors
    ///
    /// The secret store did not give it.
    pub fn fetch<'a>(
        &'a self,
        kind: &'a str,
    ) -> BoxFuture<'a, Result<Zeroizing<String>, SecretError>> {
        // So that it is compiled here once: `runtime::serve` says why.
        self.fetch_unboxed(kind).boxed()
    }

    async fn fetch_unboxed(&self, kind: &str) -> Result<Zeroizing<String>, SecretError> {
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

/// The kind of failure, where the store gave no error code. The error's text is left out: it could quote anything.
fn kind_of<E, R>(error: &SdkError<E, R>) -> &'static str {
    match error {
        SdkError::ConstructionFailure(_) => "ConstructionFailure",
        SdkError::TimeoutError(_) => "Timeout",
        SdkError::DispatchFailure(_) => "Unreachable",
        SdkError::ResponseError(_) => "MalformedResponse",
        _ => "Error",
    }
}
