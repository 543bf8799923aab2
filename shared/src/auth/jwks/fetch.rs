//! One GET, suspicious of everything that comes back.

use std::{error::Error, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use http::{
    HeaderMap, Request, StatusCode, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT},
};
use http_body_util::Full;

use super::key_set::{KeySet, KeySetError};
use crate::outbound::{self, Outbound};

const BYTES_MAX: usize = 150_000;

#[derive(Debug)]
pub(super) struct Fetcher {
    uri: Uri,
    outbound: Outbound,
}

impl Fetcher {
    pub(super) fn new(uri: Uri, time_max: Duration) -> Self {
        let outbound = Outbound::new(&uri, BYTES_MAX, time_max);
        Self { uri, outbound }
    }

    /// The caller limits the time. A connection that died while the function was frozen fails at
    /// once, so there is a second try within that time; reading keys twice does no harm.
    ///
    /// Boxed, so that it is compiled here once: `runtime::serve` says why.
    pub(super) fn fetch(&self) -> BoxFuture<'_, Result<KeySet, KeysUnavailable>> {
        async {
            match self.get().await {
                Err(KeysUnavailable::Unreachable(_)) => self.get().await,
                answer => answer,
            }
        }
        .boxed()
    }

    async fn get(&self) -> Result<KeySet, KeysUnavailable> {
        // Without Accept-Encoding, a server may choose any coding (RFC 9110, 12.5.3); we decode none.
        let request = Request::get(self.uri.clone())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, concat!("optkas/", env!("CARGO_PKG_VERSION")))
            .body(Full::default())
            .expect("a URI alone is a request");
        let response = self.outbound.send(request).await?;
        if response.status() != StatusCode::OK {
            return Err(KeysUnavailable::Status(response.status()));
        }
        if !is_json(response.headers()) {
            return Err(KeysUnavailable::ContentType);
        }
        Ok(KeySet::parse(response.body())?)
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

impl From<outbound::Error> for KeysUnavailable {
    fn from(error: outbound::Error) -> Self {
        match error {
            outbound::Error::TimedOut => Self::TimedOut,
            outbound::Error::Unreachable(cause) => Self::Unreachable(cause),
            outbound::Error::Body(cause) => Self::Body(cause),
        }
    }
}
