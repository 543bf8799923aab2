//! `cargo test` over the workspace: its output goes straight through, and its counts are kept.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use ::tests::cargo;
use anyhow::{Context, Result};

use super::tally::Outcome;

/// Runs all tests.
pub(super) fn all() -> Result<Outcome> {
    run(&[])
}

/// Runs the tests in the crates' own sources. Those of the harness (`tests`) start servers, and are left to `all`.
pub(super) fn units() -> Result<Outcome> {
    run(&["--exclude", "tests", "--lib", "--bins"])
}

/// Goes on after a failure, so that the count is of all tests.
fn run(targets: &[&str]) -> Result<Outcome> {
    let mut child = cargo::command()
        .args(["test", "--quiet", "--workspace", "--no-fail-fast"])
        .args(targets)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let (mut passed, mut failed) = (0, 0);
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some((more_passed, more_failed)) = counts(&line) {
            passed += more_passed;
            failed += more_failed;
        }
        println!("{line}");
    }
    let status = child.wait()?;
    // A test binary that ends early prints no count: the failure counts as one.
    let broken = usize::from(!status.success() && failed == 0);
    Ok(Outcome::Tests {
        passed,
        failed: failed + broken,
    })
}

/// `test result: ok. 3 passed; 0 failed; 0 ignored; …`
fn counts(line: &str) -> Option<(usize, usize)> {
    let words: Vec<&str> = line
        .strip_prefix("test result: ")?
        .split([' ', ';', '.'])
        .collect();
    let before = |name: &str| {
        words
            .iter()
            .position(|word| *word == name)?
            .checked_sub(1)
            .and_then(|at| words[at].parse().ok())
    };
    Some((before("passed")?, before("failed")?))
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(counts(line), Some((12, 3)));
        assert_eq!(counts("running 3 tests"), None);
    }
}
