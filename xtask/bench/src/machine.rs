//! The machine that a run took place on.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Services;
use tests::{cargo, folders};

use super::stats::{median, milliseconds};

/// Names and values, in their order.
pub(super) struct Machine(Vec<(&'static str, String)>);

impl Machine {
    pub(super) fn look() -> Result<Self> {
        let processor = line("/proc/cpuinfo", "model name").unwrap_or_default();
        let processors = std::thread::available_parallelism()?;
        let memory: f64 = line("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse().ok())
            .unwrap_or_default();
        Ok(Self(vec![
            (
                "date",
                first_line(Command::new("date").arg("+%Y-%m-%d %H:%M %Z")),
            ),
            ("processor", format!("{processors} × {processor}")),
            ("memory", format!("{:.0} GB", memory / 1_048_576.0)),
            (
                "system",
                first_line(Command::new("uname").args(["-s", "-r", "-m"])),
            ),
            (
                "compiler",
                first_line(Command::new("rustc").arg("--version")),
            ),
            ("code", code()),
            (
                "write of 8 kB and fdatasync, p50",
                format!("{:.2} ms", sync_ms(&folders::own("bench")?)?),
            ),
            ("load average before", load()),
        ]))
    }

    pub(super) fn add(&mut self, name: &'static str, value: String) {
        self.0.push((name, value));
    }

    pub(super) fn end(&mut self) {
        self.add("load average after", load());
    }

    pub(super) fn text(&self) -> String {
        let rows = self.0.iter();
        let rows = rows.map(|(name, value)| format!("| {name} | {value} |\n"));
        format!("| | |\n|---|---|\n{}", rows.collect::<String>())
    }

    pub(super) fn json(&self) -> Value {
        self.0
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}

fn code() -> String {
    let mut git = Command::new("git");
    git.current_dir(folders::workspace());
    first_line(git.args(["describe", "--always", "--dirty"]))
}

fn line(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_line(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout);
    let text = String::from_utf8(output.unwrap_or_default()).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// The least time that a commit waits for the disk.
fn sync_ms(folder: &Path) -> Result<f64> {
    let path = folder.join("sync");
    let mut file = fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        file.write_all(&[7; 8_192])?;
        file.sync_data()?;
        times.push(milliseconds(begun.elapsed()));
    }
    fs::remove_file(path)?;
    Ok(median(&times))
}

/// PostgreSQL's version and settings, as it reports them.
pub(super) fn server(services: &Services) -> Result<String> {
    let mut client = services.cluster().admin("postgres").connect()?;
    let mut settings = Vec::new();
    for name in [
        "server_version",
        "fsync",
        "synchronous_commit",
        "shared_buffers",
        "max_wal_size",
    ] {
        let value: String = client
            .query_one("select current_setting($1)", &[&name])?
            .try_get(0)?;
        settings.push(format!("{name} {value}"));
    }
    Ok(settings.join(", "))
}

/// A cargo command whose output is read.
pub(super) fn cargo_output(arguments: &[&str]) -> Result<String> {
    let output = cargo::command().args(arguments).output()?;
    anyhow::ensure!(
        output.status.success(),
        "cargo {arguments:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
