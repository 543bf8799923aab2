//! Cargo, called from a program that cargo itself has started.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::folders;
use crate::progress::step;

/// How the functions are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build: what tests and the local gateway run.
    Debug,
    /// The profile that is deployed and measured.
    Release,
}

/// A cargo command at the workspace's root.
#[must_use]
pub fn command() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folders::workspace());
    for variable in inherited() {
        cargo.env_remove(variable);
    }
    cargo
}

/// What cargo tells the programs it starts about their own package. Build scripts (ring's) watch some
/// of it, and would compile everything anew each time they are reached through a program like us.
pub fn inherited() -> impl Iterator<Item = String> {
    let about_us = |name: &String| {
        name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || matches!(
                &**name,
                "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE"
            )
    };
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(about_us)
}

/// Builds the functions, once a run; answers the folder of their binaries.
pub fn build_functions(profile: Profile) -> Result<PathBuf> {
    static DEBUG: OnceLock<Result<(), String>> = OnceLock::new();
    static RELEASE: OnceLock<Result<(), String>> = OnceLock::new();
    let (outcome, arguments, folder) = match profile {
        Profile::Debug => (&DEBUG, &["build", "--quiet"][..], "debug"),
        Profile::Release => (&RELEASE, &["build", "--quiet", "--release"][..], "release"),
    };
    let outcome = outcome.get_or_init(|| {
        let build = || {
            let status = command().args(arguments).stdin(Stdio::null()).status()?;
            ensure!(status.success(), "the functions do not build");
            Ok(())
        };
        step("Building the functions", build).map_err(|error| format!("{error:#}"))
    });
    match outcome {
        Ok(()) => Ok(folders::build().join(folder)),
        Err(error) => Err(anyhow::Error::msg(error.clone())),
    }
}

/// Builds the auditor's program, once a run; answers where it is.
pub fn build_auditor() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let outcome = BUILT.get_or_init(|| {
        let build = || {
            let arguments = ["build", "--quiet", "--package", "auditor"];
            let status = command().args(arguments).stdin(Stdio::null()).status()?;
            ensure!(status.success(), "the auditor does not build");
            Ok(())
        };
        step("Building the auditor", build).map_err(|error| format!("{error:#}"))
    });
    match outcome {
        Ok(()) => Ok(folders::build().join("debug/auditor")),
        Err(error) => Err(anyhow::Error::msg(error.clone())),
    }
}

/// What cargo knows about the workspace, its `[workspace.metadata]` included.
pub fn metadata() -> Result<Value> {
    let output = command()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stdin(Stdio::null())
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
