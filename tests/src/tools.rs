//! The Python tools, installed once into a folder of our own from requirements with hashes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use ring::digest::{SHA256, digest};

use crate::folders;
use crate::progress::step;

/// A set of tools that are installed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// cargo-lambda and moto: the local stack.
    Local,
    /// A PostgreSQL server, where none is installed.
    Postgres,
    /// Linters of `cargo xtask test`.
    Checks,
}

impl Set {
    const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Postgres => "postgres",
            Self::Checks => "checks",
        }
    }

    const fn requirements(self) -> &'static str {
        match self {
            Self::Local => include_str!("../tools/local.txt"),
            Self::Postgres => include_str!("../tools/postgres.txt"),
            Self::Checks => include_str!("../tools/checks.txt"),
        }
    }

    fn folder(self) -> Result<PathBuf> {
        match self {
            Self::Local | Self::Checks => Ok(folders::own("tools")?.join(self.name())),
            // Its binaries are run by a user who may not be able to enter the workspace.
            Self::Postgres => Ok(folders::reachable("tools")?.join(self.name())),
        }
    }
}

/// Installs the set unless these very requirements are installed already; answers its `bin` folder.
pub fn install(set: Set) -> Result<PathBuf> {
    let folder = set.folder()?;
    let stamp = folder.join("requirements.sha256");
    let wanted = fingerprint(set);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder.join("bin"));
    }
    let lock = fs::File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        step(
            &format!("Installing the tools of the set `{}`", set.name()),
            || install_into(&folder, set),
        )?;
        fs::write(&stamp, wanted)?;
    }
    Ok(folder.join("bin"))
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
            "--no-input",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "--require-hashes", "--requirement"])
        .arg(&requirements))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(
        output.status.success(),
        "{} failed ({}):\n{}{}",
        command.get_program().to_string_lossy(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(())
}

/// The requirements and the Python that they are installed for: a venv breaks when its Python goes.
fn fingerprint(set: Set) -> String {
    let python = Command::new("python3")
        .arg("--version")
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let hash = digest(&SHA256, &[set.requirements().as_bytes(), &python].concat());
    hash.as_ref()
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
