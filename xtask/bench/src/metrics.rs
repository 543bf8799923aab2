//! The functions' own figures: the embedded metrics in their logs.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;
use tests::lambda::Launch;

use super::stats::{float, median};

/// A function's log from this moment on.
pub(super) struct Metrics {
    path: PathBuf,
    from: usize,
}

impl Metrics {
    pub(super) fn from_now(launch: &Launch) -> Self {
        let path = launch.log_folder.join(format!("{}.log", launch.name));
        let from = fs::read(&path).map_or(0, |text| text.len());
        Self { path, from }
    }

    /// The invocations since then.
    pub(super) fn read(&self) -> Result<Vec<Value>> {
        let text = fs::read(&self.path)?;
        let text = String::from_utf8_lossy(&text[self.from..]).into_owned();
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["_aws"].is_object())
            .collect())
    }
}

/// The median of one figure.
pub(super) fn middle(invocations: &[Value], name: &str) -> f64 {
    median(
        &invocations
            .iter()
            .filter_map(|line| line[name].as_f64())
            .collect::<Vec<_>>(),
    )
}

/// The sum of one count.
pub(super) fn sum(invocations: &[Value], name: &str) -> f64 {
    float(
        invocations
            .iter()
            .filter_map(|line| line[name].as_u64())
            .sum::<u64>(),
    )
}
