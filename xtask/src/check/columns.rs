//! No line is longer than `.editorconfig` says.

use std::path::Path;
use std::process::{Command, Stdio};

use ::tests::folders;
use anyhow::{Context as _, Result, bail, ensure};

use super::tally::Outcome;

const COLUMNS_MAX: usize = 120;
const KINDS: [&str; 4] = ["*.md", "*.sql", "*.rs", "*.yaml"];
/// So many lines are named; of the rest, only the number.
const SHOWN_MAX: usize = 50;
const EXEMPT: &str = "Exempt are rows of Markdown tables, code blocks of Markdown without a language (printed output), \
                      and lines that are one URL; nothing else.";

/// Reads the files that git knows, and those that are new and not ignored.
pub(super) fn check() -> Result<Outcome> {
    let mut found = Vec::new();
    for name in names()? {
        let path = folders::workspace().join(&name);
        // Deleted, and not yet committed.
        if !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| name.clone())?;
        found.extend(
            too_long(&name, &text).map(|(line, columns)| format!("{name}:{line}: {columns}")),
        );
    }
    if found.is_empty() {
        return Ok(Outcome::Passed);
    }
    let rest = found.len().saturating_sub(SHOWN_MAX);
    let shown = found[..found.len() - rest].join("\n");
    let more = if rest > 0 {
        format!("\n… and {rest} more")
    } else {
        String::new()
    };
    bail!("lines of more than {COLUMNS_MAX} columns. {EXEMPT}\n{shown}{more}")
}

fn names() -> Result<Vec<String>> {
    let output = Command::new("git")
        .current_dir(folders::workspace())
        .args(["ls-files", "-z", "--cached", "--others"])
        .args(["--exclude-standard", "--"])
        .args(KINDS)
        .stdin(Stdio::null())
        .output()
        .context("cannot start git")?;
    ensure!(output.status.success(), "git ls-files: {}", output.status);
    let names = String::from_utf8(output.stdout)?;
    let names: Vec<String> = names.split_terminator('\0').map(str::to_owned).collect();
    ensure!(!names.is_empty(), "git knows no file");
    Ok(names)
}

/// The lines that are too long and not exempt: number and length.
fn too_long<'a>(name: &str, text: &'a str) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let markdown = Path::new(name).extension().is_some_and(|it| it == "md");
    let mut block = Block::None;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if markdown {
            block = block.after(line);
        }
        let columns = line.chars().count();
        let exempt = is_url(line)
            || (markdown && (line.trim_start().starts_with('|') || block == Block::Output));
        (columns > COLUMNS_MAX && !exempt).then_some((at + 1, columns))
    })
}

/// Where a line of Markdown stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    /// A code block that names no language.
    Output,
    Code,
}

impl Block {
    /// The place of this line, which may open or close a block.
    fn after(self, line: &str) -> Self {
        match (self, line.trim_start().strip_prefix("```")) {
            (Self::None, Some("")) => Self::Output,
            (Self::None, Some(_)) => Self::Code,
            (_, Some(_)) => Self::None,
            (place, None) => place,
        }
    }
}

/// Only a comment's or a list's mark may stand before it: nothing can be broken.
fn is_url(line: &str) -> bool {
    let line = line.trim_start_matches(|mark: char| " /!-*#>".contains(mark));
    line.contains("://") && !line.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS_MAX, too_long};

    fn found(name: &str, text: &str) -> Vec<(usize, usize)> {
        too_long(name, text).collect()
    }

    #[test]
    fn columns_are_characters() {
        let longest = "é".repeat(COLUMNS_MAX);
        assert_eq!(found("a.rs", &longest), []);
        assert_eq!(found("a.sql", &format!("\n{longest}.")), [(2, 121)]);
    }

    #[test]
    fn rows_of_tables_are_exempt_in_markdown_alone() {
        let row = format!("| {} |", "a ".repeat(60));
        assert_eq!(found("a.md", &row), []);
        assert_eq!(found("a.rs", &row), [(1, 124)]);
    }

    #[test]
    fn printed_output_is_exempt_and_code_is_not() {
        let line = "a ".repeat(61);
        let text = format!("```\n{line}\n```\n{line}\n```sh\n{line}\n```\n{line}");
        assert_eq!(found("a.md", &text), [(4, 122), (6, 122), (8, 122)]);
        assert_eq!(found("a.yaml", &text).len(), 4);
    }

    #[test]
    fn one_url_is_exempt_and_a_sentence_with_one_is_not() {
        let url = format!("https://example.org/{}", "a".repeat(COLUMNS_MAX));
        assert_eq!(found("a.rs", &format!("    /// {url}")), []);
        assert_eq!(found("a.rs", &format!("    /// See {url}")), [(1, 152)]);
    }
}
