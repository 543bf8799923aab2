use std::{collections::HashMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::{
    ids::AgentId,
    strict_json::{self, Object},
};

/// The agents' secrets, from the function's entry in the secret store:
///
/// ```json
/// {"agents": {"escrow-one": {"scheme": "standard-webhooks", "secrets": ["whsec_…"]}}}
/// ```
///
/// An agent has one secret, or two during a rotation. A `standard-webhooks` secret is `whsec_` and
/// the base64 of 24 to 64 bytes; a `raw-body` secret is a text of at least 32 bytes, which are the
/// key.
pub struct KeyRing(HashMap<AgentId, Keys>);

struct Keys {
    scheme: Scheme,
    /// The same one twice where there is one.
    secrets: [Secret; 2],
}

type Secret = Zeroizing<Vec<u8>>;

/// How an agent signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Scheme {
    StandardWebhooks,
    RawBody,
}

/// Two keys to try in any case. They count for nothing without an agent.
pub(super) struct Candidates<'a> {
    pub(super) agent: Option<&'a AgentId>,
    pub(super) secrets: [&'a [u8]; 2],
}

impl KeyRing {
    /// Parses the secret's JSON.
    ///
    /// # Errors
    ///
    /// What is wrong, and of which agent, without a word of the secret.
    pub fn parse(secret_json: &str) -> Result<Self, KeyRingError> {
        let document: Document =
            strict_json::from_slice(secret_json.as_bytes()).map_err(|_| KeyRingError::Malformed)?;
        let agents = document.agents.into_iter().map(|(id, Object(entry))| {
            let id: AgentId = id.parse().map_err(|_| KeyRingError::AgentId)?;
            let secrets = match &entry.secrets[..] {
                [one] => [one, one],
                [one, other] => [one, other],
                _ => return Err(KeyRingError::SecretCount(id)),
            };
            let [Some(one), Some(other)] = secrets.map(|secret| entry.scheme.key(&secret.0)) else {
                return Err(KeyRingError::Secret(id));
            };
            Ok((
                id,
                Keys {
                    scheme: entry.scheme,
                    secrets: [one, other],
                },
            ))
        });
        agents.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn candidates(&self, agent: &str, scheme: Scheme) -> Candidates<'_> {
        const NOBODY: &[u8] = &[0; 32];
        let known = agent
            .parse()
            .ok()
            .and_then(|id: AgentId| self.0.get_key_value(&id));
        match known.filter(|(_, keys)| keys.scheme == scheme) {
            Some((
                id,
                Keys {
                    secrets: [one, other],
                    ..
                },
            )) => Candidates {
                agent: Some(id),
                secrets: [one, other],
            },
            None => Candidates {
                agent: None,
                secrets: [NOBODY; 2],
            },
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing([{} agents redacted])", self.0.len())
    }
}

impl Scheme {
    fn key(self, secret: &str) -> Option<Secret> {
        let key = Zeroizing::new(match self {
            Self::StandardWebhooks => STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?,
            Self::RawBody => secret.as_bytes().to_vec(),
        });
        let acceptable = match self {
            Self::StandardWebhooks => (24..=64).contains(&key.len()),
            Self::RawBody => key.len() >= 32,
        };
        acceptable.then_some(key)
    }
}

/// Why the secret cannot be used. No text of it is quoted: serde's errors would.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// Not JSON, ambiguous JSON, or a missing, unknown or wrongly typed member.
    #[error("the secret is not a key ring document")]
    Malformed,
    /// A member of `agents` is not named by an agent id.
    #[error("the key ring has a malformed agent id")]
    AgentId,
    /// Neither one nor two secrets.
    #[error("agent {0} must have one or two secrets")]
    SecretCount(AgentId),
    /// Not of the scheme's form, or too short.
    #[error("a secret of agent {0} is malformed or has the wrong length")]
    Secret(AgentId),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    agents: HashMap<String, Object<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    scheme: Scheme,
    secrets: Vec<SecretText>,
}

struct SecretText(Zeroizing<String>);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WHSEC_24: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const RAW_32: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn key_rings() {
        for (scheme, secrets) in [
            ("standard-webhooks", json!([WHSEC_24])),
            ("standard-webhooks", json!([WHSEC_24, whsec(64)])),
            ("raw-body", json!([RAW_32])),
            ("raw-body", json!([RAW_32, "é".repeat(16)])),
        ] {
            assert!(one_agent(scheme, &secrets).is_ok(), "{scheme} {secrets}");
        }
        assert!(KeyRing::parse(r#"{"agents":{}}"#).is_ok());
    }

    #[test]
    fn bad_secrets() {
        let id = || "escrow-one".parse().unwrap();
        for (scheme, secrets, expected) in [
            (
                "standard-webhooks",
                json!([]),
                KeyRingError::SecretCount(id()),
            ),
            (
                "standard-webhooks",
                json!([WHSEC_24, WHSEC_24, WHSEC_24]),
                KeyRingError::SecretCount(id()),
            ),
            (
                "standard-webhooks",
                json!([whsec(23)]),
                KeyRingError::Secret(id()),
            ),
            (
                "standard-webhooks",
                json!([whsec(65)]),
                KeyRingError::Secret(id()),
            ),
            (
                "standard-webhooks",
                json!([WHSEC_24, whsec(23)]),
                KeyRingError::Secret(id()),
            ),
            (
                "standard-webhooks",
                json!([&WHSEC_24[6..]]),
                KeyRingError::Secret(id()),
            ),
            (
                "standard-webhooks",
                json!([whsec(25).trim_end_matches('=')]),
                KeyRingError::Secret(id()),
            ),
            (
                "standard-webhooks",
                json!([WHSEC_24.replace('9', "-")]),
                KeyRingError::Secret(id()),
            ),
            (
                "standard-webhooks",
                json!([format!("{WHSEC_24} ")]),
                KeyRingError::Secret(id()),
            ),
            (
                "raw-body",
                json!([&RAW_32[1..]]),
                KeyRingError::Secret(id()),
            ),
            ("raw-body", json!([""]), KeyRingError::Secret(id())),
            ("raw-body", json!([1]), KeyRingError::Malformed),
            ("raw-body", json!([null]), KeyRingError::Malformed),
            ("raw-body", json!(RAW_32), KeyRingError::Malformed),
            ("none", json!([RAW_32]), KeyRingError::Malformed),
        ] {
            assert_eq!(
                one_agent(scheme, &secrets).unwrap_err(),
                expected,
                "{scheme} {secrets}"
            );
        }
    }

    #[test]
    fn bad_documents() {
        let entry = json!({"scheme": "raw-body", "secrets": [RAW_32]});
        for bad in [
            String::new(),
            "{}".into(),
            "[]".into(),
            json!({"agents": {}, "more": 1}).to_string(),
            json!({"agents": {"escrow-one": {"scheme": "raw-body"}}}).to_string(),
            json!({"agents": {"escrow-one": {"secrets": [RAW_32]}}}).to_string(),
            json!({"agents": {"escrow-one": ["raw-body", [RAW_32]]}}).to_string(),
            json!({"agents": {"escrow-one": {"scheme": "raw-body", "secrets": [RAW_32], "more": 1}}}).to_string(),
            format!(r#"{{"agents":{{"escrow-one":{entry},"escrow-one":{entry}}}}}"#),
        ] {
            assert_eq!(KeyRing::parse(&bad).unwrap_err(), KeyRingError::Malformed, "{bad}");
        }
        let bad = json!({"agents": {"Escrow": entry}}).to_string();
        assert_eq!(KeyRing::parse(&bad).unwrap_err(), KeyRingError::AgentId);
    }

    #[test]
    fn nothing_printed_holds_a_secret() {
        let ring = one_agent("raw-body", &json!([RAW_32])).unwrap();
        assert!(!format!("{ring:?}").contains("0123"));
        for bad in [
            json!("0123456789"),
            json!(["0123456789"]),
            json!({"0123456789": 1}),
        ] {
            let error = one_agent("raw-body", &bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("0123"), "{bad}");
        }
    }

    fn one_agent(scheme: &str, secrets: &serde_json::Value) -> Result<KeyRing, KeyRingError> {
        KeyRing::parse(
            &json!({"agents": {"escrow-one": {"scheme": scheme, "secrets": secrets}}}).to_string(),
        )
    }

    fn whsec(bytes: usize) -> String {
        format!("whsec_{}", STANDARD.encode(vec![7; bytes]))
    }
}
