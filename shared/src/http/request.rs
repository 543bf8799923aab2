//! A request that is for this function, with the client's own bytes.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use super::{Endpoint, Problem, event::Event, read_query};

/// The largest body: far more than any request of the API needs.
pub const BODY_BYTES_MAX: usize = 65_536;

/// What a handler may see of a request.
#[derive(Debug)]
pub struct Request {
    /// All headers.
    pub headers: HeaderMap,
    /// The path's parameters as received, in the route's order.
    pub parameters: Vec<String>,
    /// The query without its question mark, as received.
    pub query: String,
    /// The body's bytes as the client sent them.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads an event that must be a request for `endpoint`.
    ///
    /// # Errors
    ///
    /// 404 for another route or method; of a mutation, 413 and 415 for a body that nobody will parse.
    /// They come before the credential and before the key, which stays free.
    pub(crate) fn from_event(event: &str, endpoint: &Endpoint) -> Result<Self, Problem> {
        let event: Event = serde_json::from_str(event).map_err(|_| Problem::MalformedRequest)?;
        // The path as received: the one that `lambda_http` offers elsewhere is normalised.
        let path = event.raw_path.as_deref().unwrap_or_default();
        let parameters = endpoint
            .matches(event.request_context.http.method.as_str(), path)
            .ok_or(Problem::NoRoute)?
            .into_iter()
            .map(str::to_owned)
            .collect();
        let body = if endpoint.is_mutation() {
            body(&event)?
        } else {
            Vec::new()
        };
        if endpoint.is_mutation() && !is_plain(&event.headers) {
            return Err(Problem::UnsupportedContentEncoding);
        }
        if !body.is_empty() && !is_json(&event.headers) {
            return Err(Problem::UnsupportedMediaType);
        }
        Ok(Self {
            headers: event.headers,
            parameters,
            query: event.raw_query_string.unwrap_or_default(),
            body,
        })
    }

    /// Refuses query parameters, for an endpoint that has none. No endpoint that changes something has any: an ignored
    /// one would change what the caller means by the request, and the fingerprint would not tell.
    ///
    /// # Errors
    ///
    /// 422 that names them.
    pub fn refuse_query(&self) -> Result<(), Problem> {
        read_query(&self.query, |_| Some(()))
    }

    /// The path's first parameter as an id. A malformed id is answered like an unknown one.
    ///
    /// # Errors
    ///
    /// 404 `not-found`.
    pub fn path_id<T: FromStr>(&self) -> Result<T, Problem> {
        self.path_id_at(0)
    }

    /// The same of a route with several parameters, counted from 0.
    ///
    /// # Errors
    ///
    /// 404 `not-found`.
    pub fn path_id_at<T: FromStr>(&self, place: usize) -> Result<T, Problem> {
        self.parameters
            .get(place)
            .and_then(|parameter| parameter.parse().ok())
            .ok_or(Problem::NotFound)
    }
}

/// API Gateway sends a body as text or, depending on its content type, as base64: the same bytes in both.
fn body(event: &Event) -> Result<Vec<u8>, Problem> {
    let body = event.body.as_deref().unwrap_or_default();
    let bytes = if event.is_base64_encoded {
        STANDARD
            .decode(body)
            .map_err(|_| Problem::MalformedRequest)?
    } else {
        body.as_bytes().to_vec()
    };
    if bytes.len() > BODY_BYTES_MAX {
        Err(Problem::PayloadTooLarge)
    } else {
        Ok(bytes)
    }
}

/// Whether the body is the client's text itself (RFC 9110, section 8.4). Nothing is unpacked: the fingerprint and the
/// signature are of the bytes that arrived, and a small body could become a large one.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Exactly `application/json`, with no parameter but `charset=utf-8`. JSON is UTF-8 (RFC 8259); another
/// charset would be another text.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(value) = value.to_str() else {
        return false;
    };
    let mut parts = value
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/json")
        && parts.all(|parameter| matches!(&*parameter, "charset=utf-8" | "charset=\"utf-8\""))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CREATE: Endpoint = Endpoint {
        function: "create-settlement",
        method: "POST",
        route: "/v1/settlements",
    };

    fn post(headers: &Value, body: &Value, base64: bool) -> Result<Request, Problem> {
        let event = json!({
            "version": "2.0", "rawPath": "/v1/settlements", "rawQueryString": "", "headers": headers,
            "requestContext": {"http": {"method": "POST"}}, "body": body, "isBase64Encoded": base64,
        });
        Request::from_event(&event.to_string(), &CREATE)
    }

    #[test]
    fn both_encodings_of_a_body_give_the_clients_bytes() {
        let headers = json!({"content-type": "application/json"});
        assert_eq!(post(&headers, &json!("{}"), false).unwrap().body, b"{}");
        assert_eq!(post(&headers, &json!("e30="), true).unwrap().body, b"{}");
        assert!(matches!(
            post(&headers, &json!("e30"), true),
            Err(Problem::MalformedRequest)
        ));
        assert!(
            post(&json!({}), &json!(null), false)
                .unwrap()
                .body
                .is_empty()
        );
    }

    #[test]
    fn a_body_has_a_limit() {
        let headers = json!({"content-type": "application/json"});
        assert!(post(&headers, &json!(" ".repeat(BODY_BYTES_MAX)), false).is_ok());
        assert!(matches!(
            post(&headers, &json!(" ".repeat(BODY_BYTES_MAX + 1)), false),
            Err(Problem::PayloadTooLarge)
        ));
    }

    #[test]
    fn content_types() {
        for good in [
            "application/json",
            "APPLICATION/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
        ] {
            assert!(
                post(&json!({"Content-Type": good}), &json!("{}"), false).is_ok(),
                "{good}"
            );
        }
        for bad in [
            "",
            "text/plain",
            "application/jsonp",
            "application/json, application/json",
            "application/json; charset=latin1",
            "application/json; charset=utf-8; q=1",
            "application/problem+json",
        ] {
            let refused = post(&json!({"Content-Type": bad}), &json!("{}"), false);
            assert!(
                matches!(refused, Err(Problem::UnsupportedMediaType)),
                "{bad}"
            );
        }
    }

    #[test]
    fn content_encodings() {
        let sent = |encoding: &str, body: &Value| {
            let headers = json!({"content-type": "application/json", "Content-Encoding": encoding});
            post(&headers, body, false)
        };
        for good in ["identity", "Identity"] {
            assert!(sent(good, &json!("{}")).is_ok(), "{good}");
        }
        for bad in [
            "",
            "gzip",
            "x-gzip",
            "br",
            "zstd",
            "deflate",
            "aws-chunked",
            "identity, gzip",
            "gzip, identity",
            "identity;q=1",
        ] {
            for body in [json!("{}"), json!(null)] {
                let refused = sent(bad, &body);
                let expected = matches!(refused, Err(Problem::UnsupportedContentEncoding));
                assert!(expected, "{bad} {body}");
            }
        }
    }

    #[test]
    fn an_event_of_another_shape_is_no_panic() {
        for event in [
            "null",
            "{}",
            "[]",
            r#"{"requestContext":{}}"#,
            r#"{"Records":[]}"#,
        ] {
            assert!(
                matches!(
                    Request::from_event(event, &CREATE),
                    Err(Problem::MalformedRequest)
                ),
                "{event}"
            );
        }
    }

    #[test]
    fn headers_that_make_no_url_are_none_of_our_business() {
        let headers = json!({
            "content-type": "application/json", "host": "::", "x-forwarded-proto": "://", "x-note": "é",
        });
        assert!(post(&headers, &json!("{}"), false).is_ok());
        assert!(matches!(
            post(&json!({"a b": ""}), &json!(null), false),
            Err(Problem::MalformedRequest)
        ));
    }
}
