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
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};

use crate::child::Identity;

/// The workspace's root: of the checkout that this program was built in.
///
/// # Panics
///
/// The program runs in another checkout: [`verify`] says how that comes.
#[must_use]
pub fn workspace() -> PathBuf {
    static VERIFIED: OnceLock<Result<(), String>> = OnceLock::new();
    let verified = VERIFIED.get_or_init(|| verify().map_err(|error| error.to_string()));
    if let Err(foreign) = verified {
        panic!("{foreign}");
    }
    built_in()
}

/// Refuses to run in another checkout than the one that this program was built in. A copied `target/` has programs
/// that cargo takes for fresh, and that know the folders of the checkout they came from. They would start, address and
/// remove that one's stack.
///
/// # Errors
///
/// Which checkout this is, and of which the program is.
pub fn verify() -> Result<()> {
    let (built_in, current) = (built_in(), std::env::current_dir()?);
    match foreign(&built_in, &current) {
        None => Ok(()),
        Some(here) => bail!(
            "this program was built in {}, and runs in {}: target/ was copied. \
             Run `cargo clean -p tests -p xtask` here",
            built_in.display(),
            here.display()
        ),
    }
}

fn built_in() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("a package folder has a parent")
        .to_owned()
}

/// The checkout around the current folder, if it is another one. Outside of all checkouts any may be meant.
fn foreign(built_in: &Path, current: &Path) -> Option<PathBuf> {
    let here = current
        .ancestors()
        .find(|folder| folder.join("functions/endpoints.toml").is_file())?;
    let real = |folder: &Path| fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    (real(here) != real(built_in)).then(|| here.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_another_checkout_is_found_out() -> Result<()> {
        verify()?;
        let folder = own("folders")?.join(std::process::id().to_string());
        let copy = folder.join("copy");
        fs::create_dir_all(copy.join("functions"))?;
        fs::create_dir_all(copy.join("tests/src"))?;
        fs::write(copy.join("functions/endpoints.toml"), "")?;
        std::os::unix::fs::symlink(&copy, folder.join("link"))?;
        for (current, expected) in [
            (copy.clone(), true),
            (copy.join("tests/src"), true),
            (folder.join("link/tests"), true),
            (workspace(), false),
            (workspace().join("tests/src"), false),
            // Outside of all checkouts.
            (PathBuf::from("/"), false),
        ] {
            let found = foreign(&workspace(), &current).is_some();
            assert_eq!(found, expected, "{}", current.display());
        }
        // The same checkout by another name.
        assert_eq!(foreign(&folder.join("link"), &copy), None);
        fs::remove_dir_all(folder)?;
        Ok(())
    }
}
