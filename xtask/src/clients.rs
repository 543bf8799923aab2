//! `cargo xtask clients`: clients that are generated from the API document, compiled strictly, and a settlement's life
//! played with each on a stack of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::sample_data::{USD_FACILITY, value_date};
use tests::stack::{Ports, Settings, Stack};
use tests::{folders, tools};

const DOCUMENT: &str = "docs/openapi.yaml";
/// The folders of the sources here, and of what is made of them below `target/`.
const SOURCES: &str = "tests/clients";
const MADE: &str = "clients";

/// What is said where the Python at hand is too old for the generator.
pub(crate) const NO_PYTHON: &str = "the generator needs Python 3.11";

/// Generates, compiles and plays; `false` if the Python at hand cannot.
pub(crate) fn run() -> Result<bool> {
    let python = tools::install(tools::Set::Clients)?;
    if !python.join("openapi-python-client").exists() {
        return Ok(false);
    }
    let [mut python, mut typescript] = generate(&python, &folders::own(MADE)?)?;
    let stack = start()?;
    let world = world(&stack)?.to_string();
    play("the TypeScript client", &mut typescript, &world)?;
    play("the Python client", &mut python, &world)?;
    Ok(true)
}

/// Makes both clients, with every type that the document has; answers the programs that play with them.
fn generate(python: &Path, made: &Path) -> Result<[Command; 2]> {
    let workspace = folders::workspace();
    let document = workspace.join(DOCUMENT);
    let package = made.join("python/optkas_client");
    let typescript = made.join("typescript");
    copy(
        &workspace.join(SOURCES).join("python"),
        &made.join("python"),
    )?;
    copy(&workspace.join(SOURCES).join("typescript"), &typescript)?;

    let program = |name: &str| Command::new(python.join(name));
    tools::run(
        program("openapi-python-client")
            .args([
                "generate",
                "--meta",
                "none",
                "--overwrite",
                "--fail-on-warning",
                "--path",
            ])
            .arg(&document)
            .arg("--output-path")
            .arg(&package)
            .arg("--config")
            .arg(workspace.join(SOURCES).join("generator.yaml")),
    )?;
    let node = tools::node()?;
    let packages = tools::typescript()?;
    let of_packages = |path: &str| {
        let mut command = Command::new(&node);
        command.arg(packages.join(path)).current_dir(&typescript);
        command
    };
    tools::run(
        of_packages("openapi-typescript/bin/cli.js")
            .arg(&document)
            .args(["--output", "api.ts"]),
    )?;
    tools::run(
        program("python")
            .arg(workspace.join(SOURCES).join("lost.py"))
            .args([&document, &package, &typescript.join("kept.ts")]),
    )?;
    link(&packages, &typescript.join("node_modules"))?;
    tools::run(of_packages("typescript/bin/tsc").args(["--project", "."]))?;
    tools::run(
        program("mypy")
            .args(["--strict", "."])
            .current_dir(made.join("python")),
    )?;

    let mut in_python = program("python");
    in_python.arg("play.py").current_dir(made.join("python"));
    let mut in_typescript = Command::new(&node);
    in_typescript.arg("built/play.js").current_dir(&typescript);
    Ok([in_python, in_typescript])
}

fn start() -> Result<Stack> {
    let stack = Stack::start(Settings {
        name: "clients-stack".to_owned(),
        ports: Ports::default(),
        fresh: true,
        temporary: true,
        trust: None,
    })?;
    stack.populate()?;
    Ok(stack)
}

/// What a play is given, on its standard input: it has secrets.
fn world(stack: &Stack) -> Result<Value> {
    let token = |name: &str| anyhow::Ok(stack.person(name)?.token());
    let agent = |id: &str| anyhow::Ok(stack.deployment().agent(id)?.to_json());
    Ok(json!({
        "url": stack.gateway().url(),
        "facility_id": USD_FACILITY.id.to_string(),
        "value_date": value_date(),
        "tokens": { "alice": token("alice")?, "bob": token("bob")?, "carol": token("carol")? },
        "agents": { "escrow-one": agent("escrow-one")?, "settle-one": agent("settle-one")? },
    }))
}

fn play(what: &str, command: &mut Command, world: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {what}"))?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(world.as_bytes())?;
    drop(input);
    ensure!(
        child.wait()?.success(),
        "{what} could not play a settlement"
    );
    println!("{what}: PENDING to SETTLED, a duplicate, a refusal and a receipt");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let file: PathBuf = entry?.path();
        if let Some(name) = file.file_name().filter(|_| file.is_file()) {
            fs::copy(&file, to.join(name))?;
        }
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> Result<()> {
    if to.is_symlink() {
        fs::remove_file(to)?;
    }
    Ok(std::os::unix::fs::symlink(from, to)?)
}
