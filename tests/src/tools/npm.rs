//! What only npm has: anvil, a local EVM chain.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ring::digest::{SHA256, digest};

use super::{Set, install, once, run};
use crate::folders;
use crate::secrets::hex;

const MANIFEST: &str = include_str!("../../tools/chain/package.json");
/// With the hash of each package's content.
const LOCK: &str = include_str!("../../tools/chain/package-lock.json");
const PROGRAM: &str = "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";

/// The program anvil. It is packaged for one kind of processor; on others one that is installed is used.
pub fn anvil() -> Result<PathBuf> {
    if ARCH != "x86_64" {
        if runs("anvil") {
            return Ok("anvil".into());
        }
        bail!("anvil is not packaged for {ARCH}: install it (it comes with Foundry)");
    }
    let folder = folders::own("tools")?.join("chain");
    let place = folder.as_os_str().as_encoded_bytes();
    let wanted = digest(&SHA256, &[LOCK.as_bytes(), place].concat());
    once(
        &folder,
        "Installing a local EVM chain",
        &hex(wanted.as_ref()),
        || install_into(&folder),
    )?;
    Ok(folder.join(PROGRAM))
}

fn install_into(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("package.json"), MANIFEST)?;
    fs::write(folder.join("package-lock.json"), LOCK)?;
    let npm = if runs("npm") {
        PathBuf::from("npm")
    } else {
        install(Set::Npm)?.join("npm")
    };
    // Exactly the locked versions, and no scripts of packages.
    run(Command::new(npm).current_dir(folder).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]))
    .context("npm could not install the chain")
}

fn runs(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success())
}
