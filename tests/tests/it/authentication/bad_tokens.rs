//! Tokens that must not pass, each for a reason of its own.

use anyhow::Result;
use serde_json::{Value, json};
use tests::http::Request;
use tests::issuer::{Algorithm, Key, hs256, unsigned};
use tests::sample_data::PersonClient;

use super::bad_signatures::{bad_forms, bad_signatures, decoded};

/// An attempt to pass.
pub(super) struct Attempt {
    pub(super) what: String,
    /// The values of its `Authorization` headers.
    pub(super) authorization: Vec<String>,
    /// Whether only the key can tell that it is bad.
    pub(super) needs_key: bool,
}

impl Attempt {
    pub(super) fn on(&self, request: &Request) -> Request {
        let add = |request: Request, value: &String| request.header("authorization", value);
        self.authorization.iter().fold(request.clone(), add)
    }
}

/// All of them, as a person whose good tokens `signing` signs; `other` is published beside it.
pub(super) fn bad_tokens(
    person: &PersonClient<'_>,
    signing: &Key,
    other: &Key,
) -> Result<Vec<Attempt>> {
    let claims = person.claims();
    let mut all = headers_without_a_token(&signing.sign(&signing.header(), &claims));
    all.extend(bad_claims(signing, &claims).map(|(what, token)| screened(what, &token)));
    all.extend(bad_headers(signing, &claims).map(|(what, token)| screened(what, &token)));
    all.extend(bad_forms(signing, &claims).map(|(what, token)| screened(what, &token)));
    let stranger = Key::generate(Algorithm::Es256)?;
    all.extend(
        bad_signatures(signing, other, &stranger, &claims).map(|(what, token)| Attempt {
            needs_key: true,
            ..screened(what, &token)
        }),
    );
    Ok(all)
}

fn screened(what: impl Into<String>, token: &str) -> Attempt {
    Attempt {
        what: what.into(),
        authorization: vec![format!("Bearer {token}")],
        needs_key: false,
    }
}

/// The token is good, the header is not.
fn headers_without_a_token(good: &str) -> Vec<Attempt> {
    let bearer = format!("Bearer {good}");
    let attempt = |what: &str, authorization: &[String]| Attempt {
        what: what.to_owned(),
        authorization: authorization.to_vec(),
        needs_key: false,
    };
    vec![
        attempt("no token", &[]),
        attempt("two values", &[bearer.clone(), bearer.clone()]),
        attempt(
            "a good value and another",
            &[bearer.clone(), "Basic YTpi".to_owned()],
        ),
        attempt("no scheme", &[good.to_owned()]),
        attempt("Basic", &[format!("Basic {good}")]),
        attempt("Token", &[format!("Token {good}")]),
        attempt("a scheme that begins alike", &[format!("BearerX {good}")]),
        attempt("two spaces", &[format!("Bearer  {good}")]),
        attempt("a trailing word", &[format!("{bearer} x")]),
        attempt("nothing but the scheme", &["Bearer".to_owned()]),
        attempt("an empty token", &["Bearer ".to_owned()]),
        attempt("an empty header", &[String::new()]),
    ]
}

/// Signed by the right key.
fn bad_claims(key: &Key, good: &Value) -> impl Iterator<Item = (String, String)> {
    let now = good["iat"].as_i64().unwrap_or_default();
    let mut changes = vec![
        json!({ "iat": now - 3700, "exp": now - 100 }),
        json!({ "iat": now + 100, "exp": now + 200 }),
        json!({ "nbf": now + 100 }),
        json!({ "nbf": "soon" }),
        json!({ "exp": now + 3601 }),
        json!({ "exp": now }),
        json!({ "exp": (now + 600).to_string() }),
        json!({ "exp": 1e300 }),
        json!({ "iss": "https://elsewhere.example/auth/v1" }),
        json!({ "iss": format!("{}/", good["iss"].as_str().unwrap_or_default()) }),
        json!({ "iss": [good["iss"]] }),
        json!({ "aud": "another" }),
        json!({ "aud": ["another", "Authenticated"] }),
        json!({ "aud": [] }),
        json!({ "aud": [["authenticated"]] }),
        json!({ "role": "anon" }),
        json!({ "role": "service_role" }),
        json!({ "is_anonymous": true }),
        json!({ "is_anonymous": "false" }),
        json!({ "sub": "" }),
        json!({ "sub": "alice" }),
        json!({ "sub": good["sub"].as_str().unwrap_or_default().to_uppercase() }),
        json!({ "sub": 1 }),
        json!({ "session_id": "" }),
    ];
    for required in ["iss", "sub", "aud", "exp", "iat", "role", "session_id"] {
        changes.push(json!({ required: null }));
        changes.push(json!({ required: "ABSENT" }));
    }
    let texts = changes.into_iter().map(|change| {
        let mut claims = good.clone();
        for (name, value) in change.as_object().into_iter().flatten() {
            claims[name] = value.clone();
            if value == "ABSENT" {
                claims.as_object_mut().map(|members| members.remove(name));
            }
        }
        (change.to_string(), claims.to_string())
    });
    let text = good.to_string();
    let doubled = ["sub", "exp", "role", "email"].map(|name| {
        let doubled = text.replacen('{', &format!("{{\"{name}\":{},", good[name]), 1);
        (format!("{name} twice"), doubled)
    });
    let shapes =
        ["null", "[]", "\"text\"", "{", ""].map(|text| (format!("claims {text}"), text.to_owned()));
    let header = key.header().to_string();
    let signed = texts.chain(doubled).chain(shapes);
    signed
        .map(move |(what, claims)| (what, key.sign_text(&header, &claims)))
        .collect::<Vec<_>>()
        .into_iter()
}

/// Signed by the right key, or unsigned.
fn bad_headers(key: &Key, claims: &Value) -> impl Iterator<Item = (String, String)> {
    let jwk = key.public_jwk();
    let mut tokens: Vec<(String, String)> = ["none", "None", "NONE", "nOnE", ""]
        .map(|alg| {
            (
                format!("alg {alg}, unsigned"),
                unsigned(
                    &json!({ "alg": alg, "kid": key.kid(), "typ": "JWT" }),
                    claims,
                ),
            )
        })
        .to_vec();
    let x = jwk["x"].as_str().unwrap_or_default();
    let point = [
        vec![4],
        decoded(x),
        decoded(jwk["y"].as_str().unwrap_or_default()),
    ]
    .concat();
    for (name, secret) in [
        ("the JWK", jwk.to_string().into_bytes()),
        ("the point", point),
        ("x", x.as_bytes().to_vec()),
    ] {
        let header = json!({ "alg": "HS256", "kid": key.kid(), "typ": "JWT" });
        tokens.push((
            format!("HS256 keyed with {name}"),
            hs256(&secret, &header, claims),
        ));
    }
    let additions = [
        json!({ "alg": "HS256" }),
        json!({ "alg": "ES384" }),
        json!({ "alg": "es256" }),
        json!({ "alg": ["ES256"] }),
        json!({ "crit": ["exp"] }),
        json!({ "crit": [] }),
        json!({ "jku": "https://elsewhere.example/jwks.json" }),
        json!({ "jwk": jwk }),
        json!({ "x5u": "https://elsewhere.example/key.pem" }),
        json!({ "x5c": ["AAAA"] }),
        json!({ "b64": false, "crit": ["b64"] }),
        json!({ "zip": "DEF" }),
        json!({ "cty": "JWT" }),
        json!({ "typ": "at+jwt" }),
        json!({ "typ": null }),
        json!({ "kid": "" }),
        json!({ "kid": null }),
        json!({ "kid": 7 }),
    ];
    tokens.extend(additions.into_iter().map(|addition| {
        let mut header = key.header();
        for (name, value) in addition.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        (format!("header {addition}"), key.sign(&header, claims))
    }));
    let without_kid = json!({ "alg": key.alg(), "typ": "JWT" });
    tokens.push(("no kid".to_owned(), key.sign(&without_kid, claims)));
    let doubled = key
        .header()
        .to_string()
        .replacen('{', "{\"alg\":\"ES256\",", 1);
    tokens.push((
        "alg twice".to_owned(),
        key.sign_text(&doubled, &claims.to_string()),
    ));
    tokens.into_iter()
}
