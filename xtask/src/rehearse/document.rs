//! The commands of docs/OPERATIONS.md: the blocks that a comment marks are run as they stand.
//!
//! `<!-- rehearsed: NAME -->` stands alone on the line before the fence. What the document says cannot drift from what
//! works: a block that is gone, or fails, fails the rehearsal.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The names of all marked blocks.
pub(super) fn names(document: &str) -> BTreeSet<&str> {
    document
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("<!-- rehearsed: ")?
                .strip_suffix(" -->")
        })
        .collect()
}

/// The script of the marked blocks of that name, in the document's order.
pub(super) fn script(document: &str, name: &str) -> Result<String> {
    let marker = format!("<!-- rehearsed: {name} -->");
    let mut lines = document.lines();
    let mut script = String::new();
    while let Some(line) = lines.next() {
        if line.trim() != marker {
            continue;
        }
        let fence = lines.next().unwrap_or_default();
        let indent = fence.len() - fence.trim_start().len();
        ensure!(
            fence.trim() == "```sh",
            "{marker} does not stand before a block of shell"
        );
        loop {
            let line = lines
                .next()
                .with_context(|| format!("the block of {marker} has no end"))?;
            if line.trim() == "```" {
                break;
            }
            let bare = line.get(indent..).unwrap_or_else(|| line.trim_start());
            script.push_str(bare);
            script.push('\n');
        }
    }
    ensure!(!script.is_empty(), "the document has no block {marker}");
    Ok(script)
}

/// Where the commands run, and what they find there.
pub(super) struct Shell<'a> {
    pub(super) folder: &'a Path,
    /// Where `aws` and `psql` are.
    pub(super) programs: &'a Path,
    pub(super) environment: Vec<(String, String)>,
}

impl Shell<'_> {
    /// Runs the script; answers what it printed.
    pub(super) fn run(&self, script: &str) -> Result<String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(self.programs.to_owned()).chain(std::env::split_paths(&path));
        let output = Command::new("bash")
            .args(["-eu", "-o", "pipefail", "-c", script])
            .current_dir(self.folder)
            .env("PATH", std::env::join_paths(path)?)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .context("bash cannot be started")?;
        ensure!(
            output.status.success(),
            "{}\n{script}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{names, script};

    const DOCUMENT: &str = "1. First:\n\n   <!-- rehearsed: one -->\n   ```sh\n   a <<X\n     b\n   X\n   ```\n\n\
                            ```sh\nnever\n```\n<!-- rehearsed: one -->\n```sh\nc\n```\n\
                            <!-- rehearsed: two -->\n\n```sh\nd\n```\n<!-- rehearsed: three -->\n```sh\ne\n";

    #[test]
    fn the_marked_blocks_are_taken_without_their_indentation() {
        assert_eq!(
            script(DOCUMENT, "one").expect("two blocks"),
            "a <<X\n  b\nX\nc\n"
        );
    }

    #[test]
    fn every_marker_of_the_operators_page_stands_before_a_block() {
        let page = tests::folders::workspace().join("docs/OPERATIONS.md");
        let page = std::fs::read_to_string(page).expect("it is in the workspace");
        let names = names(&page);
        assert!(names.contains("bootstrap"), "{names:?}");
        for name in names {
            assert!(script(&page, name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_marker_without_a_whole_block_is_an_error() {
        for name in ["two", "three", "four"] {
            assert!(script(DOCUMENT, name).is_err(), "{name}");
        }
    }
}
