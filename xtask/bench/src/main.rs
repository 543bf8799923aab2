//! `cargo xtask bench`: how fast it is, each figure beside its reference in the same run.
//!
//! The release binaries are driven through the Lambda runtime API (`tests::lambda`), on a PostgreSQL of their
//! own that keeps what was committed. docs/BENCHMARKS.md says how each figure is taken, and holds a run.
//! Nothing here passes or fails: whether an aim was met is said beside the figure.
//!
//! A package of its own, so that the other commands of xtask do not compile it and the risk engine.

// The tables it prints are its purpose.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod auditor;
mod books;
mod cold;
mod collateral;
mod conflicts;
mod events;
mod first;
mod growth;
mod log;
mod machine;
mod metrics;
mod person;
mod pgbench;
mod processor;
mod pure;
mod reads;
mod report;
mod risk;
mod sample;
mod size;
mod stage;
mod stats;
mod tap;
mod throughput;
mod warm;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use serde_json::json;
use tests::deployment::functions;
use tests::fixture::Services;
use tests::progress::{say, step};
use tests::{cargo, folders};

use self::machine::Machine;
use self::report::Report;
use self::sample::Span;

/// The folder below `target/` with the binaries and the figures.
const FOLDER: &str = "bench";
const HELLO: &str = "hello";

/// Measures how fast it is, each figure beside its reference.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench")]
struct Arguments {
    /// What to measure; everything if nothing is named.
    #[arg(value_enum)]
    groups: Vec<Group>,
    /// Tries the machinery in a minute; its figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// How far the ledger grows in `growth`: every size up to it is measured.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// How long the log is that `auditor` verifies.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
    /// Measures the binaries of the last time instead of building them.
    #[arg(long)]
    built: bool,
    /// A folder of release binaries built in another way: `cold` compares the functions there with these.
    #[arg(long)]
    against: Option<PathBuf>,
    /// Where the figures go as JSON; target/bench/figures.json if it is not given.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What can be measured on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Size and memory of each binary.
    Size,
    /// From the start of a process to its first byte.
    Cold,
    /// From there to the first answered mutation, part by part.
    First,
    /// One client.
    Warm,
    /// Many clients.
    Throughput,
    /// What our promises cost beside the least that keeps books.
    Books,
    /// Serialization failures.
    Conflicts,
    /// Reads.
    Reads,
    /// A risk run of a thousand names.
    Risk,
    /// A ledger that grows.
    Growth,
    /// Tokens, signatures, keys and fingerprints.
    Pure,
    /// Sequencing, publishing, and what they cost the writers.
    Log,
    /// Verifying a long log.
    Auditor,
    /// Verifying on many assets.
    Collateral,
}

/// What the groups share.
struct Bench {
    quick: bool,
    rows: u64,
    entries: u64,
    binaries: PathBuf,
    against: Option<PathBuf>,
    services: OnceLock<Arc<Services>>,
}

impl Bench {
    /// Started by the first group that needs it.
    fn services(&self) -> Result<&Arc<Services>> {
        if let Some(services) = self.services.get() {
            return Ok(services);
        }
        let services = Services::to_measure(self.binaries.clone())?;
        Ok(self.services.get_or_init(|| services))
    }

    fn or_quick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// The length of a round with so many clients.
    fn span(&self, clients: u64) -> Span {
        Span {
            warm_up: Duration::from_secs(if self.quick { 1 } else { 1 + clients / 16 }),
            measured: Duration::from_secs(self.or_quick(4, 1)),
        }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints, and writes the figures down.
fn run(arguments: &Arguments) -> Result<()> {
    // The harness is part of each figure, and the risk engine in it is a reference.
    ensure!(
        !cfg!(debug_assertions),
        "a debug build measures nothing: use cargo xtask bench"
    );
    let folder = folders::own(FOLDER)?;
    let binaries = binaries(&folder, arguments.built)?;
    let mut machine = Machine::look()?;
    let bench = Bench {
        quick: arguments.quick,
        rows: arguments.rows,
        entries: arguments.entries,
        binaries,
        against: arguments.against.clone(),
        services: OnceLock::new(),
    };
    let mut report = Report::default();
    let groups = if arguments.groups.is_empty() {
        Group::value_variants()
    } else {
        &arguments.groups
    };
    for group in groups {
        say(&format!("Measuring {}", name(*group)));
        measure(&bench, *group, &mut report).with_context(|| name(*group))?;
        println!("{}", report.last_table());
    }
    machine.end();
    if let Some(services) = bench.services.get() {
        machine.add("PostgreSQL", machine::server(services)?);
    }
    println!("{}", machine.text());
    let figures = json!({
        "quick": arguments.quick,
        "machine": machine.json(),
        "groups": report.json(),
    });
    let path = arguments
        .json
        .clone()
        .unwrap_or_else(|| folder.join("figures.json"));
    fs::write(&path, serde_json::to_string_pretty(&figures)?)?;
    fs::write(
        path.with_extension("md"),
        format!("{}\n{}", machine.text(), report.tables()),
    )?;
    say(&format!("The figures are in {}", path.display()));
    Ok(())
}

fn measure(bench: &Bench, group: Group, report: &mut Report) -> Result<()> {
    match group {
        Group::Size => size::measure(bench, report),
        Group::Cold => cold::measure(bench, report),
        Group::First => first::measure(bench, report),
        Group::Warm => warm::measure(bench, report),
        Group::Throughput => throughput::measure(bench, report),
        Group::Books => books::measure(bench, report),
        Group::Conflicts => conflicts::measure(bench, report),
        Group::Reads => reads::measure(bench, report),
        Group::Risk => risk::measure(bench, report),
        Group::Growth => growth::measure(bench, report),
        Group::Pure => pure::measure(bench, report),
        Group::Log => log::measure(bench, report),
        Group::Auditor => auditor::measure(bench, report),
        Group::Collateral => collateral::measure(bench, report),
    }
}

fn name(group: Group) -> String {
    let value = group.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Copies of the release binaries: another build meanwhile changes nothing that is measured.
fn binaries(folder: &Path, as_they_are: bool) -> Result<PathBuf> {
    let copies = folder.join("bin");
    let mut names = functions()?;
    names.push(HELLO.to_owned());
    if as_they_are && names.iter().all(|name| copies.join(name).is_file()) {
        return Ok(copies);
    }
    let release = cargo::build_functions(cargo::Profile::Release)?;
    let build = || {
        // In a build of its own: together with the functions it would get their features.
        let arguments = ["build", "--quiet", "--release", "--package", HELLO];
        let status = cargo::command()
            .args(arguments)
            .stdin(Stdio::null())
            .status()?;
        ensure!(status.success(), "hello does not build");
        Ok(())
    };
    step("Building the reference", build)?;
    fs::create_dir_all(&copies)?;
    for name in names {
        let (from, to) = (release.join(&name), copies.join(&name));
        // A new file: overwriting would change the code of a process that still runs the old one.
        if to.exists() {
            fs::remove_file(&to)?;
        }
        fs::copy(&from, &to).with_context(|| from.display().to_string())?;
    }
    Ok(copies)
}
