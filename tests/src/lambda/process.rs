//! One process of a function: an execution environment, in Lambda's words.

use std::fs::OpenOptions;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Launch;

/// A running process; dropping it kills it.
pub(super) struct Process {
    child: Mutex<Child>,
    started: Instant,
    first_poll: OnceLock<Duration>,
}

impl Process {
    pub(super) fn start(launch: &Launch, runtime_api: &str) -> Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(launch.log())?;
        // Only the variables that Lambda gives a function, so that none of ours leak into it.
        let mut command = Command::new(&launch.binary);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("AWS_LAMBDA_FUNCTION_NAME", &launch.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env(
                "AWS_LAMBDA_LOG_GROUP_NAME",
                format!("/aws/lambda/{}", launch.name),
            )
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .env("TZ", ":UTC");
        if launch.concurrency > 1 {
            command.env("AWS_LAMBDA_MAX_CONCURRENCY", launch.concurrency.to_string());
        }
        command.envs(launch.env.iter().map(|(name, value)| (name, value)));
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", launch.binary.display()))?;
        Ok(Self {
            child: Mutex::new(child),
            started,
            first_poll: OnceLock::new(),
        })
    }

    pub(super) fn is_alive(&self) -> bool {
        matches!(self.child().try_wait(), Ok(None))
    }

    pub(super) fn id(&self) -> u32 {
        self.child().id()
    }

    /// SIGKILL, and waits: when this returns, the process does nothing more.
    pub(super) fn kill(&self) {
        let mut child = self.child();
        // It may have ended by itself meanwhile, which is just as well.
        let _gone = child.kill();
        let _status = child.wait();
    }

    pub(super) fn polled(&self) {
        self.first_poll.get_or_init(|| self.started.elapsed());
    }

    pub(super) fn cold_start(&self) -> Option<Duration> {
        self.first_poll.get().copied()
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
