//! Tools that are not written here, installed once into a folder of our own from requirements with hashes: by
//! pip, and what only npm has by npm.

mod npm;

pub use npm::{anvil, node, supabase, typescript};

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use ring::digest::{SHA256, digest};

use crate::folders;
use crate::progress::step;
use crate::secrets::hex;

/// A set of tools that are installed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// cargo-lambda and moto: the local stack.
    Local,
    /// A PostgreSQL server, where none is installed.
    Postgres,
    /// Linters of `cargo xtask test`, and sam.
    Checks,
    /// The scanner of the templates.
    Scanner,
    /// What links binaries for Lambda's libc, where sam builds.
    Linker,
    /// node, and npm where none is installed.
    Npm,
    /// What makes a Python client of the API document. It needs Python 3.11; for an older one the set is empty.
    Clients,
    /// What draws the page of the API reference.
    Reference,
    /// The emulator of AWS that a deployment is rehearsed on.
    Rehearsal,
}

impl Set {
    const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Postgres => "postgres",
            Self::Checks => "checks",
            Self::Scanner => "scanner",
            Self::Linker => "linker",
            Self::Npm => "npm",
            Self::Clients => "clients",
            Self::Reference => "reference",
            Self::Rehearsal => "rehearsal",
        }
    }

    const fn requirements(self) -> &'static str {
        match self {
            Self::Local => include_str!("../../tools/local.txt"),
            Self::Postgres => include_str!("../../tools/postgres.txt"),
            Self::Checks => include_str!("../../tools/checks.txt"),
            Self::Scanner => include_str!("../../tools/scanner.txt"),
            Self::Linker => include_str!("../../tools/linker.txt"),
            Self::Npm => include_str!("../../tools/npm.txt"),
            Self::Clients => include_str!("../../tools/clients.txt"),
            Self::Reference => include_str!("../../tools/reference.txt"),
            Self::Rehearsal => include_str!("../../tools/rehearsal.txt"),
        }
    }

    fn folder(self) -> Result<PathBuf> {
        match self {
            // Its binaries are run by a user who may not be able to enter the workspace.
            Self::Postgres => Ok(folders::reachable("tools")?.join(self.name())),
            _ => Ok(folders::own("tools")?.join(self.name())),
        }
    }
}

/// Installs the set unless these very requirements are installed already; answers its `bin` folder.
pub fn install(set: Set) -> Result<PathBuf> {
    let folder = set.folder()?;
    once(
        &folder,
        &format!("Installing the tools of the set `{}`", set.name()),
        &fingerprint(set, &folder),
        || install_into(&folder, set),
    )?;
    Ok(folder.join("bin"))
}

/// Installs into the folder, unless these very requirements are installed there.
fn once(
    folder: &Path,
    title: &str,
    wanted: &str,
    install: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let stamp = folder.join("requirements.sha256");
    let is_installed = || fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted);
    if is_installed() {
        return Ok(());
    }
    let lock = fs::File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    if !is_installed() {
        step(title, install)?;
        fs::write(&stamp, wanted)?;
    }
    Ok(())
}

fn install_into(folder: &Path, set: Set) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))
        .context("python3 with its venv module is needed (Debian: python3-venv)")?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, set.requirements())?;
    // Every package is pinned, so what a package asks for beyond that is left out on purpose.
    run(Command::new(folder.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "--no-input",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "--require-hashes", "--requirement"])
        .arg(&requirements))?;
    // The user that runs PostgreSQL must be able to read it, whatever our umask is.
    run(Command::new("chmod").args(["-R", "a+rX"]).arg(folder))
}

/// Runs a program to its end.
///
/// # Errors
/// That it cannot be started, or what it said when it failed.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(())
}

/// The requirements, the Python they are installed for, and the place: a venv survives no change of those.
fn fingerprint(set: Set, folder: &Path) -> String {
    let python = Command::new("python3").arg("--version").output();
    let python = python.map(|output| output.stdout).unwrap_or_default();
    let place = folder.as_os_str().as_encoded_bytes();
    let what = [set.requirements().as_bytes(), &python, place].concat();
    hex(digest(&SHA256, &what).as_ref())
}
