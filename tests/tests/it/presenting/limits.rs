//! Limits of a token's JSON, and what lies beside them: the same verdict on both sides.

use anyhow::Result;
use serde_json::json;
use tests::fixture::Fixture;

use super::verifiers::{Verifiers, changed, readable};

#[test]
fn both_verifiers_have_the_same_limits() -> Result<()> {
    let fixture = Fixture::new()?;
    let (key, claims) = (fixture.issuer().key(), fixture.person("alice").claims());
    let mut verifiers = Verifiers::of(&fixture)?;
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth| format!("{}0{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let digits = |count| "1".repeat(count);
    for (name, value, expected) in [
        ("x", nested(31), true),
        ("x", nested(32), false),
        ("x", nested(127), false),
        ("x", nested(128), false),
        ("x", nested(2_600), false),
        ("x", objects(31), true),
        ("x", objects(32), false),
        ("x", objects(1_000), false),
        (
            "x",
            "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[1e400\"".to_owned(),
            true,
        ),
        ("x", "1e99".to_owned(), true),
        ("x", "-1.5E-99".to_owned(), true),
        ("x", "1e100".to_owned(), false),
        ("x", "1e400".to_owned(), false),
        ("x", "1e-400".to_owned(), false),
        ("x", "1e0001".to_owned(), false),
        ("x", digits(32), true),
        ("x", digits(33), false),
        ("x", digits(400), false),
        ("x", format!("0.{}", digits(400)), false),
        ("x", "[true,false,null,-0,0.10]".to_owned(), true),
        ("nbf", "-999999999999999999".to_owned(), true),
        ("nbf", "-1000000000000000000".to_owned(), false),
        ("nbf", i64::MIN.to_string(), false),
        ("nbf", i64::MAX.to_string(), false),
        ("nbf", "-0".to_owned(), false),
        ("exp", i64::MAX.to_string(), false),
        ("iat", i64::MIN.to_string(), false),
        ("client_id", "\"\"".to_owned(), false),
        ("client_id", "{}".to_owned(), false),
        (
            "sub",
            "\"00000000-0000-0000-0000-000000000000\"".to_owned(),
            true,
        ),
        (
            "sub",
            "\"ffffffff-ffff-ffff-ffff-ffffffffffff\"".to_owned(),
            true,
        ),
    ] {
        // Written by hand: no serializer of ours writes all of these.
        let text = changed(&claims, &json!({ name: "PLACE" })).to_string();
        let text = text.replace("\"PLACE\"", &value);
        let token = key.sign_text(&key.header().to_string(), &text);
        assert_eq!(verifiers.agree(&token)?, expected, "{}", readable(&token));
    }
    Ok(())
}
