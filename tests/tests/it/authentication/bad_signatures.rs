//! Tokens that say the right things, and are spelled or signed wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::issuer::{Key, encode};
use uuid::Uuid;

/// Good tokens in another spelling.
pub(super) fn bad_forms(key: &Key, claims: &Value) -> impl Iterator<Item = (String, String)> {
    let good = key.sign(&key.header(), claims);
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        unreachable!("a token has three parts")
    };
    let mut long = claims.clone();
    long["padding"] = json!("x".repeat(9_000));
    let last = signature.len() - 1;
    [
        ("no signature", format!("{header}.{payload}")),
        ("an empty signature", format!("{header}.{payload}.")),
        (
            "a short signature",
            format!("{header}.{payload}.{}", &signature[..40]),
        ),
        ("a fourth part", format!("{good}.AAAA")),
        ("a dot before it", format!(".{good}")),
        ("padding", format!("{good}==")),
        (
            "stray bits",
            format!(
                "{header}.{payload}.{}{}",
                &signature[..last],
                stray(&signature[last..])
            ),
        ),
        ("the other alphabet", good.replace(['-', '_'], "+")),
        (
            "a space within",
            format!("{header}.{payload}.{} {}", &signature[..9], &signature[9..]),
        ),
        ("no base64 at all", "a.b.c".to_owned()),
        ("over 8 KiB", key.sign(&key.header(), &long)),
    ]
    .into_iter()
    // Without such a letter by chance, the other alphabet is the same token.
    .filter(move |(_, token)| *token != good)
    .map(|(what, token)| (what.to_owned(), token))
    .collect::<Vec<_>>()
    .into_iter()
}

/// These differ from good tokens by their key alone.
pub(super) fn bad_signatures(
    key: &Key,
    other: &Key,
    stranger: &Key,
    claims: &Value,
) -> impl Iterator<Item = (String, String)> {
    let good = key.sign(&key.header(), claims);
    let (input, signature) = good.rsplit_once('.').unwrap_or_default();
    let mut somebody = claims.clone();
    somebody["sub"] = json!(Uuid::new_v4().to_string());
    let mut tampered = decoded(signature);
    tampered[10] ^= 1;
    let named = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid, "typ": "JWT" });
    [
        (
            "a tampered payload",
            format!(
                "{}.{signature}",
                encode(&key.header().to_string(), &somebody.to_string())
            ),
        ),
        (
            "a tampered signature",
            format!("{input}.{}", URL_SAFE_NO_PAD.encode(tampered)),
        ),
        (
            "a zero signature",
            format!("{input}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        ),
        ("an unknown kid", stranger.sign(&stranger.header(), claims)),
        (
            "a stranger's signature under the kid",
            stranger.sign(&key.header(), claims),
        ),
        (
            "the kid of another algorithm",
            key.sign(&named(key.alg(), other.kid()), claims),
        ),
        (
            "the algorithm of another kid",
            key.sign(&named(other.alg(), key.kid()), claims),
        ),
        (
            "another kid's signature",
            other.sign(&named(other.alg(), key.kid()), claims),
        ),
    ]
    .map(|(what, token)| (what.to_owned(), token))
    .into_iter()
}

pub(super) fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
}

/// 64 bytes leave four bits of the last character unused: another character says the same bytes.
fn stray(last: &str) -> char {
    match last {
        "A" => 'B',
        "Q" => 'R',
        "g" => 'h',
        _ => 'x',
    }
}
