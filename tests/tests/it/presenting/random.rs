//! Random tokens, beyond those of the tables.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::issuer::Key;

use crate::random::Random;

const NAMES: [&str; 15] = [
    "iss",
    "aud",
    "sub",
    "exp",
    "iat",
    "nbf",
    "role",
    "session_id",
    "is_anonymous",
    "client_id",
    "alg",
    "kid",
    "typ",
    "email",
    "x",
];

/// A token of one of these keys, undamaged or damaged in one or several ways.
pub(super) fn token(random: &mut Random, keys: &[Arc<Key>], good: &Value) -> String {
    let (key, named) = (random.pick(keys), random.pick(keys));
    // Mostly the header that belongs to the key.
    let named = if random.chance(8) { named } else { key };
    let header = altered(random, named.header(), good, 6);
    let claims = altered(random, good.clone(), good, 2);
    let (header, claims) = (spelt(random, &header, 12), spelt(random, &claims, 6));
    let token = key.sign_text(&header, &claims);
    if random.chance(3) {
        damaged(random, &token)
    } else {
        token
    }
}

fn altered(random: &mut Random, mut object: Value, good: &Value, one_in: usize) -> Value {
    while random.chance(one_in) {
        let name = *random.pick(&NAMES);
        if random.chance(4) {
            object.as_object_mut().map(|members| members.remove(name));
        } else {
            object[name] = value(random, good);
        }
    }
    object
}

/// Random claims of every type. Instants are well away from the moment at which a verdict changes.
fn value(random: &mut Random, good: &Value) -> Value {
    let now = good["iat"].as_i64().unwrap_or_default();
    let instants = [-7200, -3590, -600, -60, -1, 60, 600, 3000, 3600, 7200];
    match random.below(16) {
        0 => Value::Null,
        1 => json!(random.chance(2)),
        2..6 => json!(now + random.pick(&instants)),
        6 => json!(*random.pick(&[0, 1, -1, i64::MIN, i64::MAX, 999_999_999_999_999_999])),
        7 => json!(*random.pick(&[0.5, -0.0, 1e300, 1.8e9, 1.844_674_407_370_955_2e19])),
        8 => json!((now + 600).to_string()),
        9 => json!(random.unicode(0, 20)),
        10 => json!(random.text_of("abc-_.é🙂", 0, 300)),
        11 => json!([
            good["aud"],
            random.pick(&[json!("x"), json!(1), Value::Null])
        ]),
        12 => json!([[]]),
        13 => json!({ "": { "a": [1, { "b": null }] } }),
        14 => json!(*random.pick(&[
            "authenticated",
            "ES256",
            "RS256",
            "EdDSA",
            "none",
            "jwt",
            "JWT",
            ""
        ])),
        _ => good[*random.pick(&NAMES)].clone(),
    }
}

/// JSON as another serializer, or an attacker, would write it.
fn spelt(random: &mut Random, object: &Value, one_in: usize) -> String {
    let text = object.to_string();
    if !random.chance(one_in) {
        return text;
    }
    let name = *random.pick(&NAMES);
    match random.below(12) {
        0 => text.replace(',', " ,\r\n\t"),
        1 => text.replacen('{', &format!("{{\"{name}\":1,"), 1),
        2 => text.replacen('{', "{\"x\":{\"y\":[{\"a\":1,\"a\":2}]},", 1),
        3 => text.replace("\"sub\"", "\"\\u0073ub\""),
        4 => text.replacen('{', "{\"s\\u0075b\":\"x\",", 1),
        5 => text.replacen('{', "{\"\\u0000\":1,", 1),
        6 => text.replacen('{', "{\"x\":\"\\ud800\",", 1),
        7 => text.replacen('{', "{\"x\":\"\\ud83d\\ude00\\/\\b\",", 1),
        8 => format!("\u{feff}{text}"),
        9 => format!(
            "{text}{}",
            random.pick(&[" ", "\n", "x", "{}", "\u{0}", "\u{b}"])
        ),
        10 => text.replacen('{', "{\"x\":1E+2,\"y\":-0,\"z\":0.10,", 1),
        _ => text.replace(':', random.pick::<&str>(&[": ", "::", ":+", ":0"])),
    }
}

fn damaged(random: &mut Random, token: &str) -> String {
    let at = random.below(token.len());
    match random.below(6) {
        0 => token[..at].to_owned(),
        1 => format!("{token}{}", random.pick(&["=", ".", "A", " ", "\n", "é"])),
        2 => format!("{}{}", &token[..at], &token[at + 1..]),
        3 => token.replacen(
            '.',
            random.pick::<&str>(&["", "..", "=.", "A."]),
            1 + at % 2,
        ),
        4 => resigned(random, token),
        _ => flipped(token, at, random.below(7)),
    }
}

/// Another signature of the right length; some are those that careless verifiers accept.
fn resigned(random: &mut Random, token: &str) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap_or_default();
    let octets = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let (half, length) = (octets.len() / 2, octets.len());
    let signature = match random.below(5) {
        0 => vec![0; length],
        1 => vec![0xff; length],
        2 => [&octets[half..], &octets[..half]].concat(),
        3 => [&octets[..half], &vec![0; length - half]].concat(),
        _ => octets[..half].to_vec(),
    };
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Changes one bit of one character. The result is a character other than U+0000, which PostgreSQL cannot store.
pub(super) fn flipped(token: &str, at: usize, bit: usize) -> String {
    let mut octets = token.as_bytes().to_vec();
    octets[at] ^= 1 << bit;
    if octets[at] == 0 {
        octets[at] = b'=';
    }
    String::from_utf8(octets).unwrap_or_else(|_| format!("{token}="))
}
