use serde_json::{Value, json};

use super::{error::ERRORS_MAX, *};
use crate::{money::AmountMinor, settlement::Text};

fn errors<T>(result: Result<T, Problem>) -> Value {
    match result {
        Err(Problem::Invalid(errors)) => json!(errors),
        Err(_) => json!("another problem"),
        Ok(_) => json!("accepted"),
    }
}

fn read(body: &str) -> Value {
    errors(read_body(body.as_bytes(), |body| {
        let amount = body.required::<AmountMinor>("amount_minor");
        let note = body.optional::<Text>("note");
        let data = body.object("data", |data| data.required::<Text>("name"));
        Some((amount?, note?, data?))
    }))
}

#[test]
fn strict_bodies() {
    for (body, expected) in [
        (
            r#"{"amount_minor":"1","data":{"name":"n"}}"#,
            json!("accepted"),
        ),
        (
            r#" {"note":null,"data":{"name":"n"},"amount_minor":"1"} "#,
            json!([{"pointer": "/note", "detail": "must be a string"}]),
        ),
        (
            r#"{"amount_minor":"1","amount_minor":"1","data":{"name":"n"}}"#,
            json!([{"pointer": "/amount_minor", "detail": "must not be repeated"}]),
        ),
        (
            r#"{"amount_minor":"1","data":{"name":"n","n\u0061me":"m"}}"#,
            json!([{"pointer": "/data/name", "detail": "must not be repeated"}]),
        ),
        (
            r#"{"amount_minor":1.5,"data":[],"x/y~z":[{"a":1,"a":2}]}"#,
            json!([
                {"pointer": "/x~1y~0z/0/a", "detail": "must not be repeated"},
                {"pointer": "/amount_minor", "detail": "must be a string"},
                {"pointer": "/data", "detail": "must be an object"},
                {"pointer": "/x~1y~0z", "detail": "is not known here"},
            ]),
        ),
        (
            r#"{"amount_minor":null,"note":"a\u0000","data":{"name":"n","more":true}}"#,
            json!([
                {"pointer": "/note", "detail": "must not contain U+0000"},
                {"pointer": "/amount_minor", "detail": "must be a string"},
                {"pointer": "/data/more", "detail": "is not known here"},
            ]),
        ),
        (
            "{}",
            json!([
                {"pointer": "/amount_minor", "detail": "is required"},
                {"pointer": "/data", "detail": "is required"},
            ]),
        ),
        (
            "[]",
            json!([{"pointer": "", "detail": "must be an object"}]),
        ),
        (
            "null",
            json!([{"pointer": "", "detail": "must be an object"}]),
        ),
    ] {
        assert_eq!(read(body), expected, "{body}");
    }
}

#[test]
fn what_is_no_json_text_is_malformed() {
    let deep = "[".repeat(100_000);
    for bad in [
        "",
        " ",
        "{",
        "{}{}",
        "{\"a\":1,}",
        "{'a':1}",
        "\u{feff}{}",
        "NaN",
        "\"\\ud800\"",
        "// x\n{}",
        deep.as_str(),
    ] {
        let refused = read_body(bad.as_bytes(), |_| Some(()));
        assert!(matches!(refused, Err(Problem::MalformedBody)), "{bad:.20}");
    }
    assert!(matches!(
        read_body(b"{\"a\":\"\xff\"}", |_| Some(())),
        Err(Problem::MalformedBody)
    ));
    assert!(matches!(
        read_body(b"{\"a\":\"\xc0\x80\"}", |_| Some(())),
        Err(Problem::MalformedBody)
    ));
}

#[test]
fn a_body_may_be_optional() {
    assert!(read_optional_body(b"", |_| Some(())).is_ok());
    assert!(read_optional_body(b"{}", |_| Some(())).is_ok());
    assert!(read_optional_body(b" ", |_| Some(())).is_err());
}

#[test]
fn a_reply_does_not_grow_with_the_request() {
    let body = format!("{{{}\"z\":0}}", "\"a\":0,\"b\":0,".repeat(1_000));
    let many: String = (0..1_000)
        .flat_map(|n| ["\"m".to_owned(), n.to_string(), "\":0,".to_owned()])
        .collect();
    for body in [body, format!("{{{many}\"z\":0}}")] {
        let Err(Problem::Invalid(errors)) = read_body(body.as_bytes(), |_| Some(())) else {
            panic!("accepted")
        };
        assert!(errors.len() <= ERRORS_MAX);
    }
}

#[test]
fn numbers_and_truth_values() {
    let read = |body: &str| {
        errors(read_body(body.as_bytes(), |body| {
            let secured = body.boolean("secured");
            let days = body.integer("days", 0..=3_660);
            body.absent("more", "is not for this");
            Some((secured?, days?))
        }))
    };
    for good in [
        r#"{"secured":true,"days":0}"#,
        r#"{"secured":false,"days":3660}"#,
    ] {
        assert_eq!(read(good), json!("accepted"), "{good}");
    }
    for secured in ["null", "0", "1", "\"true\"", "[]", "{}"] {
        let body = format!(r#"{{"secured":{secured},"days":1}}"#);
        assert_eq!(
            read(&body),
            json!([{"pointer": "/secured", "detail": "must be true or false"}])
        );
    }
    for days in [
        "null",
        "-1",
        "3661",
        "1.0",
        "1e1",
        "-0",
        "\"1\"",
        "true",
        "9223372036854775808",
        "1e400",
        "[]",
    ] {
        let body = format!(r#"{{"secured":true,"days":{days}}}"#);
        let expected = if days == "1e400" {
            json!("another problem")
        } else {
            json!([{"pointer": "/days", "detail": "must be a whole number from 0 to 3660"}])
        };
        assert_eq!(read(&body), expected, "{days}");
    }
    assert_eq!(
        read(r#"{"more":0}"#),
        json!([
            {"pointer": "/secured", "detail": "is required"},
            {"pointer": "/days", "detail": "is required"},
            {"pointer": "/more", "detail": "is not for this"},
        ])
    );
}

#[test]
fn arrays() {
    let read = |body: &str| {
        errors(read_body(body.as_bytes(), |body| {
            let mut seen = HashSet::new();
            let texts = body.array("texts", 1..=3, |texts, index| {
                let text = texts.required::<Text>(index);
                texts.once(index, text, &mut seen)
            });
            let assets = body.array("assets", 0..=2, |assets, index| {
                assets.object(index, |asset| asset.required::<AmountMinor>("value_minor"))
            });
            Some((texts?, assets?))
        }))
    };
    let long = "must be an array of 1 to 3 elements";
    for (body, expected) in [
        (r#"{"texts":["a","b"],"assets":[]}"#, json!("accepted")),
        (
            r#"{"texts":["a","b","c"],"assets":[{"value_minor":"1"},{"value_minor":"1"}]}"#,
            json!("accepted"),
        ),
        (
            r#"{"texts":["a","b","a"],"assets":[]}"#,
            json!([{"pointer": "/texts/2", "detail": "must not be repeated"}]),
        ),
        (
            r#"{"texts":["a",1,null],"assets":[{"value_minor":"0"},{"x":1}]}"#,
            json!([
                {"pointer": "/texts/1", "detail": "must be a string"},
                {"pointer": "/texts/2", "detail": "must be a string"},
                {"pointer": "/assets/0/value_minor",
                 "detail": "must be a string of 1 to 18 digits without a leading zero"},
                {"pointer": "/assets/1/value_minor", "detail": "is required"},
                {"pointer": "/assets/1/x", "detail": "is not known here"},
            ]),
        ),
        (
            r#"{"texts":["a"],"assets":[["1"],null]}"#,
            json!([
                {"pointer": "/assets/0", "detail": "must be an object"},
                {"pointer": "/assets/1", "detail": "must be an object"},
            ]),
        ),
        (
            r#"{"texts":[]}"#,
            json!([
                {"pointer": "/texts", "detail": long},
                {"pointer": "/assets", "detail": "is required"},
            ]),
        ),
        (
            r#"{"texts":["a","b","c","d"],"assets":[]}"#,
            json!([{"pointer": "/texts", "detail": long}]),
        ),
        (
            r#"{"texts":"a","assets":[]}"#,
            json!([{"pointer": "/texts", "detail": long}]),
        ),
    ] {
        assert_eq!(read(body), expected, "{body}");
    }
}

#[test]
fn queries() {
    let read = |query: &str| {
        errors(read_query(query, |query| {
            let amount = query.optional::<AmountMinor>("amount");
            let note = query.optional::<Text>("note");
            Some((amount?, note?))
        }))
    };
    for (query, expected) in [
        ("", json!("accepted")),
        ("amount=1&note=a%20b+c", json!("accepted")),
        ("note=%31", json!("accepted")),
        (
            "amount=1&amount=1",
            json!([{"parameter": "amount", "detail": "must not be repeated"}]),
        ),
        (
            "limit=1",
            json!([{"parameter": "limit", "detail": "is not known here"}]),
        ),
        (
            "note=%00&amount=",
            json!([
                {"parameter": "amount", "detail": "must be a string of 1 to 18 digits without a leading zero"},
                {"parameter": "note", "detail": "must be 1 to 140 characters, none of them invisible"},
            ]),
        ),
    ] {
        assert_eq!(read(query), expected, "{query}");
    }
}
