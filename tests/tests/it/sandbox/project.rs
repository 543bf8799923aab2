//! `cargo xtask up --issuer URL`: another issuer says who people are.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::http::{self, Request};
use tests::issuer::{Account, Algorithm, Issuer, Key};
use uuid::Uuid;

use super::lines::TRY;
use super::{Up, address, command, shell};

#[test]
fn people_of_a_project_of_ones_own_settle_with_the_printed_lines() -> Result<()> {
    let issuer = Issuer::start(0, Key::generate(Algorithm::Es256)?)?;
    let token = |name: &str| sign_in(&issuer, name);
    let (maker, checker) = (token("eve")?, token("frank")?);
    let up = Up::start("project", &["--issuer", issuer.name()])?;

    let me = |token: &str| {
        let request = Request::new("GET", "/v1/me");
        let request = request.header("authorization", &format!("Bearer {token}"));
        anyhow::Ok(up.send(&request)?)
    };
    assert_eq!(me(&maker)?.status, 403, "nobody is a member yet");
    let stranger = Issuer::start(0, Key::generate(Algorithm::Es256)?)?;
    assert_eq!(me(&sign_in(&stranger, "eve")?)?.status, 401);

    let lines = up.lines(TRY);
    let variables = [("TOKEN", &*maker), ("CHECKER", &*checker)];
    let printed = shell(&lines, &variables)?;
    assert!(printed.contains(r#""status":"SETTLED""#), "{printed}");
    assert!(printed.lines().any(|line| line == "VERIFIED"), "{printed}");
    // Again: both are members already.
    let grants: Vec<&str> = lines.lines().take(4).collect();
    let printed = shell(&grants.join("\n"), &variables)?;
    assert_eq!(
        printed.matches(r#""duplicate":true"#).count(),
        2,
        "{printed}"
    );
    let known = me(&maker)?.json();
    assert_eq!(known["roles"], json!(["maker"]), "{known}");

    // No sample person is told of, is a member, or gets a token.
    assert!(
        !up.printed.contains("alice") && !up.printed.contains("password"),
        "{}",
        up.printed
    );
    assert_eq!(up.description()?["people"], json!([]));
    let name = up.folder.strip_prefix("local-").context("a name")?;
    let (good, said) = command(&["token", "alice", "--name", name])?;
    assert!(!good && said.contains(issuer.name()), "{said}");
    // Without tokens the lines say what is needed.
    let unset = shell(&lines, &[]).map_err(|error| format!("{error:#}"));
    assert!(unset.is_err_and(|said| said.contains("is the access token of a person")));
    Ok(())
}

#[test]
fn an_issuer_that_cannot_be_believed_is_refused_before_anything_starts() -> Result<()> {
    let good = "https://project.supabase.co/auth/v1";
    for arguments in [
        &["--issuer", "http://project.supabase.co/auth/v1"][..],
        &["--issuer", "http://10.0.0.1/auth/v1"],
        &["--issuer", "http://localhost.example/auth/v1"],
        &["--issuer", "https://user@project.supabase.co/auth/v1"],
        &["--issuer", "https://project.supabase.co/auth/v1?x"],
        &["--issuer", "project.supabase.co"],
        &["--issuer", ""],
        &[
            "--issuer",
            good,
            "--jwks-url",
            "http://project.supabase.co/jwks",
        ],
        &["--issuer", good, "--audience", ""],
        &["--audience", "other"],
        &["--jwks-url", good],
    ] {
        let (started, said) =
            command(&[&["up", "--temporary", "--name", "never"], arguments].concat())?;
        assert!(
            !started && said.contains("error: "),
            "{arguments:?}: {said}"
        );
        assert!(!said.contains("Migrating"), "{arguments:?}: {said}");
    }
    Ok(())
}

/// Signs somebody in, who can from now on.
fn sign_in(issuer: &Issuer, name: &str) -> Result<String> {
    issuer.enrol(Account {
        sub: Uuid::new_v4(),
        name: name.to_owned(),
        password: "a password".to_owned(),
    });
    let body = json!({ "email": format!("{name}@example.com"), "password": "a password" });
    let request = Request::new("POST", "/auth/v1/token?grant_type=password").json(&body);
    let answer: Value = http::send(address(issuer.name())?, &request)?.json();
    Ok(answer["access_token"]
        .as_str()
        .context("a token")?
        .to_owned())
}
