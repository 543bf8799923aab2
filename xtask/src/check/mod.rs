//! `cargo xtask test`: every check and every test, the quick ones first.

mod run;
mod suite;
mod tally;

use std::process::Command;
use std::thread;

use anyhow::{Result, ensure};
use tests::{cargo, folders, tools};

use self::run::quietly;
use self::tally::{Outcome, Tally};
use crate::demo;

type Check = fn() -> Result<Outcome>;

/// Runs everything up to the first failure, then counts.
pub(crate) fn run() -> Result<()> {
    // The tools come over the network while the compiler works.
    // Whoever needs one waits for it, and tells of its failure.
    thread::spawn(|| {
        tools::install(tools::Set::Checks)
            .and_then(|_| tools::install(tools::Set::Local))
            .and_then(|_| tools::install(tools::Set::Scanner))
    });
    let mut tally = Tally::begin();
    let checks: [(&str, Check); 12] = [
        ("rustfmt", rustfmt),
        ("SQL lint (squawk)", squawk),
        ("licences, bans, sources (cargo-deny)", dependencies),
        ("advisories (cargo-deny)", advisories),
        ("templates (cfn-lint)", cfn_lint),
        ("template.yaml (sam validate)", sam_validate),
        ("templates (checkov)", checkov),
        ("clippy", clippy),
        ("rustdoc", rustdoc),
        ("functions build", functions),
        ("tests", suite::run),
        ("demo", || demo::run().map(|()| Outcome::Passed)),
    ];
    for (name, check) in checks {
        if !tally.check(name, check) {
            break;
        }
    }
    tally.finish()
}

fn rustfmt() -> Result<Outcome> {
    quietly(cargo::command().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<Outcome> {
    let arguments = [
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ];
    quietly(cargo::command().args(arguments))
}

fn rustdoc() -> Result<Outcome> {
    let arguments = [
        "doc",
        "--quiet",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ];
    quietly(
        cargo::command()
            .args(arguments)
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

fn functions() -> Result<Outcome> {
    cargo::build_functions(cargo::Profile::Debug)?;
    Ok(Outcome::Passed)
}

fn squawk() -> Result<Outcome> {
    let files = [
        find("migrations", "sql")?,
        find("migrations/gateway", "sql")?,
    ]
    .concat();
    quietly(tool("squawk")?.args(files))
}

fn dependencies() -> Result<Outcome> {
    quietly(tool("cargo-deny")?.args(["--all-features", "check", "bans", "licenses", "sources"]))
}

/// The database is a repository of its own, which not every machine can reach.
fn advisories() -> Result<Outcome> {
    if !matches!(
        quietly(tool("cargo-deny")?.args(["fetch", "db"])),
        Ok(Outcome::Passed)
    ) {
        return Ok(Outcome::Skipped(
            "the advisory database cannot be reached from here",
        ));
    }
    quietly(tool("cargo-deny")?.args(["--all-features", "check", "--disable-fetch", "advisories"]))
}

fn cfn_lint() -> Result<Outcome> {
    let files = [vec!["template.yaml".to_owned()], find("infra", "yaml")?].concat();
    quietly(tool("cfn-lint")?.args(files))
}

fn sam_validate() -> Result<Outcome> {
    quietly(tool("sam")?.args(["validate", "--lint", "--template", "template.yaml"]))
}

/// A finding is repaired, or has its reason beside it: `checkov:skip` at the resource, or infra/checkov.yml.
fn checkov() -> Result<Outcome> {
    let files = [vec!["template.yaml".to_owned()], find("infra", "yaml")?].concat();
    let mut command = Command::new(tools::install(tools::Set::Scanner)?.join("checkov"));
    command
        .current_dir(folders::workspace())
        .args(["--framework", "cloudformation", "--quiet", "--compact"])
        // It would ask its maker for guidelines.
        .args([
            "--skip-download",
            "--config-file",
            "infra/checkov.yml",
            "--file",
        ])
        .args(files);
    quietly(&mut command)
}

/// A tool of ours at the workspace's root, with an environment in which none phones home.
fn tool(name: &str) -> Result<Command> {
    let mut command = Command::new(tools::install(tools::Set::Checks)?.join(name));
    command
        .current_dir(folders::workspace())
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .env("SAM_CLI_TELEMETRY", "0");
    for variable in cargo::inherited() {
        command.env_remove(variable);
    }
    Ok(command)
}

fn find(folder: &str, extension: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folders::workspace().join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    files.sort_unstable();
    ensure!(
        !files.is_empty(),
        "there is no .{extension} file in {folder}"
    );
    Ok(files)
}
