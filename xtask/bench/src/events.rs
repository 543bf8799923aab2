//! Events that are made once and sent often: only the idempotency key changes.

use ::tests::fixture::Fixture;
use ::tests::http::Request;
use ::tests::lambda;
use anyhow::{Context as _, Result};
use serde_json::Value;

use super::person::Person;

/// Stands for the key, and is as long as every key.
const PLACE: &str = "bench-key-in-its-place-0000";

/// What API Gateway hands to a function, with a place for the key where it has one.
#[derive(Clone, Debug)]
pub(super) struct Event {
    bytes: Vec<u8>,
    key_at: Option<usize>,
}

impl Event {
    /// The event of a request.
    pub(super) fn new(fixture: &Fixture, request: &Request) -> Result<Self> {
        let (route, parameters) = fixture
            .routes()
            .find(&request.method, request.path())
            .context("no route takes this request")?;
        let bytes = lambda::event(request, route, &parameters)
            .to_string()
            .into_bytes();
        let key_at = bytes
            .windows(PLACE.len())
            .position(|part| part == PLACE.as_bytes());
        Ok(Self { bytes, key_at })
    }

    /// A person's mutation, with a place for its key.
    pub(super) fn mutation(
        fixture: &Fixture,
        person: &Person,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Self> {
        let mut request = with_token("POST", path, person).header("idempotency-key", PLACE);
        if let Some(body) = body {
            request = request.json(body);
        }
        Self::new(fixture, &request)
    }

    /// A person's read.
    pub(super) fn question(fixture: &Fixture, person: &Person, target: &str) -> Result<Self> {
        Self::new(fixture, &with_token("GET", target, person))
    }

    /// The event unchanged.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// The event with the key of this number.
    pub(super) fn with_key(&self, number: u64) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if let Some(at) = self.key_at {
            bytes[at..at + PLACE.len()].copy_from_slice(key(number).as_bytes());
        }
        bytes
    }
}

fn with_token(method: &str, target: &str, person: &Person) -> Request {
    Request::new(method, target).header("authorization", &format!("Bearer {}", person.token))
}

fn key(number: u64) -> String {
    format!("bench-{number:021}")
}

#[cfg(test)]
mod tests {
    use super::{PLACE, key};

    #[test]
    fn a_key_fits_its_place() {
        assert_eq!(key(u64::MAX).len(), PLACE.len());
    }
}
