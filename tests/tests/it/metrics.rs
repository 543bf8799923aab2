//! The metrics of one invocation in a function's log, in the embedded metric format of `CloudWatch`.

use anyhow::{Context, Result};
use serde_json::Value;
use tests::fixture::Fixture;
use tests::http::Response;

/// The metrics line of the invocation that gave this answer.
pub(crate) fn metrics(fixture: &Fixture, function: &str, answer: &Response) -> Result<Value> {
    let request_id = answer.header("x-request-id").context("no X-Request-Id")?;
    let log = fixture.function(function)?.logs();
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["_aws"].is_object() && line["request_id"] == request_id)
        .with_context(|| format!("no metrics of {request_id} in\n{log}"))
}

/// How often the invocation asked the database again: after a conflict, and after having lost it.
pub(crate) fn retries(fixture: &Fixture, function: &str, answer: &Response) -> Result<(u64, u64)> {
    let line = metrics(fixture, function, answer)?;
    let number = |name: &str| {
        line[name]
            .as_u64()
            .with_context(|| format!("no {name} in {line}"))
    };
    Ok((
        number("serialization_retries")?,
        number("connection_retries")?,
    ))
}
