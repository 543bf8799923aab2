//! A program that cannot outlive us.
//!
//! Between us and the program stands a small keeper, which ends the program when our end of a pipe
//! closes: on a clean stop, and just as well when we are killed. The parent-death signal of Linux
//! would do less: it fires when the spawning *thread* ends, and setting it takes unsafe code.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const KEEPER: &str = include_str!("keeper.py");
/// How long the keeper may take beyond the grace it gives the program.
const KEEPER_TIMEOUT: Duration = Duration::from_secs(10);

/// A user that a program runs as instead of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// How a program is run and ended.
#[derive(Debug)]
pub struct Plan {
    /// What messages call it.
    pub name: &'static str,
    /// The program with its arguments, environment and folder.
    pub command: Command,
    /// Its output, both streams.
    pub log: PathBuf,
    /// The signal that asks it to end.
    pub stop_signal: &'static str,
    /// How long it may take to, before it is killed.
    pub grace: Duration,
    /// Runs the program as another user, which only root can do.
    pub identity: Option<Identity>,
    /// Removed after it has ended, also when we were killed meanwhile.
    pub remove_afterwards: Option<PathBuf>,
}

/// A running program; dropping it ends it.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    keeper: Process,
    log: PathBuf,
    grace: Duration,
}

impl Child {
    /// Starts a program under its keeper.
    pub fn start(plan: Plan) -> Result<Self> {
        let Plan {
            name,
            command,
            log,
            stop_signal,
            grace,
            identity,
            remove_afterwards,
        } = plan;
        let output = open_log(&log)?;
        let identity = identity
            .map(|who| format!("{}:{}", who.uid, who.gid))
            .unwrap_or_default();
        let mut keeper = Command::new("python3");
        keeper
            .process_group(0)
            .args([
                "-I",
                "-S",
                "-c",
                KEEPER,
                stop_signal,
                &grace.as_secs().to_string(),
                &identity,
            ])
            .arg(remove_afterwards.unwrap_or_default())
            .arg(command.get_program())
            .args(command.get_args());
        for (variable, value) in command.get_envs() {
            match value {
                Some(value) => keeper.env(variable, value),
                None => keeper.env_remove(variable),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            keeper.current_dir(folder);
        }
        let keeper = keeper
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}: python3 is needed to keep it"))?;
        Ok(Self {
            name,
            keeper,
            log,
            grace,
        })
    }

    /// Waits until `ready` says so; ends early, with the log, if the program does.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.keeper.try_wait()? {
                bail!(
                    "{} ended at once ({status}):\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            if start.elapsed() > limit {
                bail!(
                    "{} is not ready after {limit:?}:\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.keeper.try_wait(), Ok(None))
    }

    /// The last lines it wrote.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Ends it, and keeps the folder that would otherwise be removed now.
    pub fn stop_for_now(&mut self) {
        if let Some(pipe) = &mut self.keeper.stdin {
            // A keeper that is gone reads nothing, and removes nothing either.
            let _unread = pipe.write_all(b"keep");
        }
        self.stop();
    }

    /// Ends it and waits until it has ended; again is no harm.
    pub fn stop(&mut self) {
        drop(self.keeper.stdin.take());
        let start = Instant::now();
        while self.is_running() {
            if start.elapsed() > self.grace + KEEPER_TIMEOUT {
                // A keeper that hangs holds nothing that could be lost.
                let _ended = self.keeper.kill();
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        // Collects the exit status; a failure here has no one to report to.
        let _status = self.keeper.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open_log(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))
}
