//! Who has passed, and the closing line that counts.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tests::progress::step;

/// How a check ended.
pub(super) enum Outcome {
    Passed,
    /// It cannot be done here, for this reason.
    Skipped(&'static str),
    /// It is many tests.
    Tests {
        passed: usize,
        failed: usize,
    },
}

/// Counts, and remembers for the summary.
pub(super) struct Tally {
    passed: usize,
    failed: usize,
    lines: Vec<String>,
    start: Instant,
}

impl Tally {
    pub(super) fn begin() -> Self {
        Self {
            passed: 0,
            failed: 0,
            lines: Vec::new(),
            start: Instant::now(),
        }
    }

    /// Runs a check; `false` says that the rest may be left.
    pub(super) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<Outcome>) -> bool {
        println!("== {name}");
        let start = Instant::now();
        let outcome = step(name, check);
        let (passed, failed, word) = match &outcome {
            Ok(Outcome::Passed) => (1, 0, "ok".to_owned()),
            Ok(Outcome::Skipped(reason)) => (0, 0, format!("skipped: {reason}")),
            Ok(Outcome::Tests { passed, failed }) => (
                *passed,
                *failed,
                format!("{passed} passed, {failed} failed"),
            ),
            Err(error) => {
                println!("{error:#}");
                (0, 1, "FAILED".to_owned())
            }
        };
        self.passed += passed;
        self.failed += failed;
        self.lines.push(format!(
            "{name:<40} {:>6.1} s  {word}",
            seconds(start.elapsed())
        ));
        failed == 0
    }

    /// Prints the summary; its last line is the count.
    pub(super) fn finish(self) -> Result<()> {
        println!();
        for line in &self.lines {
            println!("{line}");
        }
        println!("{:<40} {:>6.1} s", "all", seconds(self.start.elapsed()));
        println!("{} passed, {} failed", self.passed, self.failed);
        ensure!(self.failed == 0, "not everything passes");
        Ok(())
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
