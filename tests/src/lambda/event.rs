//! What API Gateway (HTTP API, payload format 2.0) makes of a request, and of a function's answer.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::http::{Request, Response};
use crate::routes::Route;

/// The event for a request that takes this route.
#[must_use]
pub fn event(request: &Request, route: &Route, parameters: &BTreeMap<String, String>) -> Value {
    let headers = headers(request);
    let route_key = format!("{} {}", route.method, route.path);
    let now = OffsetDateTime::now_utc();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path(),
        "rawQueryString": request.query(),
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "local.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "local",
            "http": {
                "method": request.method,
                "path": request.path(),
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent").map_or("", String::as_str),
            },
            "requestId": Uuid::new_v4().simple().to_string(),
            "routeKey": route_key,
            "stage": "$default",
            "time": now.format(GATEWAY_TIME).unwrap_or_default(),
            "timeEpoch": now.unix_timestamp() * 1000,
        },
        "isBase64Encoded": false,
    });
    if !parameters.is_empty() {
        event["pathParameters"] = json!(parameters);
    }
    if !request.query().is_empty() {
        event["queryStringParameters"] = json!(joined(url::form_urlencoded::parse(
            request.query().as_bytes()
        )));
    }
    let (body, encoded) = body(&headers, &request.body);
    if let Some(body) = body {
        event["body"] = json!(body);
        event["isBase64Encoded"] = json!(encoded);
    }
    event
}

/// The reply that API Gateway makes of a function's answer.
pub fn response(answer: &Value) -> Result<Response> {
    let status = answer["statusCode"]
        .as_u64()
        .context("the answer has no status")?;
    let mut headers = Vec::new();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        headers.push((
            name.to_lowercase(),
            value.as_str().context("a header is no text")?.to_owned(),
        ));
    }
    for (name, values) in answer["multiValueHeaders"]
        .as_object()
        .into_iter()
        .flatten()
    {
        for value in values.as_array().into_iter().flatten() {
            let value = value.as_str().context("a header is no text")?.to_owned();
            let pair = (name.to_lowercase(), value);
            if !headers.contains(&pair) {
                headers.push(pair);
            }
        }
    }
    let body = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == json!(true) {
        STANDARD.decode(body)?
    } else {
        body.as_bytes().to_vec()
    };
    Ok(Response {
        status: u16::try_from(status)?,
        headers,
        body,
    })
}

const GATEWAY_TIME: &[time::format_description::BorrowedFormatItem<'_>] = time::macros::format_description!(
    "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000"
);

/// Names in lower case; the values of a repeated name joined by commas.
fn headers(request: &Request) -> BTreeMap<String, String> {
    let pairs = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone()));
    let mut headers = joined(pairs);
    headers
        .entry("content-length".to_owned())
        .or_insert_with(|| request.body.len().to_string());
    headers
        .entry("host".to_owned())
        .or_insert_with(|| "local.execute-api.eu-central-1.amazonaws.com".to_owned());
    headers
        .entry("x-forwarded-for".to_owned())
        .or_insert_with(|| "127.0.0.1".to_owned());
    headers
}

fn joined(
    pairs: impl Iterator<Item = (impl Into<String>, impl Into<String>)>,
) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in pairs {
        let value = value.into();
        joined
            .entry(name.into())
            .and_modify(|known| *known = format!("{known},{value}"))
            .or_insert(value);
    }
    joined
}

/// Text only for the content types that the gateway knows as text; everything else in base64.
fn body(headers: &BTreeMap<String, String>, bytes: &[u8]) -> (Option<String>, bool) {
    if bytes.is_empty() {
        return (None, false);
    }
    let media = headers
        .get("content-type")
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    let media = media.trim().to_lowercase();
    let text = media.starts_with("text/")
        || matches!(
            &*media,
            "application/json" | "application/xml" | "application/javascript"
        );
    match std::str::from_utf8(bytes) {
        Ok(body) if text => (Some(body.to_owned()), false),
        Ok(_) | Err(_) => (Some(STANDARD.encode(bytes)), true),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{event, response};
    use crate::http::Request;
    use crate::routes::Route;

    fn route() -> Route {
        Route {
            method: "POST".to_owned(),
            path: "/v1/x".to_owned(),
            function: "x".to_owned(),
        }
    }

    #[test]
    fn repeated_headers_are_joined_and_binary_bodies_encoded() {
        let request = Request::new("POST", "/v1/x?a=1&a=2%20")
            .header("X-One", "1")
            .header("x-one", "2")
            .body([255]);
        let event = event(&request, &route(), &BTreeMap::new());
        assert_eq!(event["headers"]["x-one"], "1,2");
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("/w=="), &json!(true))
        );
        assert_eq!(event["queryStringParameters"], json!({ "a": "1,2 " }));
    }

    #[test]
    fn json_stays_text_and_an_absent_body_is_left_out() {
        let request = Request::new("POST", "/v1/x").json(&json!({}));
        let with_body = event(&request, &route(), &BTreeMap::new());
        assert_eq!(
            (&with_body["body"], &with_body["isBase64Encoded"]),
            (&json!("{}"), &json!(false))
        );
        assert!(
            event(&Request::new("POST", "/v1/x"), &route(), &BTreeMap::new())
                .get("body")
                .is_none()
        );
    }

    #[test]
    fn an_answer_becomes_a_reply() {
        let answer = json!({ "statusCode": 201, "headers": { "Location": "/x" },
            "multiValueHeaders": {}, "body": "/w==", "isBase64Encoded": true });
        let reply = response(&answer).expect("a reply");
        assert_eq!(
            (reply.status, reply.header("location"), &*reply.body),
            (201, Some("/x"), &[255][..])
        );
    }
}
