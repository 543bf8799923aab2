use serde_json::{Value, json};

use super::*;
use crate::auth::fixtures::{ec_jwk, ed_jwk, rsa_jwk};

#[test]
fn the_three_kinds_of_keys_are_found_for_their_algorithm_alone() {
    for (jwk, algorithm) in [
        (ec_jwk("k"), Algorithm::ES256),
        (ed_jwk("k"), Algorithm::EdDSA),
        (rsa_jwk("k"), Algorithm::RS256),
    ] {
        let keys = parse(&[jwk]).unwrap();
        for other in [
            Algorithm::ES256,
            Algorithm::EdDSA,
            Algorithm::RS256,
            Algorithm::HS256,
        ] {
            assert_eq!(keys.find("k", other).is_some(), other == algorithm);
        }
        assert!(keys.find("K", algorithm).is_none());
    }
}

#[test]
fn what_is_optional_may_be_absent() {
    for jwk in [ec_jwk("k"), ed_jwk("k"), rsa_jwk("k")] {
        let bare = ["alg", "use", "key_ops"]
            .iter()
            .fold(jwk, |jwk, name| without(jwk, name));
        assert!(parse(&[bare]).unwrap().has("k"));
    }
}

#[test]
fn keys_that_are_not_for_us_are_left_out() {
    let short = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let long = format!("{short}AAA");
    for (jwk, name, values) in [
        (ec_jwk("k"), "kty", json!(["OKP", "RSA", "ec", ""])),
        (ec_jwk("k"), "crv", json!(["P-384", "secp256k1", "Ed25519"])),
        (
            ec_jwk("k"),
            "alg",
            json!(["ES384", "RS256", "HS256", "EdDSA", "none", ""]),
        ),
        (ec_jwk("k"), "use", json!(["enc", ""])),
        (ec_jwk("k"), "key_ops", json!([[], ["sign"]])),
        (ec_jwk("k"), "kid", json!([""])),
        (ec_jwk("k"), "x", json!([short, long, ""])),
        (ec_jwk("k"), "y", json!([short, long, ""])),
        (ed_jwk("k"), "crv", json!(["X25519", "Ed448", "P-256"])),
        (ed_jwk("k"), "alg", json!(["ES256", "Ed448"])),
        (ed_jwk("k"), "x", json!([short, long, ""])),
        (ed_jwk("k"), "y", json!(["AA"])),
        (rsa_jwk("k"), "alg", json!(["PS256", "RS512", "RSA-OAEP"])),
        (rsa_jwk("k"), "crv", json!(["P-256"])),
        // 3; even; empty; with a leading zero; 2^32 + 1; over 64 bits.
        (
            rsa_jwk("k"),
            "e",
            json!(["Aw", "AQAC", "", "AAEAAQ", "AQAAAAE", "AQAAAAAAAAAAAQ"]),
        ),
        (
            rsa_jwk("k"),
            "n",
            json!([
                modulus(1024),
                modulus(2047),
                modulus(4097),
                modulus(4104),
                even_modulus(),
                ""
            ]),
        ),
    ] {
        for value in values.as_array().unwrap() {
            let keys = parse(&[with(jwk.clone(), name, value.clone())]).unwrap();
            assert!(!keys.has("k"), "{name} = {value}");
        }
    }
    for (jwk, members) in [
        (ec_jwk("k"), &["kid", "crv", "x", "y"][..]),
        (ed_jwk("k"), &["crv", "x"]),
        (rsa_jwk("k"), &["n", "e"]),
    ] {
        for name in members {
            let keys = parse(&[without(jwk.clone(), name)]).unwrap();
            assert!(!keys.has("k"), "without {name}");
        }
    }
}

#[test]
fn the_limits_are_within() {
    for (name, value) in [
        ("n", modulus(2048)),
        ("n", modulus(4096)),
        // 2^32 - 1.
        ("e", "_____w".to_owned()),
    ] {
        let keys = parse(&[with(rsa_jwk("k"), name, json!(value))]).unwrap();
        assert!(keys.has("k"), "{name} = {value}");
    }
    for (length, usable) in [(1, true), (255, true), (256, false)] {
        let keys = parse(&[ec_jwk(&"é".repeat(length))]).unwrap();
        assert_eq!(!keys.is_empty(), usable, "a kid of {length}");
    }
}

#[test]
fn a_usable_key_says_what_to_register() {
    let keys = parse(&[
        ec_jwk("a"),
        with(ec_jwk("b"), "use", json!("enc")),
        ed_jwk("c"),
        rsa_jwk("d"),
    ]);
    let keys = keys.unwrap();
    let told: Vec<_> = keys
        .iter()
        .map(|key| {
            let members: Vec<_> = key
                .members()
                .map(|(name, octets)| (name, octets.len()))
                .collect();
            (key.kid(), key.algorithm(), members)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("a", "ES256", vec![("x", 32), ("y", 32)]),
            ("c", "EdDSA", vec![("x", 32)]),
            ("d", "RS256", vec![("n", 256), ("e", 3)]),
        ]
    );
}

#[test]
fn base64url_is_canonical() {
    let x = ec_jwk("k")["x"].as_str().unwrap().to_owned();
    for bad in [
        format!("{x}="),
        format!(" {x}"),
        format!("{x}\n"),
        format!("{}+", &x[1..]),
        stray_bit(&x),
    ] {
        assert!(
            !parse(&[with(ec_jwk("k"), "x", json!(bad))])
                .unwrap()
                .has("k"),
            "{bad:?}"
        );
    }
}

#[test]
fn sets_that_are_refused_whole() {
    let good = || ec_jwk("good");
    let symmetric = json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": "c2VjcmV0"});
    for (keys, expected) in [
        (vec![good(), symmetric], KeySetError::SymmetricKey),
        (
            vec![good(), json!({"kty": "oct"})],
            KeySetError::SymmetricKey,
        ),
        (
            vec![good(), with(ec_jwk("s"), "k", json!("AA"))],
            KeySetError::SymmetricKey,
        ),
        (
            vec![good(), with(ec_jwk("p"), "d", json!("AA"))],
            KeySetError::PrivateKey,
        ),
        (
            vec![good(), with(rsa_jwk("p"), "d", Value::Null)],
            KeySetError::PrivateKey,
        ),
        (vec![good(), good()], KeySetError::DuplicateKid),
        (
            vec![good(), with(rsa_jwk("good"), "use", json!("enc"))],
            KeySetError::DuplicateKid,
        ),
        (
            vec![good(), without(ec_jwk("x"), "kty")],
            KeySetError::Malformed,
        ),
        (vec![good(), json!("x")], KeySetError::Malformed),
        (
            vec![good(), json!(["EC", "k", "ES256"])],
            KeySetError::Malformed,
        ),
        (vec![with(good(), "kid", json!(1))], KeySetError::Malformed),
        (
            vec![with(good(), "use", Value::Null)],
            KeySetError::Malformed,
        ),
    ] {
        assert_eq!(parse(&keys).unwrap_err(), expected, "{keys:?}");
    }
    for document in [
        "",
        "[]",
        "{}",
        r#"{"keys":null}"#,
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[]} x"#,
    ] {
        assert_eq!(
            KeySet::parse(document.as_bytes()).unwrap_err(),
            KeySetError::Malformed,
            "{document}"
        );
    }
}

#[test]
fn a_set_may_be_empty_and_may_say_more() {
    assert!(!KeySet::parse(br#"{"keys":[],"x":1}"#).unwrap().has("k"));
    assert!(
        parse(&[
            with(ec_jwk("k"), "ext", json!(true)),
            json!({"kty": "AKP", "pub": "x"})
        ])
        .unwrap()
        .has("k")
    );
}

fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

fn without(mut jwk: Value, name: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] >>= bytes.len() * 8 - bits;
    URL_SAFE_NO_PAD.encode(bytes)
}

fn even_modulus() -> String {
    let mut bytes = vec![0xff; 256];
    bytes[255] = 0xfe;
    URL_SAFE_NO_PAD.encode(bytes)
}

/// 43 characters hold 258 bits; the last two must be zero.
fn stray_bit(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = text.split_at(text.len() - 1);
    let index = ALPHABET
        .iter()
        .position(|&c| c == last.as_bytes()[0])
        .unwrap();
    format!("{start}{}", ALPHABET[index + 1] as char)
}
