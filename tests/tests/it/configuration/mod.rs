//! Without a complete and valid configuration a function serves nothing, and its replies do not say what is missing.
//!
//! Each function is started with everything right but one thing, over a database that only counts who
//! connects, and is sent a request that would be executed.

mod database;
mod faults;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tests::deployment::functions;
use tests::fixture::Fixture;
use tests::http::{Request, Response};
use tests::lambda::{self, Answer, Function, Invocation, Launch};

use crate::endpoints::{KINDS, PEOPLES, anonymous, bearing, event, of_person};
use crate::support::together;
use database::Database;
use faults::{Fault, SECRET_PREFIX_OF_FAULTS, faults};

/// The problem document of every 500, whatever the order of its members.
const GENERIC: &str = r#"{"type":"about:blank","title":"Internal Server Error","status":500}"#;

#[test]
fn each_variable_and_secret_missing_or_malformed_gives_the_same_500() -> Result<()> {
    let fixture = Fixture::new()?;
    let database = Database::start()?;
    let mut answers = BTreeSet::new();
    let mut errors = BTreeSet::new();
    let functions = functions()?;
    // Functions side by side: a fault costs a cold start, which is mostly waiting.
    for refused in together(functions.len(), |number| {
        each_fault(&fixture, &database, &functions[number])
    })? {
        answers.extend(refused.answers);
        errors.extend(refused.errors);
    }
    assert_eq!(answers.len(), 1, "the answers differ: {answers:#?}");
    assert_eq!(errors.len(), 1, "the errors differ: {errors:#?}");
    assert_eq!(
        database.connections()?,
        0,
        "somebody went on to the database"
    );
    assert_eq!(
        fixture.issuer().fetches(),
        0,
        "somebody went on to the issuer"
    );
    Ok(())
}

#[test]
fn with_a_good_configuration_each_function_reaches_the_database() -> Result<()> {
    let fixture = Fixture::new()?;
    for function in functions()? {
        let database = Database::start()?;
        let launch = fixture
            .launch(&function)?
            .with("DATABASE_URL", &database.url());
        let launch = at(launch, &fixture, &function, "right")?;
        let answer = invoke(&fixture, &function, &Function::new(launch)?)?;
        assert!(
            database.connections()? > 0,
            "{function} did not connect: {answer:?}"
        );
        let Answer::Response(body) = answer else {
            assert!(!is_http(&function), "{function}: {answer:?}");
            continue;
        };
        let reply = lambda::response(&serde_json::from_slice(&body)?)?;
        // The false database cannot be used: the reply is 503 and says nothing else.
        assert_eq!(reply.status, 503, "{function}: {}", reply.text());
        assert!(reply.header("retry-after").is_some(), "{function}");
    }
    Ok(())
}

#[test]
fn no_password_crosses_a_connection_without_tls() -> Result<()> {
    /// A request for TLS (protocol 3, `SSLRequest`), the only message allowed before TLS.
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let fixture = Fixture::new()?;
    for function in functions()? {
        let database = Database::start()?;
        let url = database
            .url()
            .replace("sslmode=disable", "sslmode=verify-full");
        let launch = at(
            fixture.launch(&function)?.with("DATABASE_URL", &url),
            &fixture,
            &function,
            "tls",
        )?;
        let answer = invoke(&fixture, &function, &Function::new(launch)?)?;
        if let Answer::Response(body) = answer {
            let reply = lambda::response(&serde_json::from_slice(&body)?)?;
            assert!(reply.status >= 500, "{function}: {}", reply.text());
        }
        let heard = database.heard()?;
        assert!(!heard.is_empty(), "{function} did not connect");
        assert!(
            heard.iter().all(|bytes| *bytes == SSL_REQUEST),
            "{function} said more: {heard:?}"
        );
    }
    Ok(())
}

/// The variables that a function requires of its deployment, and those that it may have as well.
pub(crate) fn variables(function: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    (faults::required(function), faults::optional(function))
}

/// Replies without the request's own id.
type Answers = BTreeSet<(u16, Vec<(String, String)>, String)>;

/// One function's replies to all of its faults.
#[derive(Default)]
struct Refused {
    answers: Answers,
    errors: BTreeSet<String>,
}

fn each_fault(fixture: &Fixture, database: &Database, function: &str) -> Result<Refused> {
    let mut refused = Refused::default();
    for (number, fault) in faults(function, &database.url()).iter().enumerate() {
        let what = format!("{function}: {}", fault.what());
        let (answer, log) = start_and_invoke(fixture, database, function, number, fault)?;
        match answer {
            Answer::Response(body) if is_http(function) => {
                let reply = lambda::response(&serde_json::from_slice(&body)?)?;
                assert_generic(&what, &reply);
                refused.answers.insert(anonymous(&reply));
            }
            Answer::Error(error) if !is_http(function) => {
                refused.errors.insert(error);
            }
            other => bail!("{what}: {other:?}\n{log}"),
        }
        for name in fault.named_in_log() {
            assert!(
                log.contains(&name),
                "{what}: the log does not name {name}: {log}"
            );
        }
        for value in fault.secret_values() {
            assert!(
                !log.contains(&value),
                "{what}: the log has the value: {log}"
            );
        }
    }
    Ok(refused)
}

/// One cold start with that fault; its answer and its log.
fn start_and_invoke(
    fixture: &Fixture,
    database: &Database,
    function: &str,
    number: usize,
    fault: &Fault,
) -> Result<(Answer, String)> {
    let prefix = format!(
        "{}/{SECRET_PREFIX_OF_FAULTS}-{function}-{number}",
        fixture.deployment().prefix
    );
    let mut launch = fixture
        .launch(function)?
        .with("DATABASE_URL", &database.url());
    match fault {
        Fault::Missing(variable) => launch = launch.without(variable),
        Fault::Malformed(variable, value) => launch = launch.with(variable, value),
        Fault::Secret(kind, document) => {
            launch = launch.with("SECRETS_PREFIX", &prefix);
            let good = faults::good_secrets(fixture, function);
            for (known, value) in good {
                let text = if known == *kind {
                    document.clone()
                } else {
                    Some(value.to_string())
                };
                if let Some(text) = text {
                    fixture
                        .services()
                        .secrets()
                        .put_text(&format!("{prefix}/{known}/{function}"), &text)?;
                }
            }
        }
    }
    let function_under_test = Function::new(at(launch, fixture, function, &number.to_string())?)?;
    let answer = invoke(fixture, function, &function_under_test)?;
    Ok((answer, function_under_test.logs()))
}

/// Starts the function with a log of its own.
fn at(mut launch: Launch, fixture: &Fixture, function: &str, case: &str) -> Result<Launch> {
    launch.log_folder = fixture.services().folder().join(format!(
        "configuration-{}-{function}-{case}",
        fixture.database().name()
    ));
    std::fs::create_dir_all(&launch.log_folder)?;
    Ok(launch)
}

fn invoke(fixture: &Fixture, name: &str, function: &Function) -> Result<Answer> {
    let event = match request(fixture, name) {
        Some(request) => fixture.resolve(&request)?.context("a route")?.1,
        None => json!({}),
    };
    function.invoke(Invocation::new(&event))
}

/// A request that would be executed with a good configuration.
fn request(fixture: &Fixture, function: &str) -> Option<Request> {
    if PEOPLES.contains(&function) {
        return Some(bearing(
            &of_person(function),
            &fixture.person("dave").token(),
        ));
    }
    let kind = KINDS.into_iter().find(|kind| kind.function() == function)?;
    let agent = fixture
        .deployment()
        .agents
        .iter()
        .find(|agent| agent.kind == kind)?;
    Some(agent.sign(&event(kind).to_string()))
}

fn is_http(function: &str) -> bool {
    PEOPLES.contains(&function) || function.ends_with("-webhook")
}

fn assert_generic(what: &str, reply: &Response) {
    assert_eq!(reply.status, 500, "{what}: {}", reply.text());
    let expected: Value = serde_json::from_str(GENERIC).unwrap_or_default();
    assert_eq!(reply.json(), expected, "{what}");
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json"),
        "{what}"
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
    assert!(
        reply
            .header("x-request-id")
            .is_some_and(|id| !id.is_empty()),
        "{what}"
    );
}
