//! The reference: pgbench sends the same statement, as the same login, one round trip each, as our functions do.
//!
//! Where a request of ours brings a new idempotency key, the script makes one with built-in functions in the
//! statement itself: a microsecond or two of the server's time.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tests::fixture::Fixture;
use tests::folders;
use tests::postgres::Database;
use tests::sample_data::value_date;
use tests::secrets::random_hex;

use super::sample::{Sample, Span};
use super::stage::Allocator;
use super::stats::float;

/// pgbench's limit of scripts in a run.
pub(super) const SCRIPTS_MAX: usize = 100;

const LEAST_BOOKS: &str = include_str!("least_books.sql");
const LEAST_BOOKS_SCRIPT: &str = include_str!("least_books.pgbench");

/// pgbench with its scripts; it picks one at random for each transaction.
pub(super) struct Pgbench {
    program: PathBuf,
    protocol: &'static str,
    database: Database,
    folder: PathBuf,
    scripts: Vec<PathBuf>,
}

impl Pgbench {
    /// `None` if the server was installed without pgbench.
    pub(super) fn new(
        fixture: &Fixture,
        function: &str,
        scripts: &[String],
    ) -> Result<Option<Self>> {
        let database = fixture
            .deployment()
            .database(fixture.database(), function)?;
        // One round trip with an unnamed statement: what our functions do.
        Self::on(fixture, database, "extended", scripts)
    }

    /// The least that keeps books, in a schema of its own beside ours, as the superuser.
    pub(super) fn least_books(fixture: &Fixture) -> Result<Option<Self>> {
        let mut admin = fixture.admin()?;
        admin.batch_execute(LEAST_BOOKS)?;
        admin.batch_execute("vacuum analyze")?;
        admin.batch_execute("checkpoint")?;
        let script = LEAST_BOOKS_SCRIPT.to_owned();
        Self::on(fixture, fixture.database().clone(), "simple", &[script])
    }

    fn on(
        fixture: &Fixture,
        database: Database,
        protocol: &'static str,
        scripts: &[String],
    ) -> Result<Option<Self>> {
        let Some(program) = fixture.services().cluster().program("pgbench") else {
            return Ok(None);
        };
        let folder = folders::own("bench")?.join(format!("pgbench-{}", random_hex(4)));
        fs::create_dir_all(&folder)?;
        let write = |(number, text): (usize, &String)| {
            let path = folder.join(format!("{number}.sql"));
            fs::write(&path, text)?;
            anyhow::Ok(path)
        };
        let scripts = scripts
            .iter()
            .enumerate()
            .map(write)
            .collect::<Result<_>>()?;
        Ok(Some(Self {
            program,
            protocol,
            database,
            folder,
            scripts,
        }))
    }

    /// Runs with so many connections, each without pauses.
    pub(super) fn run(&self, clients: usize, span: Span) -> Result<Sample> {
        self.work(clients, span)?;
        self.read(span)
    }

    /// The same, with the number of its transactions, the warm-up's among them.
    pub(super) fn count(&self, clients: usize, span: Span) -> Result<usize> {
        self.work(clients, span)?;
        let whole = Span {
            warm_up: Duration::ZERO,
            // More than it can take: all is counted.
            measured: span.whole() * 2,
        };
        Ok(self.read(whole)?.milliseconds.len())
    }

    fn work(&self, clients: usize, span: Span) -> Result<()> {
        let log = self.folder.join("log");
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .args(["--no-vacuum", "--max-tries=1000", "--log"])
            .arg(format!("--protocol={}", self.protocol))
            .arg(format!("--log-prefix={}", log.display()))
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={}", clients.min(2)))
            .arg(format!("--time={}", span.whole().as_secs()));
        for script in &self.scripts {
            command.arg("--file").arg(script);
        }
        let output = command
            .arg(self.database.url())
            .stdin(Stdio::null())
            .output()
            .context("cannot run pgbench")?;
        ensure!(
            output.status.success(),
            "pgbench failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Its log: client, number, microseconds, script, and when it ended.
    fn read(&self, span: Span) -> Result<Sample> {
        let mut ended = Vec::<(f64, f64)>::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if !path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("log"))
            {
                continue;
            }
            for line in fs::read_to_string(&path)?.lines() {
                ended.push(transaction(line).with_context(|| line.to_owned())?);
            }
            fs::remove_file(path)?;
        }
        let last = ended.iter().map(|(end, _)| *end).fold(f64::MIN, f64::max);
        // pgbench stops when the time is over: the measured span is counted back from its end.
        let from = last - span.measured.as_secs_f64();
        let milliseconds: Vec<f64> = ended
            .into_iter()
            .filter(|(end, _)| *end > from)
            .map(|(_, took)| took)
            .collect();
        ensure!(!milliseconds.is_empty(), "pgbench did nothing in time");
        Ok(Sample {
            per_second: float(milliseconds.len()) / span.measured.as_secs_f64(),
            milliseconds,
        })
    }
}

impl Drop for Pgbench {
    fn drop(&mut self) {
        // A failure to delete leaves a few files below target/.
        let _left = fs::remove_dir_all(&self.folder);
    }
}

/// When it ended, in seconds, and how many milliseconds it took.
fn transaction(line: &str) -> Option<(f64, f64)> {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |place: usize| words.get(place)?.parse::<f64>().ok();
    Some((number(4)? + number(5)? / 1e6, number(2)? / 1e3))
}

/// The statement of `create-settlement`, one script an allocator.
pub(super) fn create(allocators: &[Allocator]) -> Result<Vec<String>> {
    let date = value_date();
    allocators
        .iter()
        .map(|allocator| {
            let maker = &allocator.maker;
            let client_key = "'pgbench-' || lpad(:n, 18, '0')";
            let mut script = String::from("\\set n random(1, 999999999999999999)\n");
            writeln!(
                script,
                "select outcome, status, refusal, body from gateway.create_settlement('{token}', \
                 jsonb_build_object('attempt', 'pgbench', 'client_key', {client_key}, \
                 'fingerprint', '{fingerprint}'), \
                 '{facility}', 100, 'USD', '{date}', null, null, null);",
                token = maker.token,
                fingerprint = "5a".repeat(32),
                facility = allocator.facility,
            )?;
            Ok(script)
        })
        .collect()
}

/// A statement that only reads, one script an allocator; `TOKEN` stands for the maker's token.
pub(super) fn read(
    allocators: &[Allocator],
    statement: impl Fn(&Allocator) -> String,
) -> Vec<String> {
    allocators
        .iter()
        .map(|allocator| {
            statement(allocator).replace("TOKEN", &format!("'{}'", allocator.maker.token)) + ";\n"
        })
        .collect()
}
