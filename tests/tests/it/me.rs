//! `GET /v1/me`: how the session was authenticated, as the token that the database has verified says it.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Request, Transport as _};

/// A change of a good token's claims, and what a member is then told.
type Case = (Value, Value, Value);

#[test]
fn the_assurance_level_is_what_the_verified_token_says() -> Result<()> {
    let fixture = Fixture::new()?;
    let alice = fixture.person("alice");
    let now = alice.claims()["iat"].as_i64().unwrap_or_default();
    let at = |seconds: i64| -> Result<Value> {
        let at = time::OffsetDateTime::from_unix_timestamp(seconds)?;
        let text = at.format(&time::format_description::well_known::Rfc3339)?;
        Ok(json!(text.replace('Z', ".000000Z")))
    };
    let method = |name: &str, timestamp: Value| json!({ "method": name, "timestamp": timestamp });
    let password = method("password", json!(now));
    let (none, aal1, aal2) = (Value::Null, json!("aal1"), json!("aal2"));
    let cases: Vec<Case> = vec![
        (json!({}), aal1.clone(), none.clone()),
        (
            json!({"aal": "aal2", "amr": [password, method("totp", json!(now - 90))]}),
            aal2.clone(),
            at(now - 90)?,
        ),
        // The latest counts, wherever it stands.
        (
            json!({"aal": "aal2", "amr": [
                method("mfa/phone", json!(now - 7)), password, method("mfa/webauthn", json!(now - 50)),
            ]}),
            aal2.clone(),
            at(now - 7)?,
        ),
        (
            json!({"aal": "aal2", "amr": [password]}),
            aal2.clone(),
            none.clone(),
        ),
        (
            json!({"aal": "aal2", "amr": ["pwd", "mfa", "totp"]}),
            aal2.clone(),
            none.clone(),
        ),
        (
            json!({"aal": "aal2", "amr": "totp"}),
            aal2.clone(),
            none.clone(),
        ),
        (
            json!({"aal": "aal2", "amr": null}),
            aal2.clone(),
            none.clone(),
        ),
        (
            json!({"aal": "aal2", "amr": {"method": "totp"}}),
            aal2.clone(),
            none.clone(),
        ),
        (json!({"aal": null, "amr": []}), none.clone(), none.clone()),
        (json!({"aal": 2}), none.clone(), none.clone()),
        (json!({"aal": "AAL2"}), none.clone(), none.clone()),
        (json!({"aal": "aal3"}), none.clone(), none.clone()),
        (json!({"aal": "aal2\n"}), none.clone(), none.clone()),
        (json!({"aal": ["aal2"]}), none.clone(), none.clone()),
        // Times that are none, or to come.
        (
            json!({"aal": "aal2", "amr": [
                method("totp", json!(now + 3_000)), method("totp", json!("1")), method("totp", json!(-1)),
                method("totp", json!(1.5)), method("totp", json!(999_999_999_999_999_999_i64)),
                method("totp", none.clone()), json!({"method": "totp"}), method("TOTP", json!(now)), json!([]),
            ]}),
            aal2,
            none,
        ),
    ];
    for (changed, aal, second_factor_at) in cases {
        let mut claims = alice.claims();
        for (name, value) in changed.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let token = fixture.issuer().minter().sign(&claims);
        let request =
            Request::new("GET", "/v1/me").header("authorization", &format!("Bearer {token}"));
        // The second answer comes from the memo of the verified token.
        for _ in 0..2 {
            let answer = fixture.send(&request)?;
            assert_eq!(answer.status, 200, "{changed}: {}", answer.text());
            let me = answer.json();
            assert_eq!(me["aal"], aal, "{changed}");
            assert_eq!(me["second_factor_at"], second_factor_at, "{changed}");
        }
    }
    Ok(())
}
