use std::{collections::HashMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;
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
/// the base64 of 24 to 64 bytes. A `raw-body` secret is a text of at least 32 bytes, which are the
/// key; it neither begins nor ends with white space, and has no control characters.
///
/// An agent whose entry has a mistake cannot deliver; the others can.
#[derive(Default)]
pub struct KeyRing {
    agents: HashMap<AgentId, Result<Keys, Flaw>>,
    /// Entries whose name is no agent's id. No path can name them.
    nameless: usize,
}

struct Keys {
    scheme: Scheme,
    /// The same one twice where there is one.
    secrets: [Secret; 2],
}

type Secret = Zeroizing<Vec<u8>>;

/// How an agent signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    StandardWebhooks,
    RawBody,
}

/// Two keys to try in any case. They count for nothing without an agent.
pub(super) struct Candidates<'a> {
    pub(super) agent: Known<'a>,
    pub(super) secrets: [&'a [u8]; 2],
}

/// What the ring says of an agent.
#[derive(Clone, Copy)]
pub(super) enum Known<'a> {
    /// The agent signs with these secrets.
    Agent(&'a AgentId),
    /// The agent's entry has a mistake.
    Unusable,
    /// No agent of this name signs in this scheme.
    Nobody,
}

impl KeyRing {
    /// Parses the secret's JSON.
    ///
    /// # Errors
    ///
    /// The secret is no key ring at all.
    pub fn parse(secret_json: &str) -> Result<Self, KeyRingError> {
        strict_json::from_slice::<IgnoredAny>(secret_json.as_bytes())
            .map_err(|_| KeyRingError::Malformed)?;
        // Entries are read one by one, from where they stand: no second copy of a secret is left behind.
        let Object(document): Object<Document<'_>> =
            serde_json::from_str(secret_json).map_err(|_| KeyRingError::Malformed)?;
        let mut ring = Self::default();
        for (id, entry) in document.agents {
            match id.parse() {
                Ok(id) => drop(ring.agents.insert(id, Keys::parse(entry.get()))),
                Err(_) => ring.nameless += 1,
            }
        }
        Ok(ring)
    }

    /// The number of entries that cannot be used.
    #[must_use]
    pub fn unusable(&self) -> usize {
        self.nameless + self.flaws().count()
    }

    /// What is wrong with which agent's entry, for the log: an agent's id, or nothing for a name that is no id and
    /// might be anything; and the rule that is broken.
    pub fn mistakes(&self) -> impl Iterator<Item = (&str, Flaw)> {
        let nameless = std::iter::repeat_n(("", Flaw::AgentId), self.nameless);
        nameless.chain(self.flaws())
    }

    fn flaws(&self) -> impl Iterator<Item = (&str, Flaw)> {
        let flawed =
            |(id, keys): (_, &Result<Keys, Flaw>)| Some((id, keys.as_ref().err().copied()?));
        self.agents
            .iter()
            .map(|(id, keys)| (id.as_str(), keys))
            .filter_map(flawed)
    }

    pub(super) fn candidates(&self, agent: &str, scheme: Scheme) -> Candidates<'_> {
        const NOBODY: &[u8] = &[0; 32];
        let known = agent
            .parse()
            .ok()
            .and_then(|id: AgentId| self.agents.get_key_value(&id));
        match known {
            Some((id, Ok(keys))) if keys.scheme == scheme => Candidates {
                agent: Known::Agent(id),
                secrets: [&keys.secrets[0], &keys.secrets[1]],
            },
            Some((_, Err(_))) => Candidates {
                agent: Known::Unusable,
                secrets: [NOBODY; 2],
            },
            _ => Candidates {
                agent: Known::Nobody,
                secrets: [NOBODY; 2],
            },
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing([{} agents redacted])", self.agents.len())
    }
}

impl Keys {
    fn parse(entry: &str) -> Result<Self, Flaw> {
        let Object(entry): Object<Entry> = serde_json::from_str(entry).map_err(|_| Flaw::Entry)?;
        let scheme = match &**entry.scheme.0 {
            "standard-webhooks" => Scheme::StandardWebhooks,
            "raw-body" => Scheme::RawBody,
            _ => return Err(Flaw::Scheme),
        };
        let secrets = match &entry.secrets[..] {
            [one] => [one, one],
            [one, other] => [one, other],
            _ => return Err(Flaw::Count),
        };
        let [one, other] = secrets.map(|secret| scheme.key(&secret.0));
        Ok(Self {
            scheme,
            secrets: [one?, other?],
        })
    }
}

impl Scheme {
    fn key(self, secret: &str) -> Result<Secret, Flaw> {
        // A line end that was pasted along would be another key, and every delivery would be refused.
        if secret.trim() != secret || secret.contains(char::is_control) {
            return Err(Flaw::WhiteSpace);
        }
        match self {
            Self::StandardWebhooks => {
                let base64 = secret.strip_prefix("whsec_").ok_or(Flaw::Prefix)?;
                let key = STANDARD.decode(base64).map_err(|_| Flaw::Base64)?;
                let key = Zeroizing::new(key);
                let fits = (24..=64).contains(&key.len());
                fits.then_some(key).ok_or(Flaw::KeyLength)
            }
            Self::RawBody if secret.len() < 32 => Err(Flaw::TextLength),
            Self::RawBody => Ok(Zeroizing::new(secret.as_bytes().to_vec())),
        }
    }
}

/// The rule that an agent's entry breaks. No text of the entry is quoted: serde's errors would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message is the documentation")]
pub enum Flaw {
    #[error("the entry's name is no agent id")]
    AgentId,
    #[error("the entry is not an object with scheme, secrets and nothing else")]
    Entry,
    #[error("the scheme is neither standard-webhooks nor raw-body")]
    Scheme,
    #[error("there must be one or two secrets")]
    Count,
    #[error(
        "a secret begins or ends with white space, or has a control character such as a line end"
    )]
    WhiteSpace,
    #[error("a standard-webhooks secret does not begin with whsec_")]
    Prefix,
    #[error("what follows whsec_ is not base64 with its padding")]
    Base64,
    #[error("a standard-webhooks secret has not 24 to 64 bytes")]
    KeyLength,
    #[error("a raw-body secret has less than 32 bytes")]
    TextLength,
}

/// Why the secret cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// Not JSON, ambiguous JSON, or something else than one object of agents.
    #[error("the secret is not a key ring document")]
    Malformed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    #[serde(borrow)]
    agents: HashMap<String, &'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    scheme: SecretText,
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
    use serde_json::{Value, json};

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
            ("raw-body", json!(["a passphrase with blanks inside it"])),
        ] {
            let entry = json!({"scheme": scheme, "secrets": secrets});
            assert_eq!(flaw_of(&entry), None, "{entry}");
        }
        assert_eq!(KeyRing::parse(r#"{"agents":{}}"#).unwrap().unusable(), 0);
    }

    /// Each entry with the rule that it breaks.
    fn bad_entries() -> Vec<(Value, Flaw)> {
        let of = |scheme: &str, secrets: Value| json!({"scheme": scheme, "secrets": secrets});
        let standard = |secret: &str| of("standard-webhooks", json!([secret]));
        let raw = |secret: &str| of("raw-body", json!([secret]));
        vec![
            (of("standard-webhooks", json!([])), Flaw::Count),
            (of("raw-body", json!([RAW_32, RAW_32, RAW_32])), Flaw::Count),
            (standard(&whsec(23)), Flaw::KeyLength),
            (standard(&whsec(65)), Flaw::KeyLength),
            (
                of("standard-webhooks", json!([WHSEC_24, whsec(23)])),
                Flaw::KeyLength,
            ),
            (standard(&WHSEC_24[6..]), Flaw::Prefix),
            (standard(&format!("v1,{WHSEC_24}")), Flaw::Prefix),
            (standard(whsec(25).trim_end_matches('=')), Flaw::Base64),
            (standard(&WHSEC_24.replace('9', "-")), Flaw::Base64),
            (standard(&format!("{WHSEC_24} ")), Flaw::WhiteSpace),
            (standard(&format!("{WHSEC_24}\n")), Flaw::WhiteSpace),
            (raw(&format!("{RAW_32}\n")), Flaw::WhiteSpace),
            (raw(&format!("{RAW_32}\r\n")), Flaw::WhiteSpace),
            (raw(&format!(" {RAW_32}")), Flaw::WhiteSpace),
            (raw(&format!("{RAW_32}\u{a0}")), Flaw::WhiteSpace),
            (raw(&format!("{RAW_32}\n{RAW_32}")), Flaw::WhiteSpace),
            (raw(&RAW_32[1..]), Flaw::TextLength),
            (raw(""), Flaw::TextLength),
            (of("none", json!([RAW_32])), Flaw::Scheme),
            (of("raw-body", json!([1])), Flaw::Entry),
            (of("raw-body", json!([null])), Flaw::Entry),
            (of("raw-body", json!(RAW_32)), Flaw::Entry),
            (json!({"scheme": "raw-body"}), Flaw::Entry),
            (json!({"scheme": null, "secrets": [RAW_32]}), Flaw::Entry),
            (json!({"secrets": [RAW_32]}), Flaw::Entry),
            (json!(["raw-body", [RAW_32]]), Flaw::Entry),
            (json!(RAW_32), Flaw::Entry),
            (json!(null), Flaw::Entry),
            (
                json!({"scheme": "raw-body", "secrets": [RAW_32], "more": 1}),
                Flaw::Entry,
            ),
        ]
    }

    #[test]
    fn a_mistake_in_one_entry_stops_that_agent_alone_and_names_its_rule() {
        for (bad, flaw) in bad_entries() {
            assert_eq!(flaw_of(&bad), Some(flaw), "{bad}");
        }
    }

    #[test]
    fn a_name_that_is_no_agents_id_stops_nobody() {
        let entry = json!({"scheme": "raw-body", "secrets": [RAW_32]});
        let ring = json!({"agents": {"Escrow": entry, "escrow-two": entry}}).to_string();
        let ring = KeyRing::parse(&ring).unwrap();
        assert_eq!(ring.mistakes().collect::<Vec<_>>(), [("", Flaw::AgentId)]);
        assert_eq!(ring.unusable(), 1);
        assert!(is_served(&ring, "escrow-two"));
    }

    #[test]
    fn bad_documents() {
        let entry = json!({"scheme": "raw-body", "secrets": [RAW_32]});
        for bad in [
            String::new(),
            "{}".into(),
            "[]".into(),
            "null".into(),
            json!([{"escrow-one": entry}]).to_string(),
            json!({"agents": [entry]}).to_string(),
            json!({"agents": null}).to_string(),
            json!({"agents": {}, "more": 1}).to_string(),
            format!(r#"{{"agents":{{"escrow-one":{entry},"escrow-one":{entry}}}}}"#),
            // Two readers would see two rings: nobody can say which agent it is about.
            r#"{"agents":{"escrow-one":{"scheme":"raw-body","scheme":"none","secrets":[]}}}"#
                .into(),
        ] {
            assert_eq!(
                KeyRing::parse(&bad).unwrap_err(),
                KeyRingError::Malformed,
                "{bad}"
            );
        }
    }

    #[test]
    fn nothing_printed_holds_a_secret() {
        let ring = ring(&json!({"scheme": "raw-body", "secrets": [RAW_32]}));
        assert!(!format!("{ring:?}").contains("0123"));
        for (bad, _) in bad_entries() {
            let ring = self::ring(&bad);
            for (agent, flaw) in ring.mistakes() {
                let said = format!("{ring:?} {agent} {flaw} {flaw:?}");
                assert!(!said.contains("0123") && !said.contains("MfKQ"), "{said}");
            }
        }
    }

    /// A ring of three agents, of which the one in the middle has that entry.
    fn ring(entry: &Value) -> KeyRing {
        let good = json!({"scheme": "raw-body", "secrets": [RAW_32]});
        let agents = json!({"escrow-one": good, "escrow-two": entry, "escrow-zero": good});
        KeyRing::parse(&json!({ "agents": agents }).to_string()).unwrap()
    }

    /// What is wrong with that entry. The two others are served in any case.
    fn flaw_of(entry: &Value) -> Option<Flaw> {
        let ring = ring(entry);
        assert!(is_served(&ring, "escrow-one") && is_served(&ring, "escrow-zero"));
        let mistakes: Vec<_> = ring.mistakes().collect();
        assert_eq!(mistakes.len(), ring.unusable());
        let [(agent, flaw)] = *mistakes else {
            assert!(mistakes.is_empty());
            return None;
        };
        assert_eq!(agent, "escrow-two");
        for scheme in [Scheme::RawBody, Scheme::StandardWebhooks] {
            let candidates = ring.candidates("escrow-two", scheme);
            assert!(matches!(candidates.agent, Known::Unusable));
        }
        Some(flaw)
    }

    fn is_served(ring: &KeyRing, agent: &str) -> bool {
        let candidates = ring.candidates(agent, Scheme::RawBody);
        matches!(candidates.agent, Known::Agent(_))
            && candidates.secrets == [RAW_32.as_bytes(), RAW_32.as_bytes()]
    }

    fn whsec(bytes: usize) -> String {
        format!("whsec_{}", STANDARD.encode(vec![7; bytes]))
    }
}
