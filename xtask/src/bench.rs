//! `cargo xtask bench`: builds the bench, which is a package of its own, and runs it.

use std::ffi::OsString;

use anyhow::{Result, ensure};
use tests::cargo;

/// Runs it as a release build: a debug build of the harness would be part of each figure.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let status = cargo::command()
        .args(["run", "--quiet", "--release", "--package", "bench", "--"])
        .args(arguments)
        // Paths among the arguments are the caller's.
        .current_dir(std::env::current_dir()?)
        .status()?;
    ensure!(status.success(), "the bench has failed");
    Ok(())
}
