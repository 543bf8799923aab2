//! What API Gateway does in front of the functions: routes, CORS, and the answers that are its own.
//!
//! cargo-lambda has a router too. It knows no CORS with a list of origins, refuses a body that is not UTF-8, and has
//! other answers to what no route takes.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::http::{Cors, Reply, Request, Response, Server};
use crate::lambda;
use crate::routes::{Route, Routes};

use super::Invoker;

/// What template.yaml has in `CorsConfiguration`; a test compares them.
pub const CORS: Cors = Cors {
    methods: &["GET", "POST"],
    headers: &["authorization", "content-type", "idempotency-key"],
    exposed: &["location", "retry-after", "x-request-id"],
    max_age_seconds: 600,
};

/// API Gateway's limit on a request's body.
const BODY_BYTES_MAX: usize = 10_000_000;

/// Starts it on that port; what it invokes must be there by the first request.
pub(super) fn start(port: u16, functions: SocketAddr) -> Result<Server> {
    let routes = Routes::load()?;
    let invoker = Invoker { address: functions };
    Server::start(port, move |request| {
        let answer = CORS.preflight(&request).unwrap_or_else(|| {
            let answer = route(&request, &routes, invoker);
            CORS.reply(&request, answer)
        });
        Reply::Response(answer)
    })
}

fn route(request: &Request, routes: &Routes, invoker: Invoker) -> Response {
    if request.body.len() > BODY_BYTES_MAX {
        return message(413, "Request Entity Too Large");
    }
    let Some((route, parameters)) = routes.find(&request.method, request.path()) else {
        return message(404, "Not Found");
    };
    let event = lambda::event(request, route, &parameters);
    // The cause is in the log of the functions.
    invoke(invoker, route, &event).unwrap_or_else(|_| message(500, "Internal Server Error"))
}

fn invoke(invoker: Invoker, route: &Route, event: &Value) -> Result<Response> {
    let answer = invoker.invoke(&route.function, event)?;
    lambda::response(&answer).with_context(|| route.function.clone())
}

fn message(status: u16, text: &str) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: json!({ "message": text }).to_string().into_bytes(),
    }
}
