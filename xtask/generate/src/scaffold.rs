//! What a new endpoint begins with: the files that its entry in the table determines, written once where they are
//! missing. What it does, its handler and its SQL, nobody can generate.

use std::collections::BTreeMap;

use crate::table::{Function, Kind, Table};

const MANIFEST: &str = r#"[package]
name = "FUNCTION"
description = "CALL: WHAT"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[dependencies]
shared.workspace = true

[lints]
workspace = true
"#;

const ROUTED: &str = r#"//! `CALL`: WHAT.

mod handler;

use std::process::ExitCode;

use shared::runtime::{Endpoint, human};

fn main() -> ExitCode {
    human(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "METHOD",
            route: "ROUTE",
        },
        handler::handle,
    )
}
"#;

const WEBHOOK: &str = r#"//! `CALL`: WHAT.

mod event;

use std::process::ExitCode;

use shared::runtime::{Endpoint, agent};

fn main() -> ExitCode {
    agent(
        Endpoint {
            function: env!("CARGO_PKG_NAME"),
            method: "METHOD",
            route: "ROUTE",
        },
        &event::WEBHOOK,
        |gateway, event| async move { gateway.GATEWAY(&event).await },
    )
}
"#;

const JOB: &str = r#"//! Scheduled: WHAT.

mod handler;

use std::process::ExitCode;

use shared::runtime::job;

fn main() -> ExitCode {
    job(env!("CARGO_PKG_NAME"), handler::handle)
}
"#;

const REQUEST: &str = r#"{
  "version": "2.0",
  "routeKey": "CALL",
  "rawPath": "PATH",
  "rawQueryString": "",
  "headers": {
    "accept": "application/json",
    "authorization": "Bearer TOKEN",
    "content-type": "application/json",
    "host": "api-id.execute-api.eu-central-1.amazonaws.com",
    "idempotency-key": "7e0b4c1f9d2a4b68a3f5"
  },
  "requestContext": {
    "accountId": "123456789012",
    "apiId": "api-id",
    "domainName": "api-id.execute-api.eu-central-1.amazonaws.com",
    "domainPrefix": "api-id",
    "http": {
      "method": "METHOD",
      "path": "PATH",
      "protocol": "HTTP/1.1",
      "sourceIp": "203.0.113.10",
      "userAgent": "curl/8.9.1"
    },
    "requestId": "JKJaXmPLvHcESHA=",
    "routeKey": "CALL",
    "stage": "$default",
    "time": "12/Mar/2027:10:14:31 +0000",
    "timeEpoch": 1804846471000
  },
  "pathParameters": {PARAMETERS},
  "body": "{}",
  "isBase64Encoded": false
}
"#;

const RUN: &str = r#"{
  "version": "0",
  "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
  "detail-type": "Scheduled Event",
  "source": "aws.events",
  "account": "123456789012",
  "time": "2027-03-12T10:15:00Z",
  "region": "eu-central-1",
  "resources": ["arn:aws:events:eu-central-1:123456789012:rule/optkas-dev-FUNCTION"],
  "detail": {}
}
"#;

/// The first files of every function, by path.
pub(crate) fn first_files(table: &Table) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for function in &table.functions {
        let name = &function.name;
        files.insert(format!("functions/{name}/Cargo.toml"), manifest(function));
        files.insert(format!("functions/{name}/src/main.rs"), main_rs(function));
        files.insert(format!("events/{name}.json"), event(function));
    }
    files
}

fn manifest(function: &Function) -> String {
    filled(MANIFEST, function)
}

/// The wiring of a function.
#[must_use]
pub fn main_rs(function: &Function) -> String {
    match function.kind {
        Kind::People => filled(ROUTED, function),
        Kind::Agent => {
            filled(WEBHOOK, function).replace("GATEWAY", &function.name.replace('-', "_"))
        }
        Kind::Job => filled(JOB, function),
    }
}

fn event(function: &Function) -> String {
    let Some((_, path)) = function.method_and_path() else {
        return filled(RUN, function);
    };
    let mut sample = path.to_owned();
    let mut parameters = Vec::new();
    for part in path.split('/') {
        let Some(name) = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        else {
            continue;
        };
        let value = match name {
            "id" => "b84d3f10-5c2e-4e9a-8f67-1a0d9c3b7e52".to_owned(),
            "key" => "0".repeat(64),
            other => format!("{other}-one"),
        };
        sample = sample.replace(part, &value);
        parameters.push(format!("\n    \"{name}\": \"{value}\""));
    }
    let end = if parameters.is_empty() { "" } else { "\n  " };
    filled(REQUEST, function)
        .replace("PARAMETERS", &(parameters.join(",") + end))
        .replace("PATH", &sample)
}

fn filled(skeleton: &str, function: &Function) -> String {
    let (method, route) = function.method_and_path().unwrap_or_default();
    let call = function.route.as_deref().unwrap_or("Scheduled");
    skeleton
        .replace("FUNCTION", &function.name)
        .replace("\"METHOD\"", &format!("\"{method}\""))
        .replace("\"ROUTE\"", &format!("\"{route}\""))
        .replace("CALL", call)
        .replace("WHAT", &function.what)
}
