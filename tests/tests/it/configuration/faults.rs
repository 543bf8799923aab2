//! Faults of a function's configuration, one at a time.

use serde_json::{Value, json};
use tests::deployment::login;
use tests::fixture::Fixture;

use crate::endpoints::{KINDS, PEOPLES};

/// The prefix below which each faulty secret has a place of its own.
pub(super) const SECRET_PREFIX_OF_FAULTS: &str = "fault";

/// Part of values that no log may repeat.
const MARK: &str = "hush-hush";

pub(super) enum Fault {
    /// A variable that is not there.
    Missing(&'static str),
    /// A variable with that value.
    Malformed(&'static str, String),
    /// A secret (`database`, `webhooks`, `note-key` or `chain-key`) with that content; `None` deletes it.
    Secret(&'static str, Option<String>),
}

impl Fault {
    pub(super) fn what(&self) -> String {
        match self {
            Self::Missing(variable) => format!("no {variable}"),
            Self::Malformed(variable, value) => format!("{variable}={value:.80}"),
            Self::Secret(kind, document) => format!("the secret {kind} is {document:.80?}"),
        }
    }

    /// Text that the log must contain for the operator.
    pub(super) fn named_in_log(&self) -> Vec<String> {
        match self {
            Self::Missing(variable) | Self::Malformed(variable, _) => vec![(*variable).to_owned()],
            Self::Secret(..) => vec!["A secret is missing or malformed".to_owned()],
        }
    }

    /// Text that the log must not contain.
    pub(super) fn secret_values(&self) -> Vec<String> {
        match self {
            // A short or empty value would be found in any text.
            Self::Malformed(_, value) if value.len() > 8 => vec![value.clone(), MARK.to_owned()],
            Self::Missing(_) | Self::Malformed(..) | Self::Secret(..) => vec![MARK.to_owned()],
        }
    }
}

/// The variables that Lambda sets and a function depends on.
const LAMBDAS: [&str; 3] = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The variables that a function requires of the deployment.
pub(super) fn required(function: &str) -> Vec<&'static str> {
    let mut all = vec!["DATABASE_URL", "SECRETS_PREFIX"];
    if PEOPLES.contains(&function) {
        all.extend(["JWKS_URL", "JWT_AUDIENCE", "JWT_ISSUER"]);
    } else if function == "sync-jwks" {
        all.push("JWKS_URL");
    } else if function == "migrate" {
        all.extend(["JWT_AUDIENCE", "JWT_ISSUER", "PLATFORM_AGENT_ID"]);
    } else if function == "sign-checkpoint" {
        all.extend(["TLOG_BUCKET", "TLOG_ORIGIN", "TLOG_STATE_TABLE"]);
    } else if function == "anchor-checkpoint" {
        all.extend(["CHAIN_ID", "CHAIN_RPC_URL", "TLOG_VERIFIER_KEY"]);
    }
    all
}

/// The variables that it may have as well.
pub(super) fn optional(function: &str) -> Vec<&'static str> {
    let mut all = vec!["DATABASE_AUTH", "DATABASE_CA_FILE"];
    if PEOPLES.contains(&function) {
        all.push("JWKS_MAX_AGE_SECONDS");
    }
    if PEOPLES.contains(&function) || function == "migrate" {
        all.push("JWT_CLIENT_IDS");
    }
    match function {
        "sequence-tlog" => all.push("TLOG_ROUND_SECONDS"),
        "sign-checkpoint" => {
            all.extend([
                "TLOG_RETENTION_DAYS",
                "TLOG_ROUND_SECONDS",
                "WITNESS_POLICY",
            ]);
        }
        "anchor-checkpoint" => all.push("CHAIN_CONFIRMATIONS"),
        _ => {}
    }
    all
}

/// Everything that can be wrong with that function's configuration. `database` is a right `DATABASE_URL`.
pub(super) fn faults(function: &str, database: &str) -> Vec<Fault> {
    let mut variables = required(function);
    variables.extend(LAMBDAS);
    let mut all: Vec<Fault> = variables.iter().copied().map(Fault::Missing).collect();
    variables.extend(optional(function));
    variables.extend(["AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_SECRETS_MANAGER"]);
    if function == "sign-checkpoint" {
        variables.extend(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB"]);
    }
    for variable in variables {
        let values = malformed(variable, database).into_iter();
        all.extend(values.map(|value| Fault::Malformed(variable, value)));
    }
    all.extend(
        bad_logins(function)
            .into_iter()
            .map(|document| Fault::Secret("database", document)),
    );
    if KINDS.iter().any(|kind| kind.function() == function) {
        all.extend(
            bad_key_rings()
                .into_iter()
                .map(|document| Fault::Secret("webhooks", document)),
        );
    }
    let keys = match function {
        "sign-checkpoint" => bad_keys("note-key", "seed"),
        "anchor-checkpoint" => bad_keys("chain-key", "private_key"),
        _ => Vec::new(),
    };
    all.extend(keys);
    all
}

fn malformed(variable: &str, database: &str) -> Vec<String> {
    let url_with = |from: &str, to: &str| database.replacen(from, to, 1);
    match variable {
        "DATABASE_URL" => vec![
            String::new(),
            MARK.to_owned(),
            url_with("postgresql://", &format!("postgresql://me:{MARK}@")),
            url_with("sslmode=disable", "sslmode=require"),
            url_with("?sslmode=disable", ""),
            url_with(
                "disable",
                "disable&options=-cdefault_transaction_isolation=serializable",
            ),
            // Without TLS only this machine's database is allowed.
            url_with("127.0.0.1", "192.0.2.1"),
            url_with("127.0.0.1", "localhost.example"),
        ],
        "DATABASE_AUTH" => vec![
            String::new(),
            MARK.to_owned(),
            // No token leaves for a database without TLS, not even on this machine.
            "iam".to_owned(),
        ],
        "DATABASE_CA_FILE" => vec![
            String::new(),
            format!("/nowhere/{MARK}.pem"),
            "/etc/hostname".to_owned(),
        ],
        "SECRETS_PREFIX" => vec![
            String::new(),
            format!("/{MARK}"),
            format!("{MARK}/../prod"),
            "x".repeat(101),
        ],
        "JWT_ISSUER" => vec![
            String::new(),
            MARK.to_owned(),
            format!("http://{MARK}.example/auth/v1"),
            format!("https://a:{MARK}@b.example/"),
            format!("https://b.example/?{MARK}"),
        ],
        "JWT_AUDIENCE" => vec![String::new(), format!("{MARK} twice"), "x".repeat(256)],
        "JWKS_URL" => vec![
            String::new(),
            MARK.to_owned(),
            format!("http://{MARK}.example/jwks.json"),
            format!("file:///{MARK}"),
            format!("https://b.example/jwks.json#{MARK}"),
        ],
        "JWT_CLIENT_IDS" => vec![format!("{MARK},"), format!("{MARK} twice")],
        "JWKS_MAX_AGE_SECONDS" => vec![
            String::new(),
            "601".to_owned(),
            "-1".to_owned(),
            "1.5".to_owned(),
            MARK.to_owned(),
        ],
        "PLATFORM_AGENT_ID" => vec![
            String::new(),
            "ab".to_owned(),
            MARK.to_uppercase(),
            format!("{MARK}_"),
        ],
        "AWS_REGION" => vec![String::new(), MARK.to_uppercase()],
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN" => {
            vec![String::new(), format!("{MARK} {MARK}")]
        }
        "AWS_ENDPOINT_URL_DYNAMODB"
        | "AWS_ENDPOINT_URL_S3"
        | "AWS_ENDPOINT_URL_SECRETS_MANAGER" => {
            vec![String::new(), format!("http://{MARK}.example/")]
        }
        other => malformed_of_the_log(other),
    }
}

fn malformed_of_the_log(variable: &str) -> Vec<String> {
    match variable {
        "TLOG_ROUND_SECONDS" => vec![
            String::new(),
            "61".to_owned(),
            "-1".to_owned(),
            MARK.to_owned(),
        ],
        "TLOG_RETENTION_DAYS" => vec![
            String::new(),
            "0".to_owned(),
            "36501".to_owned(),
            MARK.to_owned(),
        ],
        "TLOG_ORIGIN" => vec![
            String::new(),
            format!("https://{MARK}.example/log"),
            format!("{MARK} example"),
            format!("{MARK}+log"),
        ],
        "TLOG_BUCKET" => vec![
            String::new(),
            "x".to_owned(),
            MARK.to_uppercase(),
            format!("{MARK}/x"),
        ],
        "TLOG_STATE_TABLE" => vec![String::new(), "x".to_owned(), format!("{MARK} x")],
        "WITNESS_POLICY" => vec![
            String::new(),
            MARK.to_owned(),
            format!("quorum {MARK}"),
            format!("witness w {MARK}\nquorum w"),
        ],
        "TLOG_VERIFIER_KEY" => vec![
            String::new(),
            MARK.to_owned(),
            format!("{MARK}+00000000+AAAA"),
        ],
        "CHAIN_RPC_URL" => vec![
            String::new(),
            MARK.to_owned(),
            format!("http://{MARK}.example/"),
            format!("https://a:{MARK}@b.example/"),
        ],
        "CHAIN_ID" => vec![
            String::new(),
            "0".to_owned(),
            "-1".to_owned(),
            MARK.to_owned(),
        ],
        "CHAIN_CONFIRMATIONS" => vec![
            String::new(),
            "0".to_owned(),
            "1001".to_owned(),
            MARK.to_owned(),
        ],
        other => unreachable!("{other} is no variable of ours"),
    }
}

fn bad_logins(function: &str) -> Vec<Option<String>> {
    let (own, password) = (login(function), format!("{MARK}-{MARK}"));
    let documents = [
        json!(null),
        json!({}),
        json!({ "username": own }),
        json!({ "password": password }),
        json!({ "username": own, "password": 1 }),
        json!({ "username": own, "password": "" }),
        json!({ "username": own, "password": &MARK }),
        json!({ "username": "optkas_owner", "password": password }),
        json!({ "username": function.to_uppercase(), "password": password }),
    ];
    let doubled =
        format!(r#"{{"username":"{own}","password":"{password}","password":"{password}"}}"#);
    let texts = documents.into_iter().map(|document| document.to_string());
    let texts = texts.chain([format!("{own}:{password}"), doubled]);
    [None].into_iter().chain(texts.map(Some)).collect()
}

fn bad_key_rings() -> Vec<Option<String>> {
    // A mistake in one agent's entry stops that agent alone: webhooks::rings has those.
    let texts = [
        MARK.to_owned(),
        "{}".to_owned(),
        json!({ "agents": [] }).to_string(),
        json!({ "agents": {}, "more": MARK }).to_string(),
        json!({ "agents": MARK }).to_string(),
        format!(r#"{{"agents":{{"{MARK}":{{}},"{MARK}":{{}}}}}}"#),
    ];
    [None].into_iter().chain(texts.map(Some)).collect()
}

/// Faults of a signing key's secret: missing, not JSON, not a key.
fn bad_keys(kind: &'static str, member: &str) -> Vec<Fault> {
    let texts = [
        MARK.to_owned(),
        "{}".to_owned(),
        json!({ member: MARK }).to_string(),
        json!({ member: 1, "name": MARK }).to_string(),
        json!({ member: "", "name": "" }).to_string(),
    ];
    let texts = [None].into_iter().chain(texts.map(Some));
    texts.map(|text| Fault::Secret(kind, text)).collect()
}

/// The good secrets of a function, by their kind.
pub(super) fn good_secrets(fixture: &Fixture, function: &str) -> Vec<(&'static str, Value)> {
    let deployment = fixture.deployment();
    let password = deployment
        .passwords
        .get(function)
        .cloned()
        .unwrap_or_default();
    let mut all = vec![(
        "database",
        json!({ "username": login(function), "password": password }),
    )];
    if let Some(kind) = KINDS.into_iter().find(|kind| kind.function() == function) {
        all.push(("webhooks", deployment.key_ring(kind)));
    }
    match function {
        "sign-checkpoint" => all.push(("note-key", deployment.note_key())),
        "anchor-checkpoint" => {
            all.push(("chain-key", json!({ "private_key": deployment.chain_key })));
        }
        _ => {}
    }
    all
}
