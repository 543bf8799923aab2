//! The event of an HTTP API, payload format 2.0.
//!
//! Read by ourselves and not by `lambda_http`, which rebuilds a URL from the `Host` and
//! `X-Forwarded-Proto` headers and panics where a caller has made them no URL.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    #[serde(default)]
    pub(crate) raw_path: String,
    /// Empty from API Gateway where there is no query, null from cargo-lambda's gateway.
    pub(crate) raw_query_string: Option<String>,
    #[serde(default)]
    headers: HashMap<String, String>,
    pub(crate) body: Option<String>,
    #[serde(default)]
    pub(crate) is_base64_encoded: bool,
    request_context: RequestContext,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Http,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

impl Event {
    pub(crate) fn method(&self) -> &str {
        &self.request_context.http.method
    }

    /// The headers, those that differ only in case together; `None` where one is no HTTP header.
    pub(crate) fn headers(&self) -> Option<HeaderMap> {
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
        Some(headers)
    }
}
