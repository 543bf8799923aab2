//! Tokens with the claims that Supabase Auth writes.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Key;

pub(super) const LIFETIME_SECONDS: u64 = 3600;

/// Mints tokens with an issuer's signing key.
#[derive(Clone, Debug)]
pub struct Minter {
    /// The value of `iss`.
    pub issuer: String,
    /// The value of `aud`.
    pub audience: String,
    /// The key that signs.
    pub key: Arc<Key>,
}

impl Minter {
    /// A token that is valid from now on, for an hour.
    #[must_use]
    pub fn token(&self, sub: Uuid, name: &str) -> String {
        self.sign(&self.claims(sub, name))
    }

    /// What such a token claims; tests change it and sign it again.
    #[must_use]
    pub fn claims(&self, sub: Uuid, name: &str) -> Value {
        let now = now_seconds();
        let email = format!("{name}@example.com");
        json!({
            "iss": self.issuer,
            "sub": sub.to_string(),
            "aud": self.audience,
            "exp": now + LIFETIME_SECONDS,
            "iat": now,
            "email": email,
            "phone": "",
            "app_metadata": { "provider": "email", "providers": ["email"] },
            "user_metadata": {
                "email": email,
                "email_verified": true,
                "phone_verified": false,
                "sub": sub.to_string(),
            },
            "role": "authenticated",
            "aal": "aal1",
            "amr": [{ "method": "password", "timestamp": now }],
            "session_id": Uuid::new_v4().to_string(),
            "is_anonymous": false,
        })
    }

    /// Signs these claims with the header that belongs to the key.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.key.sign(&self.key.header(), claims)
    }
}

/// The part of a token that is signed (RFC 7515, 5.1).
#[must_use]
pub fn encode(header: &str, claims: &str) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    )
}

pub(super) fn now_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is past 1970")
        .as_secs()
}
