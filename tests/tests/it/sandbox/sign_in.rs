//! Signing in at the local issuer: with the published supabase-js as a page does, and with every error that it has.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::http::{self, Request, Response};
use tests::issuer::{Account, Algorithm, Issuer, Key};
use tests::{folders, tools};
use uuid::Uuid;

use super::{Up, address};

/// What a page would do; it prints what it found, as JSON.
const PAGE: &str = include_str!("page.mjs");

#[test]
fn supabase_js_signs_a_person_in_and_the_page_proposes() -> Result<()> {
    let up = Up::sample()?;
    let (said, sub) = as_alice(up, PAGE)?;
    let found: Value = serde_json::from_str(&said)?;
    assert_eq!(
        found,
        json!({
            "wrong": ["invalid_credentials", 400, "Invalid login credentials"],
            "user": sub,
            "verified": [sub, "authenticated", "aal1"],
            "asked": sub,
            "me": [200, sub, ["maker"]],
            "proposed": [201, "PENDING", true],
            "renewed": true,
            "me_renewed": 200,
            "used": ["refresh_token_already_used", 400],
            "signed_out": null,
            "asked_after": "AuthSessionMissingError",
            "renewed_after": "refresh_token_not_found",
            // An access token lives until it expires: SECURITY.md.
            "me_after": 200,
        })
    );
    Ok(())
}

#[test]
fn the_guides_lines_sign_a_person_in() -> Result<()> {
    let up = Up::sample()?;
    let guide = std::fs::read_to_string(folders::workspace().join("docs/API.md"))?;
    let mut blocks = guide.split("```js\n");
    let lines = blocks.find(|block| block.contains("signInWithPassword"));
    let lines = lines.context("lines of JavaScript")?;
    let lines = lines.split("```").next().unwrap_or_default();
    let program = format!(
        r#"import {{ createClient }} from "@supabase/supabase-js";
        const {{ SUPABASE: SUPABASE_URL, PASSWORD: password }} = process.env;
        const [email, SUPABASE_KEY, code] = ["alice@example.com", "any", "000000"];
        {lines}
        process.stdout.write(token);
        process.exit(error ? 1 : 0);"#
    );
    let (token, sub) = as_alice(up, &program)?;
    let request = Request::new("GET", "/v1/me");
    let known = up.send(&request.header("authorization", &format!("Bearer {token}")))?;
    assert_eq!((known.status, &known.json()["sub"]), (200, &sub));
    Ok(())
}

/// Runs a module that finds supabase-js, the stack's addresses and alice's password; answers what it printed, and who
/// alice is.
fn as_alice(up: &Up, module: &str) -> Result<(String, Value)> {
    let description = up.description()?;
    let people = description["people"].as_array().context("people")?;
    let alice = people.iter().find(|it| it["name"] == "alice");
    let alice = alice.context("alice")?;
    let password = alice["password"].as_str().context("a password")?;
    let (node, folder) = (tools::node()?, tools::supabase()?);
    let output = Command::new(node)
        // Its modules are looked for in this folder.
        .current_dir(folder)
        .args(["--input-type=module", "--eval", module])
        .env("API", up.url("gateway")?)
        .env("SUPABASE", up.url("issuer")?.trim_end_matches("/auth/v1"))
        .env("PASSWORD", password)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok((said, alice["sub"].clone()))
}

/// An issuer with two people, who sign in with their names.
struct World {
    issuer: Issuer,
}

impl World {
    fn new(algorithm: Algorithm) -> Result<Self> {
        let issuer = Issuer::start(0, Key::generate(algorithm)?)?;
        for name in ["ann", "ben"] {
            issuer.enrol(Account {
                sub: Uuid::new_v4(),
                name: name.to_owned(),
                password: format!("{name}-password"),
            });
        }
        Ok(Self { issuer })
    }

    fn send(&self, request: &Request) -> Result<Response> {
        http::send(address(self.issuer.name())?, request)
    }

    fn token(&self, grant: &str, body: &Value) -> Result<Response> {
        let target = format!("/auth/v1/token?grant_type={grant}");
        self.send(&Request::new("POST", &target).json(body))
    }

    fn sign_in(&self, name: &str) -> Result<Value> {
        let email = format!("{name}@example.com");
        let body = json!({ "email": email, "password": format!("{name}-password") });
        let answer = self.token("password", &body)?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Ok(answer.json())
    }

    fn refresh(&self, session: &Value) -> Result<Response> {
        let body = json!({ "refresh_token": session["refresh_token"] });
        self.token("refresh_token", &body)
    }

    /// Without a version of the API, and with the first that has errors of another shape.
    fn refuses(&self, request: &Request, status: u16, code: &str) -> Result<()> {
        let older = self.send(request)?;
        let found = older.json();
        assert_eq!(
            (older.status, &found["code"], &found["error_code"]),
            (status, &json!(status), &json!(code)),
            "{request:?}"
        );
        assert!(found["msg"].is_string(), "{request:?}");
        let version = ("x-supabase-api-version", "2024-01-01");
        let newer = self.send(&request.clone().header(version.0, version.1))?;
        assert_eq!(
            (newer.status, newer.json()),
            (status, json!({ "code": code, "message": found["msg"] })),
            "{request:?}"
        );
        assert_eq!(newer.header(version.0), Some(version.1));
        Ok(())
    }

    fn bearing(&self, method: &str, path: &str, session: &Value) -> Result<Response> {
        let token = session["access_token"].as_str().context("a token")?;
        let request = Request::new(method, &format!("/auth/v1{path}"));
        self.send(&request.header("authorization", &format!("Bearer {token}")))
    }
}

#[test]
fn each_error_of_the_sign_in_is_supabases_in_both_of_its_shapes() -> Result<()> {
    let world = World::new(Algorithm::Es256)?;
    let password = |body: &Value| ("POST", "/token?grant_type=password", body.to_string(), None);
    let refresh = |body: &Value| {
        let path = "/token?grant_type=refresh_token";
        ("POST", path, body.to_string(), None)
    };
    let bearing = |method, path, token| (method, path, String::new(), Some(token));
    let stranger = Key::generate(Algorithm::Es256)?.with_kid(world.issuer.key().kid());
    let (header, claims) = (
        stranger.header(),
        world.issuer.minter().claims(Uuid::nil(), "ann"),
    );
    let forged = stranger.sign(&header, &claims);
    let foreign = world.issuer.minter().token(Uuid::nil(), "ann");
    let mut old = claims.clone();
    old["exp"] = json!(1);
    let expired = world.issuer.minter().sign(&old);
    let ann = "ann@example.com";
    let cases = [
        (
            password(&json!({ "email": ann, "password": "ben-password" })),
            400,
            "invalid_credentials",
        ),
        (
            password(&json!({ "email": ann, "password": "" })),
            400,
            "invalid_credentials",
        ),
        (
            password(&json!({ "email": ann, "password": null })),
            400,
            "invalid_credentials",
        ),
        (
            password(&json!({ "email": "eve@example.com", "password": "x" })),
            400,
            "invalid_credentials",
        ),
        (
            password(&json!({ "password": "ann-password" })),
            400,
            "validation_failed",
        ),
        (
            ("POST", "/token?grant_type=password", "{".to_owned(), None),
            400,
            "bad_json",
        ),
        (
            ("POST", "/token?grant_type=magic", "{}".to_owned(), None),
            400,
            "invalid_credentials",
        ),
        (
            ("POST", "/token", "{}".to_owned(), None),
            400,
            "invalid_credentials",
        ),
        (
            refresh(&json!({ "refresh_token": "guessed" })),
            400,
            "refresh_token_not_found",
        ),
        (
            ("GET", "/user", String::new(), None),
            401,
            "no_authorization",
        ),
        (bearing("GET", "/user", "a.b.c"), 403, "bad_jwt"),
        (bearing("GET", "/user", &forged), 403, "bad_jwt"),
        (bearing("GET", "/user", &expired), 403, "bad_jwt"),
        (bearing("GET", "/user", &foreign), 403, "session_not_found"),
        (
            ("POST", "/logout", String::new(), None),
            401,
            "no_authorization",
        ),
        (bearing("POST", "/logout", &forged), 403, "bad_jwt"),
    ];
    for ((method, path, body, token), status, code) in cases {
        let mut request = Request::new(method, &format!("/auth/v1{path}")).body(body);
        if let Some(token) = token {
            request = request.header("authorization", &format!("Bearer {token}"));
        }
        world.refuses(&request, status, code)?;
    }
    let nothing = world.token("refresh_token", &json!({}))?;
    let error = &nothing.json()["error"];
    assert_eq!((nothing.status, error), (400, &json!("invalid_request")));
    Ok(())
}

/// The members of the recorded token of a real server, and their types.
#[test]
fn a_token_has_the_members_of_a_real_one() -> Result<()> {
    let recorded: Value = serde_json::from_str(include_str!("../presenting/supabase/tokens.json"))?;
    for (name, algorithm) in [
        ("es256_password", Algorithm::Es256),
        ("rs256_password", Algorithm::Rs256),
        ("eddsa_password", Algorithm::EdDsa),
    ] {
        let world = World::new(algorithm)?;
        let session = world.sign_in("ann")?;
        let claims = claims(&session)?;
        assert_eq!(
            shape(&claims),
            shape(&recorded["tokens"][name]["claims"]),
            "{name}"
        );
        assert_eq!(session["user"]["id"], claims["sub"]);
        let asked = world.bearing("GET", "/user", &session)?;
        assert_eq!(
            (asked.status, asked.json()),
            (200, session["user"].clone()),
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn a_session_goes_on_with_its_newest_refresh_token_and_ends_with_a_stolen_one() -> Result<()> {
    let world = World::new(Algorithm::Es256)?;
    let first = world.sign_in("ann")?;
    let second = world.refresh(&first)?.json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    for claim in ["session_id", "sub", "amr"] {
        assert_eq!(claims(&first)?[claim], claims(&second)?[claim], "{claim}");
    }
    // Its reply may have got lost: the same one again, at once, is answered with the newest.
    let again = world.refresh(&first)?.json();
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    let third = world.refresh(&second)?.json();
    for session in [&first, &third] {
        let answer = world.refresh(session)?;
        assert_eq!(
            (answer.status, &answer.json()["error_code"]),
            (400, &json!("refresh_token_already_used"))
        );
    }
    Ok(())
}

#[test]
fn signing_out_ends_the_sessions_of_its_scope_and_nobody_elses() -> Result<()> {
    // The scope, and whether the session itself, another of the person and one of another person go on.
    for (scope, go_on) in [
        ("", [false, false, true]),
        ("?scope=global", [false, false, true]),
        ("?scope=local", [false, true, true]),
        ("?scope=others", [true, false, true]),
        ("?scope=all", [true, true, true]),
    ] {
        let world = World::new(Algorithm::Es256)?;
        let sessions = [
            world.sign_in("ann")?,
            world.sign_in("ann")?,
            world.sign_in("ben")?,
        ];
        let answer = world.bearing("POST", &format!("/logout{scope}"), &sessions[0])?;
        let expected = if scope == "?scope=all" { 400 } else { 204 };
        assert_eq!(answer.status, expected, "{scope}");
        for (session, goes_on) in sessions.iter().zip(go_on) {
            let refreshed = world.refresh(session)?.status == 200;
            let asked = world.bearing("GET", "/user", session)?.status == 200;
            assert_eq!((refreshed, asked), (goes_on, goes_on), "{scope}");
        }
    }
    Ok(())
}

/// A page of anywhere may read the public keys; only one of this machine may sign in.
#[test]
fn the_issuer_lets_pages_of_this_machine_sign_in() -> Result<()> {
    let world = World::new(Algorithm::Es256)?;
    for (origin, good) in [
        ("http://localhost:5173", true),
        ("https://elsewhere.example", false),
    ] {
        let request = Request::new("OPTIONS", "/auth/v1/token?grant_type=password")
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let preflight = world.send(&request)?;
        let request = Request::new("GET", "/auth/v1/user").header("origin", origin);
        for answer in [preflight, world.send(&request)?] {
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!(allowed, good.then_some(origin));
        }
    }
    let keys = world.send(&Request::new("GET", "/auth/v1/.well-known/jwks.json"))?;
    assert_eq!(keys.header("access-control-allow-origin"), Some("*"));
    Ok(())
}

fn claims(session: &Value) -> Result<Value> {
    use base64::Engine as _;
    let token = session["access_token"].as_str().context("a token")?;
    let part = token.split('.').nth(1).context("claims")?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// The names and types of everything in it.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) | Value::Null => json!(value.is_boolean()),
    }
}
