//! HTTP/1.1 on loopback: messages, a client, and a server whose replies a test decides.

mod client;
mod cors;
mod server;
mod wire;

pub use client::send;
pub use cors::Cors;
pub use server::{Reply, Server};

use serde_json::Value;

/// A request as its sender wrote it: header order and repetitions are kept.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, with the query string if there is one.
    pub target: String,
    /// Names as written; a name may repeat.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a header; an earlier one of the same name stays.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Drops every header of that name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Sets the body, and nothing else.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.without("content-type")
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// The values of the headers of that name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        named(&self.headers, name)
    }

    /// The path without its query string.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(&*self.target, |(path, _)| path)
    }

    /// The query string, empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// The values of the headers of a name, whose case says nothing (RFC 9110, 5.1).
fn named<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| &**value)
}

/// A reply as its receiver saw it.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names as received; a name may repeat.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        named(&self.headers, name).next()
    }

    /// The body as text; bytes that are no UTF-8 are shown as such.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON: a test that asked for JSON has then failed, and sees what came instead.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "{} with a body that is not JSON ({error}): {}",
                self.status,
                self.text()
            )
        })
    }
}

/// Who carries a request to the functions: the gateway over HTTP, or the fixture's own Lambda.
pub trait Transport: Sync {
    /// Sends one request and waits for its reply; an error means that no reply came.
    fn send(&self, request: &Request) -> anyhow::Result<Response>;
}

#[cfg(test)]
mod tests;
