//! The agents, and how they sign.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};

use super::{COLLATERAL_AGENT, PLATFORM};
use crate::http::Request;
use crate::secrets::{hex, random, random_hex};

/// What an agent does, and with it the route it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Onboards allocators, members, agents and facilities; reports deposits.
    Platform,
    /// Holds money in escrow.
    Escrow,
    /// Completes settlements.
    Settlement,
    /// Reports filings, pledges, values, custody and searches.
    Collateral,
}

/// How an agent signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Standard Webhooks: over `id.timestamp.body`.
    StandardWebhooks,
    /// `X-Signature-256`, over the body alone.
    RawBody,
}

/// The sample agents.
pub const AGENTS: [(&str, Kind, Scheme); 4] = [
    (PLATFORM, Kind::Platform, Scheme::StandardWebhooks),
    ("escrow-one", Kind::Escrow, Scheme::StandardWebhooks),
    ("settle-one", Kind::Settlement, Scheme::RawBody),
    (COLLATERAL_AGENT, Kind::Collateral, Scheme::StandardWebhooks),
];

/// The sample agent of that kind.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn agent_of(kind: Kind) -> &'static str {
    let agent = AGENTS.iter().find(|(_, of, _)| *of == kind);
    agent.expect("there is one of each kind").0
}

/// An agent with its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its id, part of its route.
    pub id: String,
    /// See [`Kind`].
    pub kind: Kind,
    /// See [`Scheme`].
    pub scheme: Scheme,
    /// The secret that it signs with, as it is stored.
    pub secret: String,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Collateral,
        Self::Escrow,
        Self::Platform,
        Self::Settlement,
    ];

    /// The word in routes and stack.json.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Escrow => "escrow",
            Self::Settlement => "settlement",
            Self::Collateral => "collateral",
        }
    }

    /// The types of the events that agents of this kind report; a test compares them with docs/openapi.yaml.
    #[must_use]
    pub const fn events(self) -> &'static [&'static str] {
        match self {
            Self::Platform => &[
                "allocator.onboarded",
                "member.granted",
                "member.named",
                "member.name_erased",
                "member.revoked",
                "agent.registered",
                "facility.opened",
                "facility.admitted",
                "facility.excluded",
                "dispute.decided",
                "party.recorded",
                "rules.recorded",
                "facility.risk_updated",
                "ratings.recorded",
                "capital.deposited",
                "capital.withdrawn",
            ],
            Self::Escrow => &["escrow.funded", "escrow.failed"],
            Self::Settlement => &["settlement.completed", "settlement.failed"],
            Self::Collateral => &[
                "filing.recorded",
                "amendment.recorded",
                "agreement.recorded",
                "asset.pledged",
                "valuation.recorded",
                "custody.confirmed",
                "search.reported",
            ],
        }
    }

    /// The function that hears agents of this kind.
    #[must_use]
    pub fn function(self) -> String {
        format!("{}-webhook", self.name())
    }
}

impl Scheme {
    /// The word in key rings and stack.json.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StandardWebhooks => "standard-webhooks",
            Self::RawBody => "raw-body",
        }
    }

    /// A random secret of this scheme's form.
    #[must_use]
    pub fn generate_secret(self) -> String {
        match self {
            Self::StandardWebhooks => format!("whsec_{}", STANDARD.encode(random(32))),
            Self::RawBody => random_hex(32),
        }
    }
}

impl Agent {
    /// The sample agents, each with a new secret.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let agent = |(id, kind, scheme): (&str, Kind, Scheme)| Self {
            id: id.to_owned(),
            kind,
            scheme,
            secret: scheme.generate_secret(),
        };
        AGENTS.map(agent).to_vec()
    }

    /// Reads a member of stack.json's `agents`.
    pub fn from_json(value: &Value) -> Result<Self> {
        let text = |name: &str| {
            value[name]
                .as_str()
                .with_context(|| format!("an agent without {name}"))
        };
        let kind = match text("kind")? {
            "platform" => Kind::Platform,
            "escrow" => Kind::Escrow,
            "settlement" => Kind::Settlement,
            "collateral" => Kind::Collateral,
            other => anyhow::bail!("an agent of kind {other}"),
        };
        let scheme = match text("scheme")? {
            "standard-webhooks" => Scheme::StandardWebhooks,
            "raw-body" => Scheme::RawBody,
            other => anyhow::bail!("an agent with the scheme {other}"),
        };
        Ok(Self {
            id: text("id")?.to_owned(),
            kind,
            scheme,
            secret: text("secret")?.to_owned(),
        })
    }

    /// Writes what [`Agent::from_json`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "id": self.id, "kind": self.kind.name(), "scheme": self.scheme.name(), "secret": self.secret })
    }

    /// Its route.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/v1/webhooks/{}/{}", self.kind.name(), self.id)
    }

    /// A signed delivery of this body, now. The delivery id is the body's `id`.
    #[must_use]
    pub fn sign(&self, body: &str) -> Request {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is past 1970")
            .as_secs();
        let id = serde_json::from_str::<Value>(body)
            .ok()
            .and_then(|event| event["id"].as_str().map(str::to_owned));
        self.sign_with(
            body.as_bytes(),
            id.as_deref().unwrap_or("none"),
            &now.to_string(),
        )
    }

    /// The same with a delivery id and a timestamp of the caller's choice, where the scheme has them.
    #[must_use]
    pub fn sign_with(&self, body: &[u8], id: &str, timestamp: &str) -> Request {
        let request = Request::new("POST", &self.path())
            .header("content-type", "application/json")
            .body(body);
        match self.scheme {
            Scheme::StandardWebhooks => {
                let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
                request
                    .header("webhook-id", id)
                    .header("webhook-timestamp", timestamp)
                    .header(
                        "webhook-signature",
                        &format!("v1,{}", STANDARD.encode(self.tag(&signed))),
                    )
            }
            Scheme::RawBody => request.header(
                "x-signature-256",
                &format!("sha256={}", hex(&self.tag(body))),
            ),
        }
    }

    fn tag(&self, message: &[u8]) -> Vec<u8> {
        let key = match self.secret.strip_prefix("whsec_") {
            // A secret that is not base64 comes from a test; its text is the key.
            Some(encoded) => STANDARD
                .decode(encoded)
                .unwrap_or_else(|_| encoded.as_bytes().to_vec()),
            None => self.secret.as_bytes().to_vec(),
        };
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), message)
            .as_ref()
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::{Agent, Kind, Scheme};

    /// The reference vector of the Standard Webhooks specification.
    #[test]
    fn a_delivery_is_signed_as_the_specification_says() {
        let agent = Agent {
            id: "vector".to_owned(),
            kind: Kind::Escrow,
            scheme: Scheme::StandardWebhooks,
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        };
        let request = agent.sign_with(
            br#"{"test": 2432232314}"#,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
        );
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert!(
            request
                .headers
                .iter()
                .any(|(name, value)| name == "webhook-signature" && value == expected)
        );
    }
}
