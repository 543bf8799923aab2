//! What only npm has: anvil, a local EVM chain; what makes TypeScript clients of the API document; supabase-js.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ring::digest::{SHA256, digest};

use super::{Set, install, once, run};
use crate::folders;
use crate::secrets::hex;

/// Packages that are installed together.
struct Packages {
    name: &'static str,
    manifest: &'static str,
    /// With the hash of each package's content.
    lock: &'static str,
}

const CHAIN: Packages = Packages {
    name: "chain",
    manifest: include_str!("../../tools/chain/package.json"),
    lock: include_str!("../../tools/chain/package-lock.json"),
};
const TYPESCRIPT: Packages = Packages {
    name: "typescript",
    manifest: include_str!("../../tools/typescript/package.json"),
    lock: include_str!("../../tools/typescript/package-lock.json"),
};
const SUPABASE: Packages = Packages {
    name: "supabase",
    manifest: include_str!("../../tools/supabase/package.json"),
    lock: include_str!("../../tools/supabase/package-lock.json"),
};
const ANVIL: &str = "@foundry-rs/anvil-linux-amd64/bin/anvil";

/// The program anvil. It is packaged for one kind of processor; on others one that is installed is used.
pub fn anvil() -> Result<PathBuf> {
    if ARCH != "x86_64" {
        if runs("anvil") {
            return Ok("anvil".into());
        }
        bail!("anvil is not packaged for {ARCH}: install it (it comes with Foundry)");
    }
    Ok(CHAIN.install()?.join(ANVIL))
}

/// The packages of TypeScript: their `node_modules`.
pub fn typescript() -> Result<PathBuf> {
    TYPESCRIPT.install()
}

/// The program node, of the set's own version, whatever else is installed.
pub fn node() -> Result<PathBuf> {
    Ok(install(Set::Npm)?.join("node"))
}

/// The folder whose programs find supabase-js.
pub fn supabase() -> Result<PathBuf> {
    Ok(SUPABASE.install()?.join(".."))
}

impl Packages {
    /// Installs them unless they are; answers their `node_modules`.
    fn install(&self) -> Result<PathBuf> {
        let folder = folders::own("tools")?.join(self.name);
        let place = folder.as_os_str().as_encoded_bytes();
        let wanted = digest(&SHA256, &[self.lock.as_bytes(), place].concat());
        once(
            &folder,
            &format!("Installing the packages `{}` of npm", self.name),
            &hex(wanted.as_ref()),
            || self.install_into(&folder),
        )?;
        Ok(folder.join("node_modules"))
    }

    fn install_into(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        fs::write(folder.join("package.json"), self.manifest)?;
        fs::write(folder.join("package-lock.json"), self.lock)?;
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
        .with_context(|| format!("npm could not install the packages `{}`", self.name))
    }
}

fn runs(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success())
}
