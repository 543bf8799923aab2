use http::{HeaderName, HeaderValue};
use serde_json::json;

use super::*;

/// The reference vector of Standard Webhooks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIMESTAMP: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

/// Made with `openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef` over the same body.
const RAW_SECRET: &str = "0123456789abcdef0123456789abcdef";
const RAW_SIGNATURE: &str =
    "sha256=fd98f3167cae21320482e551ffff4b9572d509ed89a8b62efbeb739a92aad8ad";

const OTHER_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const ZEROS: &str = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

#[test]
fn the_reference_vector() {
    let agent = check("escrow-one", &standard(), BODY, TIMESTAMP).unwrap();
    assert_eq!(agent.id().as_str(), "escrow-one");
    assert_eq!(agent.webhook_id().unwrap().as_str(), ID);
}

#[test]
fn the_raw_body_vector() {
    let agent = check("settle-one", &raw(), BODY, 0).unwrap();
    assert_eq!(agent.id().as_str(), "settle-one");
    assert!(agent.webhook_id().is_none());
}

#[test]
fn both_live_secrets_verify_and_a_retired_one_does_not() {
    for (agent, expected) in [
        ("rotating", Ok(())),
        ("rotated", Ok(())),
        ("retired", Err(WebhookError::Signature)),
    ] {
        assert_eq!(
            check(agent, &standard(), BODY, TIMESTAMP).map(drop),
            expected,
            "{agent}"
        );
    }
}

#[test]
fn one_of_several_signatures_is_enough() {
    for good in [
        format!("{SIGNATURE} {ZEROS}"),
        format!("{ZEROS} {SIGNATURE}"),
        format!("v1a,whatever {SIGNATURE}"),
        format!("{SIGNATURE} v2,x"),
        format!("{}{SIGNATURE}", "v1a,x ".repeat(7)),
    ] {
        assert!(
            check(
                "escrow-one",
                &with(standard(), "webhook-signature", &good),
                BODY,
                TIMESTAMP
            )
            .is_ok(),
            "{good}"
        );
    }
}

#[test]
fn every_altered_signature_header_is_refused() {
    let base64 = &SIGNATURE[3..];
    for (bad, expected) in [
        (String::new(), WebhookError::Form),
        (base64.to_owned(), WebhookError::Form),
        ("v1".into(), WebhookError::Form),
        ("v1,".into(), WebhookError::Form),
        (format!("v2,{base64}"), WebhookError::Form),
        (format!("v1a,{base64}"), WebhookError::Form),
        (format!("V1,{base64}"), WebhookError::Form),
        (format!("v1={base64}"), WebhookError::Form),
        (SIGNATURE.trim_end_matches('=').into(), WebhookError::Form),
        (SIGNATURE.replace("OE=", "OF="), WebhookError::Form),
        (SIGNATURE.replace('/', "_"), WebhookError::Form),
        (format!("v1,{}", &base64[4..]), WebhookError::Form),
        (format!("v1,AAAA{base64}"), WebhookError::Form),
        (format!("{SIGNATURE},"), WebhookError::Form),
        (format!("{SIGNATURE}  {SIGNATURE}"), WebhookError::Form),
        (format!("{SIGNATURE} "), WebhookError::Form),
        (format!("{SIGNATURE} v1,!"), WebhookError::Form),
        (
            format!("{}{SIGNATURE}", "v1a,x ".repeat(8)),
            WebhookError::Form,
        ),
        (ZEROS.into(), WebhookError::Signature),
        (SIGNATURE.replace("g0", "h0"), WebhookError::Signature),
    ] {
        let headers = with(standard(), "webhook-signature", &bad);
        assert_eq!(
            check("escrow-one", &headers, BODY, TIMESTAMP).unwrap_err(),
            expected,
            "{bad}"
        );
    }
}

#[test]
fn every_altered_part_is_refused() {
    for (name, value, expected) in [
        ("webhook-id", "msg_other", WebhookError::Signature),
        ("webhook-id", "", WebhookError::Id),
        ("webhook-id", "a b", WebhookError::Id),
        ("webhook-timestamp", "1614265331", WebhookError::Signature),
        ("webhook-timestamp", "01614265330", WebhookError::Signature),
        ("webhook-timestamp", "", WebhookError::Timestamp),
        ("webhook-timestamp", "+1614265330", WebhookError::Timestamp),
        ("webhook-timestamp", "1614265330.0", WebhookError::Timestamp),
        ("webhook-timestamp", "1614265330 ", WebhookError::Timestamp),
        (
            "webhook-timestamp",
            "0001614265330",
            WebhookError::Timestamp,
        ),
        (
            "webhook-timestamp",
            "99999999999999999999",
            WebhookError::Timestamp,
        ),
    ] {
        let headers = with(standard(), name, value);
        assert_eq!(
            check("escrow-one", &headers, BODY, TIMESTAMP).unwrap_err(),
            expected,
            "{name}: {value:?}"
        );
    }
    for body in [
        &b"{}"[..],
        b"",
        br#"{"test": 2432232315}"#,
        b"{\"test\": 2432232314}\n",
    ] {
        assert_eq!(
            check("escrow-one", &standard(), body, TIMESTAMP).unwrap_err(),
            WebhookError::Signature
        );
        assert_eq!(
            check("settle-one", &raw(), body, 0).unwrap_err(),
            WebhookError::Signature
        );
    }
}

#[test]
fn every_altered_raw_signature_is_refused() {
    let hex = &RAW_SIGNATURE[7..];
    for (bad, expected) in [
        (String::new(), WebhookError::Form),
        (hex.to_owned(), WebhookError::Form),
        ("sha256=".into(), WebhookError::Form),
        (format!("sha1={hex}"), WebhookError::Form),
        (format!("SHA256={hex}"), WebhookError::Form),
        (format!("sha256={}", hex.to_uppercase()), WebhookError::Form),
        (format!("sha256={}", &hex[2..]), WebhookError::Form),
        (format!("sha256={hex}00"), WebhookError::Form),
        (format!("sha256={hex}, sha256={hex}"), WebhookError::Form),
        (
            format!("sha256={}", "0".repeat(64)),
            WebhookError::Signature,
        ),
    ] {
        let headers = with(raw(), "x-signature-256", &bad);
        assert_eq!(
            check("settle-one", &headers, BODY, 0).unwrap_err(),
            expected,
            "{bad}"
        );
    }
}

#[test]
fn the_time_window_is_closed_at_both_ends() {
    for (offset, expected) in [
        (-301, Err(WebhookError::Stale)),
        (-300, Ok(())),
        (300, Ok(())),
        (301, Err(WebhookError::Stale)),
        (i64::from(i32::MAX), Err(WebhookError::Stale)),
    ] {
        assert_eq!(
            check("escrow-one", &standard(), BODY, TIMESTAMP + offset).map(drop),
            expected,
            "{offset}"
        );
    }
}

#[test]
fn a_missing_repeated_or_binary_header_is_refused() {
    for (name, headers, agent) in [
        ("webhook-id", standard(), "escrow-one"),
        ("webhook-timestamp", standard(), "escrow-one"),
        ("webhook-signature", standard(), "escrow-one"),
        ("x-signature-256", raw(), "settle-one"),
    ] {
        let mut missing = headers.clone();
        missing.remove(name);
        let mut repeated = headers.clone();
        repeated.append(HeaderName::from_static(name), headers[name].clone());
        let mut binary = headers.clone();
        binary.insert(name, HeaderValue::from_bytes(b"\xff").unwrap());
        for headers in [missing, repeated, binary] {
            assert_eq!(
                check(agent, &headers, BODY, TIMESTAMP).unwrap_err(),
                WebhookError::Headers,
                "{headers:?}"
            );
        }
    }
    assert_eq!(
        check("escrow-one", &HeaderMap::new(), BODY, TIMESTAMP).unwrap_err(),
        WebhookError::Headers
    );
}

#[test]
fn a_scheme_cannot_be_chosen_by_the_sender() {
    let mut both = standard();
    both.extend(raw());
    assert_eq!(
        check("escrow-one", &both, BODY, TIMESTAMP).unwrap_err(),
        WebhookError::Headers
    );
    for (agent, headers) in [("escrow-one", raw()), ("settle-one", standard())] {
        assert_eq!(
            check(agent, &headers, BODY, TIMESTAMP).unwrap_err(),
            WebhookError::UnknownAgent
        );
    }
}

/// Every header of a delivery has one of two names. Of all 64 sets, those with all three of one kind and none of the
/// other are taken.
#[test]
fn the_older_names_of_the_headers_are_taken_and_no_mixture() {
    let standard = standard();
    let names = ["id", "timestamp", "signature"];
    for set in 0..64_u32 {
        let mut headers = HeaderMap::new();
        for (place, name) in names.iter().enumerate() {
            let value = &standard[format!("webhook-{name}")];
            for (prefix, bit) in [("webhook", 1 << place), ("svix", 8 << place)] {
                if set & bit != 0 {
                    let name = HeaderName::try_from(format!("{prefix}-{name}")).unwrap();
                    headers.insert(name, value.clone());
                }
            }
        }
        let taken = check("escrow-one", &headers, BODY, TIMESTAMP);
        assert_eq!(taken.is_ok(), set == 7 || set == 56, "{set:06b}");
    }
}

#[test]
fn an_unknown_agent_is_refused_even_with_a_signature_of_the_stand_in_key() {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]), BODY);
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    };
    let forged = with(
        raw(),
        "x-signature-256",
        &format!("sha256={}", hex(tag.as_ref())),
    );
    for agent in ["nobody", "", "Settle-One", "settle-one ", "escrow-one"] {
        for headers in [&forged, &raw()] {
            assert_eq!(
                check(agent, headers, BODY, 0).unwrap_err(),
                WebhookError::UnknownAgent,
                "{agent:?}"
            );
        }
    }
}

fn check(agent: &str, headers: &HeaderMap, body: &[u8], now: i64) -> Result<Agent, WebhookError> {
    let agents = json!({"agents": {
        "escrow-one": {"scheme": "standard-webhooks", "secrets": [SECRET]},
        "rotating": {"scheme": "standard-webhooks", "secrets": [SECRET, OTHER_SECRET]},
        "rotated": {"scheme": "standard-webhooks", "secrets": [OTHER_SECRET, SECRET]},
        "retired": {"scheme": "standard-webhooks", "secrets": [OTHER_SECRET]},
        "settle-one": {"scheme": "raw-body", "secrets": [RAW_SECRET]},
    }});
    let ring = KeyRing::parse(&agents.to_string()).unwrap();
    let now = OffsetDateTime::from_unix_timestamp(now).unwrap();
    verify(
        &ring,
        &Delivery {
            agent,
            headers,
            body,
        },
        now,
    )
}

fn standard() -> HeaderMap {
    let timestamp = TIMESTAMP.to_string();
    [
        ("webhook-id", ID),
        ("webhook-timestamp", &timestamp),
        ("webhook-signature", SIGNATURE),
    ]
    .into_iter()
    .fold(HeaderMap::new(), |headers, (name, value)| {
        with(headers, name, value)
    })
}

fn raw() -> HeaderMap {
    with(HeaderMap::new(), "x-signature-256", RAW_SIGNATURE)
}

fn with(mut headers: HeaderMap, name: &'static str, value: &str) -> HeaderMap {
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}
