use std::fmt;

use aws_sdk_secretsmanager::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_types::SdkConfig;
use zeroize::Zeroizing;

use super::{Variables, urls::http_url};

/// A service is asked so often before a call has failed.
const TRIES_MAX: u32 = 3;

/// How AWS is reached: what Lambda puts into every function's environment.
///
/// Read here and not by the SDK's provider chain: a function has one source of credentials, and a file or a
/// metadata service that somebody put in its way is none. The chain would be a tenth of the binary, too.
pub struct Aws {
    pub(super) region: String,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Zeroizing<String>,
    pub(super) session_token: Option<Zeroizing<String>>,
    /// Of a local Secrets Manager.
    pub(super) endpoint: Option<String>,
}

impl Aws {
    pub(super) fn read<F: Fn(&str) -> Option<String>>(
        variables: &mut Variables<F>,
    ) -> Option<Self> {
        let region = variables.required("AWS_REGION", region);
        let access_key_id = variables.required("AWS_ACCESS_KEY_ID", credential);
        let secret_access_key = variables.required("AWS_SECRET_ACCESS_KEY", credential);
        let session_token = variables.optional("AWS_SESSION_TOKEN", credential);
        let endpoint = variables.optional("AWS_ENDPOINT_URL_SECRETS_MANAGER", http_url);
        Some(Self {
            region: region?,
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?.into(),
            session_token: session_token?.map(Into::into),
            endpoint: endpoint?,
        })
    }

    /// What the SDK's clients are made of. They share its connections; each has its service's endpoint.
    ///
    /// It reads the TLS roots, which takes milliseconds.
    #[must_use]
    pub fn sdk_config(&self, timeouts: TimeoutConfig) -> SdkConfig {
        let http = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let credentials = Credentials::new(
            self.access_key_id.as_str(),
            self.secret_access_key.as_str(),
            self.session_token.as_ref().map(|token| token.to_string()),
            None,
            "environment",
        );
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES_MAX))
            .build()
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

fn region(text: &str) -> Result<String, &'static str> {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if (1..=32).contains(&text.len()) && text.bytes().all(word) {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a region")
    }
}

fn credential(text: &str) -> Result<String, &'static str> {
    if !text.is_empty() && text.bytes().all(|c| c.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("must be visible ASCII characters")
    }
}
