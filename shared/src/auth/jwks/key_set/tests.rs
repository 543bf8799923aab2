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
                multiple_of(3),
                multiple_of(751),
                all_ones(2048),
                // A prime: 2^2203 - 1.
                all_ones(2203),
                roca_modulus(),
                ""
            ]),
        ),
        (ed_jwk("k"), "x", json!(weak_points())),
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
            private(&ec_jwk("p")),
        ),
        (
            vec![good(), with(rsa_jwk("p"), "d", Value::Null)],
            private(&rsa_jwk("p")),
        ),
        (
            vec![good(), with(json!({"kty": "AKP"}), "d", json!("AA"))],
            KeySetError::PrivateKey(Vec::new()),
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

/// Of so many bits, and not weak, as far as can be seen.
fn modulus(bits: usize) -> String {
    encoded(bits, |low| !weak::is_modulus_weak(low))
}

fn multiple_of(prime: u32) -> String {
    encoded(2048, |n| {
        n.iter()
            .fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime)
            == 0
    })
}

fn encoded(bits: usize, wanted: impl Fn(&[u8]) -> bool) -> String {
    let mut bytes = vec![0xab; bits.div_ceil(8)];
    bytes[0] = 0xff >> (bytes.len() * 8 - bits);
    let end = bytes.len() - 2;
    let low = (1..=u16::MAX).step_by(2).find(|low| {
        bytes[end..].copy_from_slice(&low.to_be_bytes());
        wanted(&bytes)
    });
    low.expect("one of them is");
    URL_SAFE_NO_PAD.encode(bytes)
}

fn all_ones(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] >>= bytes.len() * 8 - bits;
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Of two primes k * M + 65537^a mod M, where M is the product of the primes to 167: as the library of
/// CVE-2017-15361 made them.
fn roca_modulus() -> String {
    include_str!("roca_modulus.txt")
        .split_whitespace()
        .collect()
}

/// The canonical and other encodings of the points of small order, and y beyond the field.
fn weak_points() -> Vec<String> {
    let (mut zero, mut one, mut minus_one, mut prime) = ([0; 32], [0; 32], [0xff; 32], [0xff; 32]);
    one[0] = 1;
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    (prime[0], prime[31]) = (0xed, 0x7f);
    let mut prime_plus_one = prime;
    prime_plus_one[0] = 0xee;
    let order_8 = [
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
    ]
    .map(|point| coordinate(point).unwrap());
    let mut points = vec![
        one,
        minus_one,
        prime,
        prime_plus_one,
        order_8[0],
        order_8[1],
    ];
    zero[31] = 0;
    points.push(zero);
    let negative = points.clone().into_iter().map(|mut point| {
        point[31] |= 0x80;
        point
    });
    points.extend(negative.collect::<Vec<_>>());
    points
        .iter()
        .map(|point| URL_SAFE_NO_PAD.encode(point))
        .collect()
}

fn private(jwk: &Value) -> KeySetError {
    let jwk: Jwk = serde_json::from_value(jwk.clone()).unwrap();
    KeySetError::PrivateKey(vec![jwk.thumbprint().unwrap()])
}

#[test]
fn every_private_member_betrays_its_key() {
    for (jwk, names) in [
        (ec_jwk("p"), &["d"][..]),
        (ed_jwk("p"), &["d"]),
        (rsa_jwk("p"), &["d", "p", "q", "dp", "dq", "qi", "oth"]),
    ] {
        for name in names {
            let keys = [ec_jwk("good"), with(jwk.clone(), name, json!("AA"))];
            assert_eq!(parse(&keys).unwrap_err(), private(&jwk), "{name}");
        }
    }
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    for (jwk, expected) in [
        // RFC 8037, A.3; RFC 7638, 3.1 has a key of its own.
        (ed_jwk("k"), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        (
            with(
                rsa_jwk("k"),
                "n",
                json!(
                    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKR\
                     XjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAt\
                     aSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPk\
                     sINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
                ),
            ),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        ),
    ] {
        let jwk: Jwk = serde_json::from_value(jwk).unwrap();
        assert_eq!(jwk.thumbprint().unwrap(), expected.parse().unwrap());
    }
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
