//! The database's decoders: base64url has one spelling, and ambiguous JSON is refused.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tests::fixture::Fixture;

#[test]
fn base64url_has_one_spelling() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut owner = fixture.owner()?;
    let long = URL_SAFE_NO_PAD.encode([0xfb; 300]);
    for text in [
        "",
        "Zg",
        "Zm8",
        "Zm9v",
        "-_-_",
        "AAAA",
        &long,
        "Z",
        "Zh",
        "Zm9",
        "Zg==",
        "Zm8=",
        "+/+/",
        "Zm9v\n",
        "Zm 9v",
        " ",
        "Zm9vZ",
        "Zmé",
        "=",
        "Zm9v.",
        "\u{ff21}g",
    ] {
        let row = owner.query_one("select auth.base64url_decode($1)", &[&text])?;
        let octets: Option<Vec<u8>> = row.get(0);
        assert_eq!(octets, URL_SAFE_NO_PAD.decode(text).ok(), "{text:?}");
    }
    Ok(())
}

#[test]
fn ambiguous_json_is_refused() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut owner = fixture.owner()?;
    let nested = |depth| format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let (within, beyond) = (nested(31), nested(32));
    let deep = format!(r#"{{"x":{}"#, "[".repeat(6_000));
    let good = [
        "{}",
        r#"{"a":1,"b":[{"c":1},{"c":2}],"d":{"a":1}}"#,
        r#" {"x":"\ud83d\ude00"} "#,
        r#"{"":{"":1}}"#,
        r#"{"x":[[],{},null,1.5e3]}"#,
        &within,
        r#"{"x":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ \" 1e999999"}"#,
    ];
    let bad = [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":1}"#,
        r#"{"x":[{"a":1,"b":2,"a":1}]}"#,
        r#"{"x":{"":1,"":2}}"#,
        r#"{"x":[[[{"y":{"a":1,"a":2}}]]]}"#,
        r#"{"x":"\u0000"}"#,
        r#"{"\u0000":1}"#,
        r#"{"x":"\ud800"}"#,
        r#"{"x":1e999999}"#,
        "{} {}",
        "{}x",
        "",
        "[]",
        "null",
        "1",
        "\"x\"",
        "\u{feff}{}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":NaN}",
        &beyond,
        &deep,
    ];
    let raw: [&[u8]; 5] = [
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\xc0\xaf\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"{}\0",
        b"{\"a\":\"\0\"}",
    ];
    let good = good.iter().map(|text| (text.as_bytes(), true));
    let bad = bad.iter().map(|text| (text.as_bytes(), false));
    for (octets, expected) in good
        .chain(bad)
        .chain(raw.into_iter().map(|octets| (octets, false)))
    {
        let sql = "select auth.json_object_strict($1) is not null";
        let accepted: bool = owner.query_one(sql, &[&octets])?.get(0);
        assert_eq!(accepted, expected, "{}", octets.escape_ascii());
    }
    Ok(())
}
