//! What is computed without a network, each beside the bare call of ring that it cannot do without.
//!
//! `cargo bench -p shared`, or `cargo xtask bench pure` for the ratios.

#![allow(missing_docs, reason = "the names say it")]

use std::sync::LazyLock;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use divan::{Bencher, black_box};
use http::HeaderMap;
use ring::{
    digest, hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use serde_json::{Value, json};
use shared::{
    auth::{
        jwks::KeySet,
        jwt::Policy,
        webhook::{self, Delivery, KeyRing},
    },
    commitment::{Actor, ClientKey, Request},
};
use time::OffsetDateTime;

fn main() {
    divan::main();
}

const ISSUER: &str = "https://project.supabase.co/auth/v1";
const NOW: i64 = 1_800_000_000;
const SUB: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).expect("a time of this century")
}

// -- Tokens: screening, finding the key, the signature.

struct Token {
    text: String,
    keys: KeySet,
    public_key: Vec<u8>,
    algorithm: &'static dyn VerificationAlgorithm,
}

impl Token {
    fn new(
        name: &str,
        jwk: &Value,
        public_key: Vec<u8>,
        algorithm: &'static dyn VerificationAlgorithm,
        sign: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Self {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(&json!({"alg": name, "kid": "k", "typ": "JWT"}));
        let message = format!("{header}.{}", part(&claims()));
        let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
        let set = json!({"keys": [jwk]}).to_string();
        Self {
            text: format!("{message}.{signature}"),
            keys: KeySet::parse(set.as_bytes()).expect("a key set"),
            public_key,
            algorithm,
        }
    }

    fn verify(&self, bencher: Bencher<'_, '_>) {
        let policy = Policy::new(ISSUER.to_owned(), "authenticated".to_owned());
        bencher.bench_local(|| {
            let screened = policy
                .screen(black_box(&self.text), now())
                .expect("good claims");
            screened.verify(&self.keys).expect("a good signature")
        });
    }

    fn verify_bare(&self, bencher: Bencher<'_, '_>) {
        let (message, signature) = self.text.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let key = UnparsedPublicKey::new(self.algorithm, &self.public_key);
        bencher.bench_local(|| {
            key.verify(black_box(message.as_bytes()), black_box(&signature))
                .expect("a good signature");
        });
    }
}

/// As Supabase Auth issues them.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "authenticated", "sub": SUB, "iat": NOW - 60, "exp": NOW + 3540,
        "role": "authenticated", "aal": "aal1", "amr": [{"method": "password", "timestamp": NOW - 60}],
        "session_id": "b1a7c0de-0000-4000-8000-000000000000", "email": "alice@example.com", "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]}, "user_metadata": {}, "is_anonymous": false,
    })
}

static ES256: LazyLock<Token> = LazyLock::new(|| {
    let random = SystemRandom::new();
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
        .expect("a key");
    let point = pair.public_key().as_ref().to_vec();
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig",
        "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
    });
    Token::new("ES256", &jwk, point, &ECDSA_P256_SHA256_FIXED, |message| {
        pair.sign(&random, message)
            .expect("a signature")
            .as_ref()
            .to_vec()
    })
});

static EDDSA: LazyLock<Token> = LazyLock::new(|| {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key");
    let point = pair.public_key().as_ref().to_vec();
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "use": "sig", "x": URL_SAFE_NO_PAD.encode(&point),
    });
    Token::new("EdDSA", &jwk, point, &ED25519, |message| {
        pair.sign(message).as_ref().to_vec()
    })
});

#[divan::bench]
fn jwt_es256(bencher: Bencher<'_, '_>) {
    ES256.verify(bencher);
}

#[divan::bench]
fn ring_es256(bencher: Bencher<'_, '_>) {
    ES256.verify_bare(bencher);
}

#[divan::bench]
fn jwt_eddsa(bencher: Bencher<'_, '_>) {
    EDDSA.verify(bencher);
}

#[divan::bench]
fn ring_eddsa(bencher: Bencher<'_, '_>) {
    EDDSA.verify_bare(bencher);
}

// -- Webhooks.

const SECRET: [u8; 32] = [7; 32];
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

fn message(body: &str) -> Vec<u8> {
    format!("{ID}.{NOW}.{body}").into_bytes()
}

/// As long as an escrow agent's.
fn webhook_body() -> String {
    json!({
        "id": ID, "type": "escrow.funded", "occurred_at": "2027-01-15T08:00:00Z",
        "data": {
            "settlement_id": "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10",
            "facility_id": "b84d3f10-5c2e-4e9a-8f67-1a0d9c3b7e52",
            "amount_minor": "250000000",
            "currency": "USD",
        },
    })
    .to_string()
}

#[divan::bench]
fn webhook_standard(bencher: Bencher<'_, '_>) {
    let secret = format!("whsec_{}", STANDARD.encode(SECRET));
    let ring =
        json!({"agents": {"escrow-one": {"scheme": "standard-webhooks", "secrets": [secret]}}});
    let ring = KeyRing::parse(&ring.to_string()).expect("a key ring");
    let body = webhook_body();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &SECRET), &message(&body));
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", ID.to_owned()),
        ("webhook-timestamp", NOW.to_string()),
        (
            "webhook-signature",
            format!("v1,{}", STANDARD.encode(tag.as_ref())),
        ),
    ] {
        headers.insert(name, value.parse().expect("a header"));
    }
    bencher.bench_local(|| {
        let delivery = Delivery {
            agent: "escrow-one",
            headers: black_box(&headers),
            body: black_box(body.as_bytes()),
        };
        webhook::verify(&ring, &delivery, now()).expect("a good signature")
    });
}

/// What the scheme itself asks for: one key, one message, one comparison.
#[divan::bench]
fn ring_hmac(bencher: Bencher<'_, '_>) {
    let message = message(&webhook_body());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &SECRET), &message);
    bencher.bench_local(|| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, black_box(&SECRET));
        hmac::verify(&key, black_box(&message), black_box(tag.as_ref())).expect("a good tag");
    });
}

// -- Keys and fingerprints.

fn request(actor: &Actor) -> Request<'_> {
    Request {
        actor,
        operation: "verify-settlement",
        resource: "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10",
    }
}

fn actor() -> Actor {
    Actor::Human(SUB.parse().expect("a subject"))
}

#[divan::bench]
fn idempotency_key(bencher: Bencher<'_, '_>) {
    let actor = actor();
    let key: ClientKey = "3f1a9c52-retry-0001".parse().expect("a key");
    bencher.bench_local(|| request(black_box(&actor)).commitment_id(black_box(&key)));
}

/// The same number of bytes at once, the tag's hash included: two calls.
#[divan::bench]
fn ring_sha256_key(bencher: Bencher<'_, '_>) {
    let tag = [0; "optkas/idempotency-key/v1".len()];
    let lengths = [
        "human",
        SUB,
        "verify-settlement",
        SUB,
        "3f1a9c52-retry-0001",
    ]
    .map(str::len);
    let bytes = vec![0; 64 + lengths.iter().map(|length| 8 + length).sum::<usize>()];
    bencher.bench_local(|| bare(black_box(&tag), black_box(&bytes)));
}

#[divan::bench]
fn fingerprint_4_kb(bencher: Bencher<'_, '_>) {
    let (actor, body) = (actor(), vec![b'x'; 4_096]);
    bencher.bench_local(|| request(black_box(&actor)).fingerprint(black_box(&body)));
}

#[divan::bench]
fn ring_sha256_4_kb(bencher: Bencher<'_, '_>) {
    let tag = [0; "optkas/request-fingerprint/v1".len()];
    let lengths = ["verify-settlement".len(), SUB.len(), 4_096];
    let bytes = vec![0; 64 + lengths.iter().map(|length| 8 + length).sum::<usize>()];
    bencher.bench_local(|| bare(black_box(&tag), black_box(&bytes)));
}

fn bare(tag: &[u8], bytes: &[u8]) -> (digest::Digest, digest::Digest) {
    (
        digest::digest(&digest::SHA256, tag),
        digest::digest(&digest::SHA256, bytes),
    )
}
