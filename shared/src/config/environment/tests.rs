use std::collections::HashMap;

use super::*;

const GOOD: [(&str, &str); 13] = [
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
    ("PLATFORM_AGENT_ID", "optkas-platform"),
    ("TLOG_ORIGIN", "optkas.example/log"),
    ("TLOG_BUCKET", "optkas-log"),
    ("TLOG_STATE_TABLE", "optkas-log"),
];

/// The variables that are refused when `name` has `value`, for the five kinds of functions.
fn refused(name: &str, value: Option<&str>) -> [Vec<&'static str>; 5] {
    let mut values: HashMap<_, _> = GOOD.into_iter().collect();
    match value {
        Some(value) => drop(values.insert(name, value)),
        None => drop(values.remove(name)),
    }
    let variables =
        || Variables::new(|name: &str| values.get(name).map(|value| (*value).to_owned()));
    let names = |error: Option<Malformed>| {
        error
            .map(|error| error.names().collect())
            .unwrap_or_default()
    };
    [
        names(Base::parse(variables()).err()),
        names(People::parse(variables()).err()),
        names(Registrar::parse(variables()).err()),
        names(Deployment::parse(variables()).err()),
        names(Signer::parse(variables()).err()),
    ]
}

#[test]
fn a_full_environment_is_accepted() {
    assert_eq!(refused("OTHER", None), [[""; 0]; 5]);
    assert_eq!(refused("JWKS_MAX_AGE_SECONDS", None), [[""; 0]; 5]);
}

#[test]
fn each_variable_missing_or_malformed_is_named() {
    let all = [true; 5];
    let people = [false, true, false, false, false];
    let keys = [false, true, true, false, false];
    let deployment = [false, false, false, true, false];
    let identity = [false, true, false, true, false];
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
        ("JWT_ISSUER", identity, None),
        ("JWT_ISSUER", identity, Some("")),
        (
            "JWT_ISSUER",
            identity,
            Some("http://issuer.example/auth/v1"),
        ),
        ("JWT_AUDIENCE", identity, None),
        ("JWT_AUDIENCE", identity, Some("")),
        ("JWT_AUDIENCE", identity, Some("a b")),
        ("JWKS_URL", keys, None),
        ("JWKS_URL", keys, Some("file:///etc/passwd")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("601")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("-1")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("+1")),
        ("JWKS_MAX_AGE_SECONDS", people, Some("99999999999999999999")),
        ("PLATFORM_AGENT_ID", deployment, None),
        ("PLATFORM_AGENT_ID", deployment, Some("Platform")),
    ] {
        let expected = who.map(|concerned| if concerned { vec![name] } else { Vec::new() });
        assert_eq!(refused(name, value), expected, "{name} {value:?}");
    }
}

#[test]
fn each_variable_of_the_signer_missing_or_malformed_is_named() {
    let signer = [false, false, false, false, true];
    for (name, value) in [
        ("TLOG_ORIGIN", None),
        ("TLOG_ORIGIN", Some("")),
        ("TLOG_ORIGIN", Some("https://optkas.example/log")),
        ("TLOG_ORIGIN", Some("optkas.example/log/")),
        ("TLOG_ORIGIN", Some("optkas.example/a log")),
        ("TLOG_ORIGIN", Some("optkas.example/log+1")),
        ("TLOG_BUCKET", None),
        ("TLOG_BUCKET", Some("Log")),
        ("TLOG_BUCKET", Some("-log")),
        ("TLOG_BUCKET", Some("a.log")),
        ("TLOG_STATE_TABLE", None),
        ("TLOG_STATE_TABLE", Some("a table")),
        ("TLOG_RETENTION_DAYS", Some("0")),
        ("TLOG_RETENTION_DAYS", Some("36501")),
        ("TLOG_ROUND_SECONDS", Some("")),
        ("TLOG_ROUND_SECONDS", Some("61")),
        ("TLOG_ROUND_SECONDS", Some("+2")),
        ("WITNESS_POLICY", Some("")),
        ("WITNESS_POLICY", Some("quorum all")),
        ("AWS_ENDPOINT_URL_S3", Some("http://storage.example")),
        ("AWS_ENDPOINT_URL_DYNAMODB", Some("http://tables.example")),
    ] {
        let expected = signer.map(|concerned| if concerned { vec![name] } else { Vec::new() });
        assert_eq!(refused(name, value), expected, "{name} {value:?}");
    }
}

#[test]
fn a_login_is_a_secret_unless_it_is_said_to_be_signed() {
    let auth = |auth: Option<&'static str>| {
        let url = "postgresql://db.example:5432/optkas?sslmode=verify-full";
        let base = Base::parse(Variables::new(move |name: &str| match name {
            "DATABASE_URL" => Some(url.to_owned()),
            "DATABASE_AUTH" => auth.map(str::to_owned),
            _ => GOOD
                .into_iter()
                .find(|(good, _)| *good == name)
                .map(|(_, value)| value.to_owned()),
        }));
        base.unwrap().database_auth
    };
    assert_eq!(auth(None), DatabaseAuth::Secret);
    assert_eq!(auth(Some("secret")), DatabaseAuth::Secret);
    assert_eq!(auth(Some("iam")), DatabaseAuth::Iam);
}

#[test]
fn an_error_names_rules_and_no_values() {
    let error =
        Base::parse(Variables::new(|_: &str| Some("hunter2 hunter2".to_owned()))).unwrap_err();
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
