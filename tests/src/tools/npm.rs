//! What only npm has: anvil, a local EVM chain, and supabase-js.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ring::digest::{SHA256, digest};

use super::{Set, install, once, run};
use crate::folders;
use crate::secrets::hex;

/// Packages that are installed together, in a folder of their own.
struct Packages {
    name: &'static str,
    title: &'static str,
    manifest: &'static str,
    /// With the hash of each package's content.
    lock: &'static str,
}

const CHAIN: Packages = Packages {
    name: "chain",
    title: "Installing a local EVM chain",
    manifest: include_str!("../../tools/chain/package.json"),
    lock: include_str!("../../tools/chain/package-lock.json"),
};
const SUPABASE: Packages = Packages {
    name: "supabase",
    title: "Installing supabase-js",
    manifest: include_str!("../../tools/supabase/package.json"),
    lock: include_str!("../../tools/supabase/package-lock.json"),
};
const PROGRAM: &str = "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";

/// The program anvil. It is packaged for one kind of processor; on others one that is installed is used.
pub fn anvil() -> Result<PathBuf> {
    if ARCH != "x86_64" {
        if runs("anvil") {
            return Ok("anvil".into());
        }
        bail!("anvil is not packaged for {ARCH}: install it (it comes with Foundry)");
    }
    Ok(CHAIN.install()?.join(PROGRAM))
}

/// A Node.js of a version that supabase-js takes, and the folder whose programs find supabase-js.
pub fn supabase() -> Result<(PathBuf, PathBuf)> {
    Ok((install(Set::Npm)?.join("node"), SUPABASE.install()?))
}

impl Packages {
    /// Installs exactly what is locked, unless it is installed already; answers the folder.
    fn install(&self) -> Result<PathBuf> {
        let folder = folders::own("tools")?.join(self.name);
        let place = folder.as_os_str().as_encoded_bytes();
        let wanted = digest(&SHA256, &[self.lock.as_bytes(), place].concat());
        once(&folder, self.title, &hex(wanted.as_ref()), || {
            self.install_into(&folder)
        })?;
        Ok(folder)
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
        .with_context(|| format!("npm could not install the packages of `{}`", self.name))
    }
}

fn runs(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success())
}
