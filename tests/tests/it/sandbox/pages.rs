//! A page of another origin, and the answers that are the gateway's own.

use anyhow::Result;
use serde_json::json;
use tests::http::{Request, Response};
use tests::routes::Routes;
use tests::watch::CORS;

use super::Up;
use crate::lists::yaml;

const PAGE: &str = "http://localhost:5173";

/// Origins, and whether their pages may call.
const ORIGINS: [(&str, bool); 16] = [
    (PAGE, true),
    ("http://localhost", true),
    ("http://127.0.0.1:8080", true),
    ("https://localhost:8443", true),
    ("http://[::1]:3000", true),
    ("https://elsewhere.example", false),
    ("http://localhost.elsewhere.example", false),
    ("http://127.0.0.1.nip.io", false),
    ("http://localhost@elsewhere.example", false),
    ("http://elsewhere.example#localhost", false),
    ("http://10.0.0.1", false),
    ("null", false),
    ("http://localhost/", false),
    ("http://LOCALHOST:5173", false),
    ("file://localhost", false),
    ("", false),
];

#[test]
fn the_local_gateway_has_the_cors_of_the_template() -> Result<()> {
    let template = yaml("template.yaml")?;
    // An !If: the name of the condition, what holds then, and what holds otherwise.
    let deployed = &template["Resources"]["Api"]["Properties"]["CorsConfiguration"][1];
    assert_eq!(deployed["allowMethods"], json!(CORS.methods));
    assert_eq!(deployed["allowHeaders"], json!(CORS.headers));
    assert_eq!(deployed["exposeHeaders"], json!(CORS.exposed));
    assert_eq!(deployed["maxAge"], json!(CORS.max_age_seconds));
    Ok(())
}

/// A page gets a token's rights only: with plain http, no origin but the developer's own machine may be listed.
#[test]
fn the_template_takes_https_origins_and_those_of_localhost() -> Result<()> {
    let template = yaml("template.yaml")?;
    let pattern = template["Parameters"]["CorsOrigins"]["AllowedPattern"].as_str();
    let pattern = regex::Regex::new(pattern.unwrap_or_default())?;
    for (text, good) in [
        ("", true),
        ("https://app.example.com", true),
        ("https://app.example.com:8443,https://b.example", true),
        ("http://localhost:5173", true),
        ("https://app.example.com,http://localhost", true),
        ("http://app.example.com", false),
        ("http://localhost.example.com", false),
        ("http://localhost8.example", false),
        ("https://a.example,", false),
        (",https://a.example", false),
        ("*", false),
        ("https://*", false),
        ("https://a.example/path", false),
        ("https://a.example,http://b.example", false),
        ("null", false),
    ] {
        assert_eq!(pattern.is_match(text), good, "{text}");
    }
    let stages = std::fs::read_to_string(tests::folders::workspace().join("samconfig.toml"))?;
    assert!(
        !stages.contains("http://localhost"),
        "no stage lists it unasked"
    );
    Ok(())
}

#[test]
fn every_route_answers_a_preflight_request_of_a_page_of_this_machine_alone() -> Result<()> {
    let up = Up::sample()?;
    for route in Routes::load()?.iter() {
        let path = route
            .path
            .replace("{id}", "b84d3f10-5c2e-4e9a-8f67-1a0d9c3b7e52");
        for (origin, good) in [(PAGE, true), ("https://elsewhere.example", false)] {
            let answer = up.send(&preflight(&path, origin, &route.method))?;
            assert_eq!((answer.status, answer.body.len()), (204, 0), "{path}");
            assert_eq!(allowed(&answer), good.then_some(origin), "{path}");
            assert_eq!(
                answer.header("access-control-allow-headers"),
                good.then_some("authorization,content-type,idempotency-key"),
                "{path}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_reply_names_the_origin_that_may_read_it_and_no_other() -> Result<()> {
    let up = Up::sample()?;
    for (origin, good) in ORIGINS {
        let preflight = up.send(&preflight("/v1/me", origin, "GET"))?;
        assert_eq!(allowed(&preflight), good.then_some(origin), "{origin}");
        // A reply of a function, and one of the gateway.
        for (path, status) in [("/v1/me", 401), ("/v1/nothing", 404)] {
            let request = Request::new("GET", path).header("origin", origin);
            let answer = up.send(&request)?;
            assert_eq!(answer.status, status, "{origin} {path}");
            assert_eq!(allowed(&answer), good.then_some(origin), "{origin} {path}");
            let exposed = answer.header("access-control-expose-headers");
            assert_eq!(
                exposed,
                good.then_some("location,retry-after,x-request-id"),
                "{origin} {path}"
            );
            // A cache between must not give one origin's reply to another's page.
            assert_eq!(answer.header("vary"), Some("origin"), "{origin} {path}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
    let without = up.send(&Request::new("GET", "/v1/me"))?;
    let any = |(name, _): &(String, String)| name.starts_with("access-control-");
    assert!(!without.headers.iter().any(any), "{:?}", without.headers);
    let two = Request::new("GET", "/v1/me")
        .header("origin", PAGE)
        .header("origin", PAGE);
    assert_eq!(allowed(&up.send(&two)?), None);
    Ok(())
}

/// What docs/API.md says of routes that do not exist, of bodies, and of where the local gateway differs.
#[test]
fn the_gateway_has_answers_of_its_own() -> Result<()> {
    let up = Up::sample()?;
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        for path in [
            "/",
            "/v1/nothing",
            "/v1/me/",
            "/2015-03-31/functions/migrate/invocations",
        ] {
            let answer = up.send(&Request::new(method, path))?;
            assert_eq!(answer.status, 404, "{method} {path}");
            assert_eq!(
                answer.json(),
                json!({ "message": "Not Found" }),
                "{method} {path}"
            );
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
    // A known path with a method that it has not, and a preflight request without an origin.
    for request in [
        Request::new("DELETE", "/v1/me"),
        Request::new("HEAD", "/v1/positions"),
        Request::new("OPTIONS", "/v1/me").header("access-control-request-method", "GET"),
    ] {
        assert_eq!(up.send(&request)?.status, 404, "{request:?}");
    }
    let post = Request::new("POST", "/v1/settlements").header("content-type", "application/json");
    let not_utf_8 = up.send(&post.clone().body([b'"', 0xff, b'"']))?;
    assert_eq!(not_utf_8.status, 401, "{}", not_utf_8.text());
    let large = up.send(&post.clone().body(vec![b' '; 10_000_001]))?;
    let expected = json!({ "message": "Request Entity Too Large" });
    assert_eq!((large.status, large.json()), (413, expected));
    let long = Request::new("GET", "/v1/me").header("x-long", &"a".repeat(70_000));
    assert!(up.send(&long).is_err(), "the connection is closed");
    Ok(())
}

fn preflight(path: &str, origin: &str, method: &str) -> Request {
    Request::new("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header(
            "access-control-request-headers",
            "authorization,idempotency-key",
        )
}

fn allowed(answer: &Response) -> Option<&str> {
    answer.header("access-control-allow-origin")
}
