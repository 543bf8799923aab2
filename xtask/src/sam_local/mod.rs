//! `cargo xtask sam-local`: the template's functions as AWS's own tool runs them, in containers, against the local
//! stack. Needs a Docker engine, and the base image or a registry that has it.

mod containers;
mod template;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::Value;
use tests::progress::{say, step};
use tests::stack::{Ports, Settings, Stack};
use tests::{cargo, folders, tools};

use self::containers::Sam;
use crate::life;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Uses the result of an earlier `sam build`.
    #[arg(long)]
    built: bool,
    /// Invokes these functions only; all of them if none is named.
    functions: Vec<String>,
}

/// Builds all functions, invokes each with its sample event, and serves one settlement's life.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let image_is_here = containers::engine()?;
    if !arguments.built {
        step("Building all functions (sam build)", build)?;
    }
    let stack = Stack::start(Settings {
        name: "sam-local".to_owned(),
        ports: Ports::default(),
        fresh: true,
        temporary: true,
        trust: None,
    })?;
    stack.populate()?;
    let folder = folders::own("sam")?;
    let sam = Sam {
        template: template::write(&stack, &folder)?,
        variables: folder.join("variables.json"),
        log: folder.join("start-api.log"),
        skip_pull_image: image_is_here,
    };
    invoke_each(&sam, &arguments.functions)?;
    life::play(&sam.serve()?, stack.issuer(), stack.deployment())?;
    println!("All as promised. Everything is stopped again.");
    Ok(())
}

fn build() -> Result<()> {
    let mut command = sam("build")?;
    command.args(["--config-env", "local"]);
    run_quietly(command).map(drop)
}

/// A container starts cold for each invocation, and a busy machine may miss a function's time-outs, which are short.
const TRIES_MAX: u32 = 3;

/// Every function with its sample event: jobs do their work; the others answer 401 to the sample's credentials.
fn invoke_each(sam: &Sam, chosen: &[String]) -> Result<()> {
    let all = tests::deployment::functions()?;
    for function in all
        .into_iter()
        .filter(|name| chosen.is_empty() || chosen.contains(name))
    {
        let event = folders::workspace().join(format!("events/{function}.json"));
        let mut tries = 1;
        loop {
            let (reply, said) = step(&format!("Invoking {function}"), || {
                sam.invoke(&function, &event)
            })?;
            println!("{function:<24} {}", summary(&reply));
            if is_as_expected(&reply) {
                break;
            }
            ensure!(tries < TRIES_MAX, "{function} answered {reply}\n{said}");
            tries += 1;
        }
    }
    Ok(())
}

fn is_as_expected(reply: &Value) -> bool {
    if reply["statusCode"].is_number() {
        reply["statusCode"] == 401
    } else {
        reply["errorMessage"].is_null() && !reply.is_null()
    }
}

fn summary(reply: &Value) -> String {
    match reply["statusCode"].as_u64() {
        Some(401) => "401, as nobody's token and signature deserve".to_owned(),
        Some(_) | None => reply.to_string(),
    }
}

/// sam, with cargo-lambda and a linker for Lambda's libc in its path, and a region.
fn sam(command: &str) -> Result<Command> {
    let checks = tools::install(tools::Set::Checks)?;
    let local = tools::install(tools::Set::Local)?;
    let linker = tools::install(tools::Set::Linker)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = [linker, local]
        .into_iter()
        .chain(std::env::split_paths(&path));
    let mut sam = Command::new(checks.join("python"));
    sam.current_dir(folders::workspace())
        .args(["-c", include_str!("sam.py")])
        .args(command.split(' '))
        .env("PATH", std::env::join_paths(path)?)
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        // Without it sam sets an empty session token, which is malformed.
        .env("AWS_SESSION_TOKEN", "local")
        .env("SAM_CLI_TELEMETRY", "0")
        .stdin(Stdio::null());
    for variable in cargo::inherited() {
        sam.env_remove(variable);
    }
    Ok(sam)
}

/// Standard output and standard error; an error holds the latter alone.
fn run_quietly(mut command: Command) -> Result<(String, String)> {
    let output = command.output().context("sam cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "sam: {}\n{said}", output.status);
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), said))
}

/// A function's logical id in the template.
fn logical_id(function: &str) -> String {
    function
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

fn tell(path: &Path) {
    say(&format!("The containers' words are in {}", path.display()));
}
