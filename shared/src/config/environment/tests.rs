use std::collections::HashMap;

use super::*;

const GOOD: [(&str, &str); 9] = [
    (
        "DATABASE_URL",
        "postgresql://127.0.0.1:5432/optkas?sslmode=disable",
    ),
    ("SECRETS_PREFIX", "optkas/local"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "local"),
    ("AWS_SECRET_ACCESS_KEY", "local"),
    ("JWT_ISSUER", "http://127.0.0.1:9999/auth/v1"),
    ("JWT_AUDIENCE", "authenticated"),
    (
        "JWKS_URL",
        "http://127.0.0.1:9999/auth/v1/.well-known/jwks.json",
    ),
    ("JWKS_MAX_AGE_SECONDS", "600"),
];

/// The variables that are refused when `name` has `value`: of every function, and of one that people call.
fn refused(name: &str, value: Option<&str>) -> [Vec<&'static str>; 2] {
    let mut values: HashMap<_, _> = GOOD
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match value {
        Some(value) => drop(values.insert(name.to_owned(), value.to_owned())),
        None => drop(values.remove(name)),
    }
    let variables = || {
        let values = values.clone();
        Variables::new(move |name| values.get(name).cloned())
    };
    let names = |error: Option<Malformed>| {
        error
            .map(|error| error.names().collect())
            .unwrap_or_default()
    };
    [
        names(variables().parse(Base::read).err()),
        names(variables().parse(People::read).err()),
    ]
}

#[test]
fn a_full_environment_is_accepted() {
    assert_eq!(refused("OTHER", None), [[""; 0]; 2]);
    assert_eq!(refused("JWKS_MAX_AGE_SECONDS", None), [[""; 0]; 2]);
    for client_ids in [None, Some(""), Some("one"), Some("one,two")] {
        assert_eq!(refused("JWT_CLIENT_IDS", client_ids), [[""; 0]; 2]);
    }
}

#[test]
fn each_variable_missing_or_malformed_is_named() {
    let all = [true; 2];
    let people = [false, true];
    for (name, who, value) in [
        ("DATABASE_URL", all, None),
        ("DATABASE_URL", all, Some("")),
        (
            "DATABASE_URL",
            all,
            Some("postgresql://me:secret@127.0.0.1:5432/optkas?sslmode=disable"),
        ),
        ("DATABASE_AUTH", all, Some("")),
        ("DATABASE_AUTH", all, Some("password")),
        ("DATABASE_AUTH", all, Some("IAM")),
        // No token leaves without TLS.
        ("DATABASE_AUTH", all, Some("iam")),
        ("DATABASE_CA_FILE", all, Some("")),
        ("DATABASE_CA_FILE", all, Some("Cargo.toml")),
        ("DATABASE_CA_FILE", all, Some("/nowhere/ca.pem")),
        (
            "DATABASE_CA_FILE",
            all,
            Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")),
        ),
        ("SECRETS_PREFIX", all, None),
        ("SECRETS_PREFIX", all, Some("")),
        ("SECRETS_PREFIX", all, Some("/optkas")),
        ("SECRETS_PREFIX", all, Some("optkas/")),
        ("SECRETS_PREFIX", all, Some("optkas//local")),
        ("SECRETS_PREFIX", all, Some("optkas/../prod")),
        ("SECRETS_PREFIX", all, Some("Optkas")),
        ("SECRETS_PREFIX", all, Some("optkas\u{fffd}")),
        ("AWS_REGION", all, None),
        ("AWS_REGION", all, Some("eu central")),
        ("AWS_ACCESS_KEY_ID", all, None),
        ("AWS_ACCESS_KEY_ID", all, Some("")),
        ("AWS_SECRET_ACCESS_KEY", all, None),
        ("AWS_SECRET_ACCESS_KEY", all, Some("a b")),
        ("AWS_SESSION_TOKEN", all, Some("")),
        (
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            all,
            Some("http://secrets.example"),
        ),
        ("AWS_LAMBDA_MAX_CONCURRENCY", all, Some("many")),
        ("JWT_ISSUER", people, None),
        ("JWT_ISSUER", people, Some("")),
        ("JWT_ISSUER", people, Some("http://issuer.example/auth/v1")),
        ("JWT_AUDIENCE", people, None),
        ("JWT_AUDIENCE", people, Some("")),
        ("JWT_AUDIENCE", people, Some("a b")),
        ("JWT_CLIENT_IDS", people, Some(",")),
        ("JWT_CLIENT_IDS", people, Some("one,")),
        ("JWT_CLIENT_IDS", people, Some("one, two")),
        ("JWKS_URL", people, None),
        ("JWKS_URL", people, Some("file:///etc/passwd")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("601")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("-1")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("+1")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("99999999999999999999")),
    ] {
        let expected = who.map(|concerned| if concerned { vec![name] } else { Vec::new() });
        assert_eq!(refused(name, value), expected, "{name} {value:?}");
    }
}

#[test]
fn a_login_is_a_secret_unless_it_is_said_to_be_signed() {
    let auth = |auth: Option<&'static str>| {
        let url = "postgresql://db.example:5432/optkas?sslmode=verify-full";
        let variables = Variables::new(move |name: &str| match name {
            "DATABASE_URL" => Some(url.to_owned()),
            "DATABASE_AUTH" => auth.map(str::to_owned),
            _ => GOOD
                .into_iter()
                .find(|(good, _)| *good == name)
                .map(|(_, value)| value.to_owned()),
        });
        variables.parse(Base::read).unwrap().database_auth
    };
    assert_eq!(auth(None), DatabaseAuth::Secret);
    assert_eq!(auth(Some("secret")), DatabaseAuth::Secret);
    assert_eq!(auth(Some("iam")), DatabaseAuth::Iam);
}

#[test]
fn an_error_names_rules_and_no_values() {
    let variables = Variables::new(|_: &str| Some("hunter2 hunter2".to_owned()));
    let error = variables.parse(Base::read).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(
        error.names().collect::<Vec<_>>(),
        [
            "DATABASE_URL",
            "DATABASE_AUTH",
            "DATABASE_CA_FILE",
            "SECRETS_PREFIX",
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            "AWS_LAMBDA_MAX_CONCURRENCY",
        ]
    );
}
