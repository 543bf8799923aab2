//! Clients that speak as a person or as an agent.

use anyhow::Result;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{Agent, Person};
use crate::http::{Request, Response, Transport};
use crate::issuer::Minter;

/// Speaks as a person, with a fresh token for each request.
pub struct PersonClient<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) minter: Minter,
    /// Who it is.
    pub person: Person,
}

impl<'a> PersonClient<'a> {
    /// A client of that person over that transport.
    #[must_use]
    pub fn new(transport: &'a dyn Transport, minter: Minter, person: Person) -> Self {
        Self {
            transport,
            minter,
            person,
        }
    }

    /// A fresh token.
    #[must_use]
    pub fn token(&self) -> String {
        self.minter.token(self.person.sub, self.person.name)
    }

    /// What such a token claims.
    #[must_use]
    pub fn claims(&self) -> Value {
        self.minter.claims(self.person.sub, self.person.name)
    }

    /// A request that carries a fresh token.
    #[must_use]
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request::new(method, target).header("authorization", &format!("Bearer {}", self.token()))
    }

    /// Reads.
    pub fn get(&self, target: &str) -> Result<Response> {
        self.transport.send(&self.request("GET", target))
    }

    /// Changes, with a JSON body.
    pub fn post(&self, target: &str, key: &str, body: &Value) -> Result<Response> {
        self.transport.send(
            &self
                .request("POST", target)
                .header("idempotency-key", key)
                .json(body),
        )
    }

    /// Changes, without a body.
    pub fn post_empty(&self, target: &str, key: &str) -> Result<Response> {
        self.transport
            .send(&self.request("POST", target).header("idempotency-key", key))
    }
}

/// Speaks as an agent: signs and delivers.
pub struct AgentClient<'a> {
    pub(crate) transport: &'a dyn Transport,
    /// Who it is.
    pub agent: Agent,
}

impl<'a> AgentClient<'a> {
    /// A client of that agent over that transport.
    #[must_use]
    pub fn new(transport: &'a dyn Transport, agent: Agent) -> Self {
        Self { transport, agent }
    }

    /// Signs this event now and delivers it.
    pub fn deliver(&self, event: &Value) -> Result<Response> {
        self.deliver_text(&event.to_string())
    }

    /// The same with the body byte for byte.
    pub fn deliver_text(&self, body: &str) -> Result<Response> {
        self.transport.send(&self.agent.sign(body))
    }
}

/// An event with a new delivery id that happened just now.
#[must_use]
pub fn delivery(kind: &str, data: &Value) -> Value {
    let now = OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .expect("RFC 3339 can say every time of this century");
    json!({ "id": format!("evt_{}", Uuid::new_v4().simple()), "type": kind, "occurred_at": now, "data": data })
}

/// A new idempotency key.
#[must_use]
pub fn idempotency_key() -> String {
    Uuid::new_v4().to_string()
}

/// A value date that stays valid for a while, also past midnight.
#[must_use]
pub fn value_date() -> String {
    let date = (OffsetDateTime::now_utc() + time::Duration::days(2)).date();
    format!(
        "{:04}-{:02}-{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}
