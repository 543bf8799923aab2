//! One GET, suspicious of everything that comes back.

use std::{error::Error, fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::key_set::{KeySet, KeySetError};

const BYTES_MAX: usize = 150_000;

/// Shorter than the idle time-outs on the way (NAT, load balancers), so that a kept connection is
/// alive.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Follows no redirect, knows no proxy and no cookie, and keeps connections alive.
pub(super) struct Fetcher {
    uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Fetcher {
    pub(super) fn new(uri: Uri) -> Self {
        let tls = HttpsConnectorBuilder::new().with_webpki_roots();
        // The configuration lets plain HTTP through for a loopback host only.
        let connector = match uri.scheme_str() {
            Some("http") => tls.https_or_http().enable_http1().build(),
            _ => tls.https_only().enable_http1().build(),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(connector);
        Self { uri, client }
    }

    /// The caller limits the time. A connection that died while the function was frozen fails at
    /// once, so there is a second try within that time; reading keys twice does no harm.
    pub(super) async fn fetch(&self) -> Result<KeySet, KeysUnavailable> {
        match self.get().await {
            Err(KeysUnavailable::Unreachable(_)) => self.get().await,
            answer => answer,
        }
    }

    async fn get(&self) -> Result<KeySet, KeysUnavailable> {
        let response = self
            .client
            .get(self.uri.clone())
            .await
            .map_err(KeysUnavailable::Unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(KeysUnavailable::Status(response.status()));
        }
        if !is_json(response.headers()) {
            return Err(KeysUnavailable::ContentType);
        }
        let body = Limited::new(response.into_body(), BYTES_MAX)
            .collect()
            .await
            .map_err(KeysUnavailable::Body)?;
        Ok(KeySet::parse(&body.to_bytes())?)
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

/// `application/json` or `application/jwk-set+json` (RFC 7517, 8.5), with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/jwk-set+json"]
        .iter()
        .any(|json| essence.eq_ignore_ascii_case(json))
}

/// Why there is no key set to judge a token by. For the log: a caller learns only to try again.
#[derive(Debug, thiserror::Error)]
pub enum KeysUnavailable {
    /// Not all of it arrived in time.
    #[error("the key set did not arrive in time")]
    TimedOut,
    /// No connection, no TLS, or no HTTP response.
    #[error("the key set's host cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// Any status but 200, redirects included.
    #[error("the key set's host answered with status {0}")]
    Status(StatusCode),
    /// The response is not declared to be JSON.
    #[error("the key set is not declared to be JSON")]
    ContentType,
    /// The body broke off or is over 150 kB.
    #[error("the key set's body cannot be read")]
    Body(#[source] Box<dyn Error + Send + Sync>),
    /// The body is no acceptable key set.
    #[error("the key set is refused")]
    Refused(#[from] KeySetError),
}
