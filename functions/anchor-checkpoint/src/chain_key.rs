use evm::SigningKey;
use serde::Deserialize;
use shared::{
    config::{SecretError, zeroizing},
    strict_json,
};
use zeroize::Zeroizing;

#[derive(Deserialize)]
struct Document {
    #[serde(deserialize_with = "zeroizing")]
    private_key: Zeroizing<String>,
}

/// The key of the account that anchors, from its secret: `{"private_key": "<64 hexadecimal digits>"}`.
pub(crate) fn parse(secret_json: &str) -> Result<SigningKey, SecretError> {
    strict_json::from_slice::<Document>(secret_json.as_bytes())
        .ok()
        .and_then(|document| SigningKey::from_hex(&document.private_key).ok())
        .ok_or(SecretError::Unusable(
            "the secret of the chain's account is not a private key",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let digits = "46".repeat(32);
        let key = parse(&format!(r#"{{"private_key":"{digits}"}}"#)).unwrap();
        assert_eq!(
            key.address().to_string(),
            "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
        );
        for bad in [
            "",
            "null",
            "{}",
            r#"{"private_key":""}"#,
            r#"{"private_key":7}"#,
            &format!(r#""{digits}""#),
            &format!(r#"["{digits}"]"#),
            &format!(r#"{{"private_key":"0x{digits}"}}"#),
            &format!(r#"{{"private_key":"{}"}}"#, "0".repeat(64)),
            &format!(r#"{{"private_key":"{digits}","private_key":"{digits}"}}"#),
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
