//! Where the stack keeps its tools and its state.
//!
//! Everything is below the workspace's `target/`, with one exception: PostgreSQL refuses to run as
//! root, so for root it runs as an unprivileged user, which cannot enter a clone below `/root`.
//! Its folders are then below `/var/tmp`, named by the workspace.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::child::Identity;

/// The workspace's root.
#[must_use]
pub fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("a package folder has a parent")
        .to_owned()
}

/// Cargo's build folder.
#[must_use]
pub fn build() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || workspace().join("target"),
        |folder| workspace().join(folder),
    )
}

/// A folder of our own below `target/`, private to us.
pub fn own(name: &str) -> Result<PathBuf> {
    let folder = workspace().join("target").join(name);
    make_private(&folder, 0o700)?;
    Ok(folder)
}

/// A folder that the unprivileged user of PostgreSQL can reach; its content is the caller's affair.
pub fn reachable(name: &str) -> Result<PathBuf> {
    let target = workspace().join("target");
    fs::create_dir_all(&target)?;
    let base = match unprivileged()? {
        Some(_) if !everyone_can_enter(&target) => fallback()?,
        Some(_) | None => target.join("reachable"),
    };
    make_private(&base, 0o711)?;
    let folder = base.join(name);
    make_private(&folder, 0o711)?;
    Ok(folder)
}

/// The user that PostgreSQL runs as; only root has to choose another one.
pub fn unprivileged() -> Result<Option<Identity>> {
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    let user = if id(&["-u", "postgres"]).is_ok() {
        "postgres"
    } else {
        "nobody"
    };
    let identity = Identity {
        uid: id(&["-u", user])?,
        gid: id(&["-g", user])?,
    };
    ensure!(identity.uid != 0, "the user {user} is root here");
    Ok(Some(identity))
}

fn id(arguments: &[&str]) -> Result<u32> {
    let output = Command::new("id")
        .args(arguments)
        .output()
        .context("cannot run id")?;
    ensure!(output.status.success(), "id {arguments:?} failed");
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Whether any user may enter the folder and all those above it.
#[must_use]
pub fn everyone_can_enter(folder: &Path) -> bool {
    let enterable = |ancestor: &Path| {
        fs::metadata(ancestor).is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
    };
    folder.ancestors().all(enterable)
}

fn fallback() -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    workspace().hash(&mut hasher);
    let temporary = Some(PathBuf::from("/var/tmp"))
        .filter(|path| path.is_dir())
        .unwrap_or_else(std::env::temp_dir);
    Ok(temporary.join(format!("optkas-{:016x}-{}", hasher.finish(), id(&["-u"])?)))
}

/// Creates the folder, or makes sure that the one found there is ours: `/var/tmp` is everybody's.
fn make_private(folder: &Path, mode: u32) -> Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(mode).create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("cannot create {}", folder.display()));
        }
        Ok(()) | Err(_) => {}
    }
    let found = fs::symlink_metadata(folder)?;
    ensure!(
        found.is_dir() && found.uid() == id(&["-u"])?,
        "{} is not ours",
        folder.display()
    );
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))?;
    Ok(())
}
