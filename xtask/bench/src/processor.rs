//! Processor time by party: on a machine with two processors that all parties share, it explains most figures.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// Linux counts in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processes that belong together.
pub(super) struct Party {
    pub(super) name: &'static str,
    processes: Vec<u32>,
    /// Children count too, also those that have ended.
    with_children: bool,
}

impl Party {
    pub(super) fn new(name: &'static str, processes: Vec<u32>) -> Self {
        Self {
            name,
            processes,
            with_children: false,
        }
    }

    pub(super) fn ourselves() -> Self {
        Self::new("harness", vec![std::process::id()])
    }

    pub(super) fn family(name: &'static str, head: u32) -> Self {
        Self {
            name,
            processes: vec![head],
            with_children: true,
        }
    }

    fn busy_s(&self) -> Result<f64> {
        let children = if self.with_children {
            every_process()?
                .filter(|id| parent(*id).is_some_and(|parent| self.processes.contains(&parent)))
                .collect()
        } else {
            Vec::new()
        };
        let own: f64 = self
            .processes
            .iter()
            .chain(&children)
            .filter_map(|id| ticks(*id, 11).ok())
            .sum();
        let ended: f64 = if self.with_children {
            self.processes
                .iter()
                .filter_map(|id| ticks(*id, 13).ok())
                .sum()
        } else {
            0.0
        };
        Ok((own + ended) / TICKS_PER_SECOND)
    }
}

/// What each party has used so far, and the whole machine.
pub(super) struct Usage {
    parties: Vec<f64>,
    everybody: f64,
}

impl Usage {
    pub(super) fn now(parties: &[Party]) -> Result<Self> {
        Ok(Self {
            parties: parties.iter().map(Party::busy_s).collect::<Result<_>>()?,
            everybody: everybody_s()?,
        })
    }

    /// Seconds since then: each party's, and at the end all others' together.
    pub(super) fn since(&self, before: &Self) -> Vec<f64> {
        let mut used: Vec<f64> = self
            .parties
            .iter()
            .zip(&before.parties)
            .map(|(now, then)| now - then)
            .collect();
        let ours: f64 = used.iter().sum();
        used.push((self.everybody - before.everybody - ours).max(0.0));
        used
    }
}

/// A note: milliseconds a piece, by party.
pub(super) fn words(parties: &[Party], used: &[f64], pieces: f64) -> String {
    let names = parties.iter().map(|party| party.name).chain(["others"]);
    let each: Vec<String> = names
        .zip(used)
        .map(|(name, seconds)| format!("{name} {:.2}", seconds * 1_000.0 / pieces))
        .collect();
    format!("processor ms each: {}", each.join(", "))
}

/// The process that was started with this word among its arguments.
pub(super) fn find(argument: &str) -> Option<u32> {
    every_process().ok()?.find(|id| {
        let line = fs::read(proc(*id, "cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0)
            .any(|word| word == argument.as_bytes())
            // A keeper process has the arguments of the process it keeps.
            && ticks(*id, 13).is_ok()
            && line.split(|byte| *byte == 0).nth(1) == Some(b"-c")
    })
}

/// Resident memory now and at its highest, in megabytes.
pub(super) fn memory_mb(process: u32) -> Result<(f64, f64)> {
    let status = fs::read_to_string(proc(process, "status"))?;
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        let kilobytes: f64 = number.with_context(|| format!("no {name}"))?.parse()?;
        anyhow::Ok(kilobytes / 1_024.0)
    };
    Ok((value("VmRSS:")?, value("VmHWM:")?))
}

fn every_process() -> Result<impl Iterator<Item = u32>> {
    Ok(fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

fn parent(process: u32) -> Option<u32> {
    numbers(process).ok()?.get(1)?.parse().ok()
}

/// User and system time, which are neighbours in `stat`.
fn ticks(process: u32, place: usize) -> Result<f64> {
    let numbers = numbers(process)?;
    let one = |place: usize| anyhow::Ok(numbers.get(place).context("too short")?.parse::<f64>()?);
    Ok(one(place)? + one(place + 1)?)
}

/// The fields of `stat` after the name.
fn numbers(process: u32) -> Result<Vec<String>> {
    let stat = fs::read_to_string(proc(process, "stat"))?;
    let (_, numbers) = stat.rsplit_once(')').context("no name in it")?;
    Ok(numbers.split_whitespace().map(str::to_owned).collect())
}

fn everybody_s() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("no line")?;
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    // user, nice, system, idle, iowait, irq, softirq
    let busy = [0, 1, 2, 5, 6].map(|place| ticks.get(place).copied().unwrap_or_default());
    Ok(busy.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn proc(process: u32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/{file}"))
}
