//! The one HTTP client, and requests to hosts that are not trusted: whatever comes back is bounded in time and size.

use std::{error::Error as StdError, fmt, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;

/// Shorter than the idle time-outs on the way (NAT, load balancers), so that a kept connection is alive.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// To one host or many; it keeps their connections.
pub(crate) type HttpClient<B> = Client<HttpsConnector<HttpConnector>, B>;

/// A client over TLS with the roots that are built in, which no file and no variable of the system adds to.
pub(crate) fn client<B>(also_plain: bool, connect_time_max: Duration) -> HttpClient<B>
where
    B: BodyExt<Data: Send> + Send,
{
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect_time_max));
    let tls = HttpsConnectorBuilder::new().with_webpki_roots();
    let tls = if also_plain {
        tls.https_or_http()
    } else {
        tls.https_only()
    };
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_MAX)
        .build(tls.enable_http1().wrap_connector(tcp))
}

/// Follows no redirect, knows no proxy and no cookie, and keeps connections alive.
pub struct Outbound {
    client: HttpClient<Full<Bytes>>,
    bytes_max: usize,
    time_max: Duration,
}

impl Outbound {
    /// A client for `uri`'s host; plain HTTP only where `uri` is plain HTTP, which the configuration lets
    /// through for a loopback host alone. A response's body is over at `bytes_max`, everything at `time_max`.
    #[must_use]
    pub fn new(uri: &Uri, bytes_max: usize, time_max: Duration) -> Self {
        Self {
            client: client(uri.scheme_str() == Some("http"), time_max),
            bytes_max,
            time_max,
        }
    }

    /// Sends one request and reads the whole response, of whatever status.
    ///
    /// # Errors
    ///
    /// There is no whole response. The request may have arrived all the same.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Error> {
        timeout(self.time_max, self.exchange(request))
            .await
            .unwrap_or(Err(Error::TimedOut))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Error> {
        let response = self
            .client
            .request(request)
            .await
            .map_err(Error::Unreachable)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.bytes_max)
            .collect()
            .await
            .map_err(Error::Body)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("bytes_max", &self.bytes_max)
            .field("time_max", &self.time_max)
            .finish_non_exhaustive()
    }
}

/// Why there is no response. For the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not all of it arrived in time.
    #[error("no response in time")]
    TimedOut,
    /// No connection, no TLS, or no HTTP response.
    #[error("the host cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// The body broke off or is too long.
    #[error("the response's body cannot be read")]
    Body(#[source] Box<dyn StdError + Send + Sync>),
}
