//! Keys for tests, published ones and fresh ones that can sign, and what a good token says.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};

pub(super) const ISSUER: &str = "https://project.supabase.co/auth/v1";
pub(super) const SUB: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
pub(super) const NOW: i64 = 1_800_000_000;

/// RFC 7515, A.3.1.
pub(super) fn ec_jwk(kid: &str) -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "use": "sig", "key_ops": ["verify"],
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

/// RFC 8037, A.2.
pub(super) fn ed_jwk(kid: &str) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": "EdDSA", "use": "sig", "key_ops": ["verify"],
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })
}

/// RFC 7515, A.2.1.
pub(super) fn rsa_jwk(kid: &str) -> Value {
    json!({
        "kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "key_ops": ["verify"], "e": "AQAB",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-\
              SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-\
              UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2et\
              hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    })
}

pub(super) fn header(alg: &str) -> Value {
    json!({"alg": alg, "kid": "k", "typ": "JWT"})
}

/// As Supabase Auth issues them.
pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "authenticated", "sub": SUB, "iat": NOW - 60, "exp": NOW + 3540,
        "role": "authenticated", "aal": "aal1", "amr": [{"method": "password", "timestamp": NOW - 60}],
        "session_id": "b1a7c0de-0000-4000-8000-000000000000", "email": "alice@example.com", "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]}, "user_metadata": {}, "is_anonymous": false,
    })
}

/// An issuer's key.
pub(super) enum Signer {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Signer {
    pub(super) fn es256() -> Self {
        let (rng, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(kind, &rng).unwrap();
        Self::Es256(EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &rng).unwrap())
    }

    pub(super) fn eddsa() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::EdDsa(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    pub(super) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": encode(x), "y": encode(y)})
            }
            Self::EdDsa(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encode(pair.public_key().as_ref())})
            }
        }
    }

    /// Texts and not values, so that a test can write what no serializer would.
    pub(super) fn token(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = match self {
            Self::Es256(pair) => {
                encode(pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap())
            }
            Self::EdDsa(pair) => encode(pair.sign(message.as_bytes())),
        };
        format!("{message}.{signature}")
    }
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
