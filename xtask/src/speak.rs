//! `cargo xtask token` and `deliver`: requests to the stack that `up` runs, found by its stack.json.

use std::fs;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clap::builder::PossibleValuesParser;
use serde_json::Value;
use tests::http;
use tests::issuer::{Key, Minter};
use tests::sample_data::{AGENTS, Agent, PEOPLE, find_person};
use tests::stack;

use crate::up::Which;

/// The sample people's names.
pub(crate) fn people() -> PossibleValuesParser {
    PossibleValuesParser::new(PEOPLE.map(|person| person.name))
}

/// The sample agents, and what each reports.
pub(crate) fn agents() -> String {
    let lines = AGENTS.map(|(id, kind, _)| {
        // Each on a line of its own: the platform has many.
        let events = kind.events().join("\n                   ");
        format!("  {id:<16} {events}")
    });
    format!(
        "Agents, and the types of their events:\n{}\n\n\
         An event is {{\"id\", \"type\", \"occurred_at\", \"data\"}}; docs/openapi.yaml has the members.",
        lines.join("\n")
    )
}

/// Prints a token that is valid for an hour, and nothing else.
pub(crate) fn token(person: &str, which: &Which) -> Result<()> {
    let person = find_person(person)?;
    let stack = stack::read(&which.folder()?)?;
    ensure!(
        !stack["signing_key"].is_null(),
        "this stack takes the tokens of {}: sign in there",
        text(&stack, "issuer")?
    );
    let minter = Minter {
        issuer: text(&stack, "issuer")?.to_owned(),
        audience: text(&stack, "audience")?.to_owned(),
        key: Arc::new(Key::from_private_jwk(&stack["signing_key"])?),
    };
    println!("{}", minter.token(person.sub, person.name));
    Ok(())
}

/// Signs the event as it is, byte for byte, and prints the answer.
pub(crate) fn deliver(agent: &str, event: &Path, which: &Which) -> Result<()> {
    let stack = stack::read(&which.folder()?)?;
    let agent = find_agent(&stack, agent)?;
    let answer = http::send(gateway(&stack)?, &agent.sign(&read(event)?))?;
    println!("{}", answer.text());
    ensure!(
        (200..300).contains(&answer.status),
        "{} answered {}",
        agent.path(),
        answer.status
    );
    Ok(())
}

fn find_agent(stack: &Value, id: &str) -> Result<Agent> {
    let known = stack["agents"]
        .as_array()
        .context("stack.json names no agents")?;
    let agents: Vec<Agent> = known.iter().map(Agent::from_json).collect::<Result<_>>()?;
    let names = agents
        .iter()
        .map(|agent| &*agent.id)
        .collect::<Vec<_>>()
        .join(", ");
    agents
        .into_iter()
        .find(|agent| agent.id == id)
        .with_context(|| format!("there is no agent {id}; known: {names}"))
}

fn gateway(stack: &Value) -> Result<SocketAddr> {
    let url = text(stack, "gateway")?;
    url.strip_prefix("http://")
        .context("the gateway is no plain HTTP")?
        .parse()
        .context(url.to_owned())
}

fn read(event: &Path) -> Result<String> {
    if event == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(event).with_context(|| event.display().to_string())
}

fn text<'a>(stack: &'a Value, name: &str) -> Result<&'a str> {
    stack[name]
        .as_str()
        .with_context(|| format!("stack.json has no {name}"))
}
