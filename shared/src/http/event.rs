//! The event of an HTTP API, payload format 2.0, and its answer: `lambda_http`'s types for both.
//!
//! Its conversion of the event to an `http::Request` is left out: it builds a URL from the `Host` and
//! `X-Forwarded-Proto` headers and the query, and panics where a caller has made them no URL.

pub(crate) use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayV2httpRequest as Event, ApiGatewayV2httpResponse as Answer,
};
