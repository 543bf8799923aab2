use http::HeaderValue;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{TokenError as E, *};
use crate::auth::fixtures::{ISSUER, NOW, SUB, Signer, claims, encode, header, rsa_jwk};

#[test]
fn good_tokens() {
    for (signer, alg) in [(Signer::es256(), "ES256"), (Signer::eddsa(), "EdDSA")] {
        let human = verify(
            &signer,
            &signer.token(&header(alg).to_string(), &claims().to_string()),
        )
        .unwrap();
        assert_eq!(human.sub().to_string(), SUB);
    }
    let signer = Signer::es256();
    for (name, value) in [
        ("aud", json!(["authenticated"])),
        ("aud", json!(["other", "authenticated"])),
        ("is_anonymous", json!(false)),
        ("nbf", json!(NOW + LEEWAY_SECONDS)),
        ("iat", json!(NOW + LEEWAY_SECONDS)),
        ("exp", json!(NOW - LEEWAY_SECONDS + 1)),
        ("unknown", json!({"anything": [1, null]})),
    ] {
        let token = signer.token(
            &header("ES256").to_string(),
            &with(claims(), name, value.clone()).to_string(),
        );
        assert!(verify(&signer, &token).is_ok(), "{name}: {value}");
    }
    for good in [
        r#"{"alg":"ES256","kid":"k"}"#,
        r#"{"kid":"k","typ":"jwt","alg":"ES256"}"#,
    ] {
        assert!(
            verify(&signer, &signer.token(good, &claims().to_string())).is_ok(),
            "{good}"
        );
    }
}

#[test]
fn bad_headers() {
    for (name, values, expected) in [
        (
            "alg",
            json!([
                "none", "None", "", "es256", "HS256", "ES384", "PS256", "RS512"
            ]),
            E::Algorithm,
        ),
        ("alg", json!([["ES256"], null, 1]), E::Header),
        ("kid", json!([""]), E::KeyId),
        ("client_id", json!(["x"]), E::Header),
        ("kid", json!(["other", "K", "k "]), E::UnknownKey),
        ("kid", json!(["k\0", null, 1]), E::Header),
        ("typ", json!(["at+jwt", ""]), E::Type),
        ("typ", json!([null, 1]), E::Header),
        ("crit", json!([[], ["exp"], ["b64"]]), E::Header),
        ("b64", json!([true, false]), E::Header),
        ("zip", json!(["DEF"]), E::Header),
        ("jku", json!(["https://attacker.example"]), E::Header),
        ("jwk", json!([{}, null]), E::Header),
        ("x5u", json!(["https://attacker.example"]), E::Header),
        ("x5c", json!([[], ["AA"]]), E::Header),
        ("x5t", json!(["AA"]), E::Header),
        ("cty", json!(["JWT"]), E::Header),
    ] {
        for value in values.as_array().unwrap() {
            let header = with(header("ES256"), name, value.clone());
            assert_refused(&header.to_string(), &claims().to_string(), expected);
        }
    }
    for header in [
        r#"{"kid":"k"}"#,
        r#"{"alg":"none","alg":"ES256","kid":"k"}"#,
        r#"{"alg":"ES256","kid":"k","\u006bid":"k"}"#,
        r#"{"alg":"ES256","kid":"k"}{}"#,
        r#"["ES256","k","JWT"]"#,
        r#""ES256""#,
        "",
    ] {
        assert_refused(header, &claims().to_string(), E::Header);
    }
}

/// The likeliest mistakes have a cause of their own in the log.
#[test]
fn a_legacy_token_is_named() {
    for (header, expected) in [
        (r#"{"alg":"HS256","typ":"JWT"}"#, E::Algorithm),
        (r#"{"alg":"ES256","typ":"JWT"}"#, E::KeyId),
    ] {
        assert_refused(header, &claims().to_string(), expected);
    }
}

#[test]
fn an_application_acts_only_if_it_is_named() {
    let policy = policy().with_client_ids(vec!["9a1a1b7e".to_owned()]);
    let signer = Signer::es256();
    for (client_id, expected) in [("9a1a1b7e", None), ("9a1a1b7f", Some(E::Client))] {
        let claims = with(claims(), "client_id", json!(client_id));
        let token = signer.token(&header("ES256").to_string(), &claims.to_string());
        assert_eq!(policy.screen(&token, now()).err(), expected, "{client_id}");
    }
}

#[test]
fn bad_claims() {
    let too_early = NOW + LEEWAY_SECONDS + 1;
    for (name, values, expected) in [
        (
            "iss",
            json!(["https://attacker.example", format!("{ISSUER}/"), ""]),
            E::Issuer,
        ),
        ("iss", json!([[ISSUER], 1]), E::Claims),
        (
            "aud",
            json!(["anon", "", [], ["anon"], [""], "authenticated "]),
            E::Audience,
        ),
        (
            "aud",
            json!([["authenticated", 1], {"authenticated": true}, 1]),
            E::Claims,
        ),
        (
            "sub",
            json!(["", "alice", SUB.to_uppercase(), SUB.replace('-', "")]),
            E::Subject,
        ),
        ("sub", json!([1, [SUB]]), E::Claims),
        ("exp", json!([NOW - LEEWAY_SECONDS]), E::Expired),
        (
            "exp",
            json!([NOW - 60, NOW - 60 + 3601, 0, -1, i64::MAX]),
            E::Lifetime,
        ),
        (
            "exp",
            json!([u64::MAX, 1.8e9, 1e300, "1800000060", true]),
            E::Claims,
        ),
        ("iat", json!([too_early]), E::NotYetValid),
        (
            "iat",
            json!([NOW + 3540, 0, i64::MIN, i64::MAX]),
            E::Lifetime,
        ),
        ("iat", json!(["0", 0.5]), E::Claims),
        ("nbf", json!([too_early]), E::NotYetValid),
        ("nbf", json!(["0", 0.5, null]), E::Claims),
        (
            "role",
            json!(["", "anon", "service_role", "Authenticated"]),
            E::Role,
        ),
        ("role", json!([["authenticated"]]), E::Claims),
        ("session_id", json!([""]), E::Session),
        ("session_id", json!([1]), E::Claims),
        (
            "nbf",
            json!([i64::MIN, i64::MAX, -1_000_000_000_000_000_000_i64]),
            E::Claims,
        ),
        ("client_id", json!(["", "9a1a1b7e"]), E::Client),
        ("client_id", json!([null, ["9a1a1b7e"], 1]), E::Claims),
        ("is_anonymous", json!([true]), E::Role),
        ("is_anonymous", json!(["true", "false", 0, null]), E::Claims),
    ] {
        for value in values.as_array().unwrap() {
            let claims = with(claims(), name, value.clone());
            assert_refused(&header("ES256").to_string(), &claims.to_string(), expected);
        }
    }
    let both = with(with(claims(), "iat", json!(too_early)), "nbf", json!(NOW));
    assert_refused(
        &header("ES256").to_string(),
        &both.to_string(),
        E::NotYetValid,
    );
    for name in ["iss", "aud", "sub", "exp", "iat", "role", "session_id"] {
        for claims in [without(claims(), name), with(claims(), name, Value::Null)] {
            assert_refused(&header("ES256").to_string(), &claims.to_string(), E::Claims);
        }
    }
}

#[test]
fn claims_that_two_readers_could_read_in_two_ways() {
    let good = claims().to_string();
    let open = good.strip_suffix('}').unwrap();
    for claims in [
        format!(r#"{open},"sub":"{SUB}"}}"#),
        format!(r#"{open},"email":"a","email":"b"}}"#),
        format!(r#"{open},"user_metadata":{{"a":1,"a":2}}}}"#),
        format!(r#"{open},"user_metadata":{{"a":"\u0000"}}}}"#),
        format!("{good} {good}"),
        format!("[{good}]"),
        String::new(),
    ] {
        assert_refused(&header("ES256").to_string(), &claims, E::Claims);
    }
}

#[test]
fn bad_forms() {
    let signer = Signer::es256();
    let token = signer.token(&header("ES256").to_string(), &claims().to_string());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let wide = json!({"kid": "k".repeat(TOKEN_BYTES_MAX), "alg": "ES256"}).to_string();
    for (bad, expected) in [
        (String::new(), E::Form),
        (message.to_owned(), E::Form),
        (format!("{token}."), E::Form),
        (format!(".{token}"), E::Form),
        (format!("{token}="), E::Form),
        (format!("{token} "), E::Form),
        (format!(" {token}"), E::Form),
        (format!("{token}, Bearer {token}"), E::Form),
        (format!("{message}.+{}", &signature[1..]), E::Form),
        (format!("{message}."), E::Signature),
        (format!("{message}.{}", &signature[..84]), E::Signature),
        (format!("{message}.{}", encode([0; 64])), E::Signature),
        (format!("{message}.{}", encode([0xff; 64])), E::Signature),
        (signer.token(&wide, "{}"), E::TooLong),
    ] {
        assert_eq!(
            verify(&signer, &bad).map(drop).unwrap_err(),
            expected,
            "{bad}"
        );
    }
}

#[test]
fn no_key_is_fetched_for_a_signature_of_impossible_length() {
    let token = Signer::es256().token(&header("ES256").to_string(), &claims().to_string());
    let (message, _) = token.rsplit_once('.').unwrap();
    for length in [0, 63, 65, 70, 71, 72, 256] {
        let altered = format!("{message}.{}", encode(vec![1; length]));
        let refused = policy().screen(&altered, now()).map(drop);
        assert_eq!(refused, Err(E::Signature), "{length}");
    }
}

#[test]
fn bad_signatures() {
    let (signer, other) = (Signer::es256(), Signer::es256());
    let (header, claims) = (header("ES256").to_string(), claims().to_string());
    let token = signer.token(&header, &claims);
    assert_eq!(verify(&other, &token).unwrap_err(), E::Signature);
    // The signature of one token under the claims of another.
    let elevated = claims.replace(SUB, "00000000-0000-4000-8000-000000000001");
    let (_, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{}.{}.{signature}", encode(&header), encode(elevated));
    assert_eq!(verify(&signer, &forged).unwrap_err(), E::Signature);
    // The right key name under another algorithm.
    let eddsa = Signer::eddsa();
    let confused = eddsa.token(&header.replace("ES256", "EdDSA"), &claims);
    assert_eq!(verify(&signer, &confused).unwrap_err(), E::UnknownKey);
    assert_eq!(verify(&eddsa, &token).unwrap_err(), E::UnknownKey);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A token has one spelling: no character can be replaced.
    #[test]
    fn no_character_can_be_replaced(position: prop::sample::Index, replacement in "[A-Za-z0-9_.=+/ -]") {
        static GOOD: std::sync::LazyLock<(Signer, String)> = std::sync::LazyLock::new(|| {
            let signer = Signer::es256();
            let token = signer.token(&header("ES256").to_string(), &claims().to_string());
            (signer, token)
        });
        let (signer, token) = &*GOOD;
        let position = position.index(token.len());
        let altered = format!("{}{replacement}{}", &token[..position], &token[position + 1..]);
        prop_assert_eq!(verify(signer, &altered).is_ok(), altered == *token);
    }

    #[test]
    fn nothing_random_is_a_token(text in "\\PC*") {
        prop_assert!(policy().screen(&text, now()).is_err());
    }
}

/// RFC 7515, A.2. Its claims are none of ours, so it is verified one layer below.
#[test]
fn the_rs256_example_of_the_rfc() {
    const MESSAGE: &str = "\
        eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm\
        NvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str = "\
        cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp\
        5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMH\
        lb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w\
        9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    ring_provider::install();
    let keys = key_set(&rsa_jwk("k"));
    let key = keys.find("k", Algorithm::RS256).unwrap();
    let verify = |signature: &str, message: &str| {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, Algorithm::RS256).unwrap()
    };
    assert!(verify(SIGNATURE, MESSAGE));
    assert!(!verify(SIGNATURE, &MESSAGE[1..]));
    assert!(!verify(&SIGNATURE.replace("cC4h", "dC4h"), MESSAGE));
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    ring_provider::install();
    let keys = key_set(&rsa_jwk("k"));
    let key = keys.find("k", Algorithm::RS256).unwrap();
    for algorithm in [
        Algorithm::HS256,
        Algorithm::PS256,
        Algorithm::RS512,
        Algorithm::ES256,
        Algorithm::EdDSA,
    ] {
        assert!(
            jsonwebtoken::crypto::verify("AAAA", b"m", key, algorithm).is_err(),
            "{algorithm:?}"
        );
    }
}

#[test]
fn bearer_values() {
    for (values, expected) in [
        (&["Bearer a.b.c"][..], Ok("a.b.c")),
        (&["bearer a.b.c"], Ok("a.b.c")),
        (&["Bearer a, Bearer b"], Ok("a, Bearer b")),
        (&[], Err(E::Authorization)),
        (&["Bearer a", "Bearer a"], Err(E::Authorization)),
        (&[""], Err(E::Authorization)),
        (&["Bearer"], Err(E::Authorization)),
        (&["Basic a"], Err(E::Authorization)),
        (&["Bearer\ta"], Err(E::Authorization)),
        (&["a.b.c"], Err(E::Authorization)),
        (&["Bearer é"], Err(E::Authorization)),
    ] {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                AUTHORIZATION,
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        assert_eq!(bearer(&headers), expected, "{values:?}");
    }
}

#[test]
fn a_human_prints_without_the_token() {
    let signer = Signer::es256();
    let token = signer.token(&header("ES256").to_string(), &claims().to_string());
    let human = verify(&signer, &token).unwrap();
    assert_eq!(human.token().expose(), token);
    assert!(!format!("{human:?}").contains("ey"));
}

fn assert_refused(header: &str, claims: &str, expected: TokenError) {
    let signer = Signer::es256();
    let refused = verify(&signer, &signer.token(header, claims))
        .map(drop)
        .unwrap_err();
    assert_eq!(refused, expected, "{header} {claims}");
}

fn verify(signer: &Signer, token: &str) -> Result<Human, TokenError> {
    policy()
        .screen(token, now())?
        .verify(&key_set(&signer.jwk("k")))
}

fn policy() -> Policy {
    Policy::new(ISSUER.into(), "authenticated".into())
}

fn key_set(jwk: &Value) -> KeySet {
    KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap()
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap()
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}
