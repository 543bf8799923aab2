use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use shared::{
    config::{SecretError, zeroizing},
    strict_json,
};
use tlog::note::SigningKey;
use zeroize::Zeroizing;

const UNUSABLE: SecretError =
    SecretError::Unusable("the secret of the log's key is not a key of this log");

/// Parses the key that checkpoints of the log with this origin are signed with: `{"name", "seed"}`.
///
/// The name is the origin: another log's key is refused. The seed is an Ed25519 private key (RFC 8032), 32 bytes
/// in base64.
pub(crate) fn parse(secret_json: &str, origin: &str) -> Result<SigningKey, SecretError> {
    let document: Document =
        strict_json::from_slice(secret_json.as_bytes()).map_err(|_| UNUSABLE)?;
    let seed = STANDARD
        .decode(document.seed.as_bytes())
        .map(Zeroizing::new);
    seed.ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok())
        .map(Zeroizing::new)
        .filter(|_| document.name == origin)
        .and_then(|seed| SigningKey::from_seed(origin, &seed).ok())
        .ok_or(UNUSABLE)
}

#[derive(Deserialize)]
struct Document {
    name: String,
    #[serde(deserialize_with = "zeroizing")]
    seed: Zeroizing<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_keys() {
        let parse = |secret: &str| parse(secret, "optkas.example/log");
        let seed = STANDARD.encode([7; 32]);
        let secret = format!(r#"{{"name":"optkas.example/log","seed":"{seed}"}}"#);
        let key = parse(&secret).unwrap();
        assert_eq!(key.verifier_key().name(), "optkas.example/log");
        assert!(!format!("{key:?}").contains("BwcH"), "{key:?}");
        for bad in [
            "",
            "{}",
            r#"{"name":"optkas.example/log","seed":""}"#,
            r#"{"name":"optkas.example/log","seed":"BwcH"}"#,
            &secret.replace(&seed, &STANDARD.encode([7; 33])),
            &secret.replace("BwcH", "Bw!H"),
            &secret.replace("example/log", "example/other"),
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
