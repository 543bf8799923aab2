//! `cargo xtask check`, the quick checks, and `cargo xtask test`, all of them and every test.

mod columns;
mod run;
mod suite;
mod tally;
mod unknown;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use tests::{cargo, folders, tools};

use self::run::quietly;
use self::tally::{Outcome, Tally};
use crate::{clients, demo, docs};

type Check = (&'static str, fn() -> Result<Outcome>);

const RUSTFMT: Check = ("rustfmt", rustfmt);
const COLUMNS: Check = ("lines of at most 120 columns", columns::check);
const UNKNOWN: Check = ("SQL that lets null pass", unknown::check);
const SQUAWK: Check = ("SQL lint (squawk)", squawk);
const CLIPPY: Check = ("clippy", clippy);
const UNITS: Check = ("unit tests", suite::units);

/// Runs what takes less than a minute once everything has been compiled; goes on after a failure, to show them all.
pub(crate) fn quick() -> Result<()> {
    let mut tally = Tally::begin();
    for (name, check) in [RUSTFMT, COLUMNS, UNKNOWN, SQUAWK, CLIPPY, UNITS] {
        tally.check(name, check);
    }
    tally.finish()
}

/// Runs all checks, the quick ones first, then all tests and the demo, up to the first failure.
pub(crate) fn everything() -> Result<()> {
    // The tools are fetched while the compiler works. A check that needs one waits for it, and reports its failure.
    thread::spawn(|| {
        tools::install(tools::Set::Checks)
            .and_then(|_| tools::install(tools::Set::Local))
            .and_then(|_| tools::install(tools::Set::Scanner))
    });
    let checks: [Check; 16] = [
        RUSTFMT,
        COLUMNS,
        UNKNOWN,
        SQUAWK,
        ("licences, bans, sources (cargo-deny)", dependencies),
        ("advisories (cargo-deny)", advisories),
        ("templates (cfn-lint)", cfn_lint),
        ("template.yaml (sam validate)", sam_validate),
        ("templates (checkov)", checkov),
        CLIPPY,
        ("rustdoc", rustdoc),
        ("functions build", functions),
        ("tests", suite::all),
        ("demo", || demo::run().map(|()| Outcome::Passed)),
        ("generated clients", generated_clients),
        ("API reference", || docs::run().map(|_page| Outcome::Passed)),
    ];
    let mut tally = Tally::begin();
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

fn generated_clients() -> Result<Outcome> {
    Ok(if clients::run()? {
        Outcome::Passed
    } else {
        Outcome::Skipped(clients::NO_PYTHON)
    })
}

fn squawk() -> Result<Outcome> {
    quietly(tool("squawk")?.args(find("migrations", "sql")?))
}

fn dependencies() -> Result<Outcome> {
    quietly(tool("cargo-deny")?.args(["--all-features", "check", "bans", "licenses", "sources"]))
}

/// Skipped where the advisory database, a git repository, cannot be reached.
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

/// A finding is repaired, or its exemption has a reason: `checkov:skip` at the resource, or infra/checkov.yml.
fn checkov() -> Result<Outcome> {
    let files = [vec!["template.yaml".to_owned()], find("infra", "yaml")?].concat();
    let mut command = Command::new(tools::install(tools::Set::Scanner)?.join("checkov"));
    command
        .current_dir(folders::workspace())
        .args(["--framework", "cloudformation", "--quiet", "--compact"])
        // Without this it asks its maker's server for guidelines.
        .args([
            "--skip-download",
            "--config-file",
            "infra/checkov.yml",
            "--file",
        ])
        .args(files);
    quietly(&mut command)
}

/// A pinned tool, started at the workspace's root, with telemetry switched off.
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

/// The files below a folder that have this extension.
fn find(folder: &str, extension: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect(&folders::workspace().join(folder), extension, &mut files)?;
    files.sort_unstable();
    ensure!(
        !files.is_empty(),
        "there is no .{extension} file in {folder}"
    );
    Ok(files)
}

fn collect(folder: &Path, extension: &str, files: &mut Vec<String>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            collect(&path, extension, files)?;
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
