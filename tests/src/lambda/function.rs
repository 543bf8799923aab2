//! A function with its processes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::job::{Answer, Invocation, Moment};
use super::process::Process;
use super::runtime_api::{Progress, RuntimeApi};

/// How often a waiting caller looks whether the process still lives.
const PULSE: Duration = Duration::from_millis(20);
/// The number of times that a process is replaced if it ends before it takes an event.
const RESTARTS_MAX: usize = 2;

/// How a function is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What Lambda calls it.
    pub name: String,
    /// The program.
    pub binary: PathBuf,
    /// Its environment, beside what Lambda sets itself.
    pub env: Vec<(String, String)>,
    /// How many processes share its invocations.
    pub processes: usize,
    /// How many invocations each takes at a time; 1 is what Lambda does by default.
    pub concurrency: usize,
    /// Where its log goes.
    pub log_folder: PathBuf,
}

impl Launch {
    /// The same with another value for one variable.
    #[must_use]
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self = self.without(variable);
        self.env.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// The same without that variable.
    #[must_use]
    pub fn without(mut self, variable: &str) -> Self {
        self.env.retain(|(name, _)| name != variable);
        self
    }

    /// The same with this number of processes, each taking this number of invocations at a time.
    #[must_use]
    pub fn scaled(mut self, processes: usize, concurrency: usize) -> Self {
        (self.processes, self.concurrency) = (processes, concurrency);
        self
    }

    pub(super) fn log(&self) -> PathBuf {
        self.log_folder.join(format!("{}.log", self.name))
    }
}

/// A function that can be invoked; its processes end when it is dropped.
pub struct Function {
    launch: Launch,
    api: RuntimeApi,
    processes: Mutex<Vec<Arc<Process>>>,
}

impl Function {
    /// Prepares a function; its processes start at the first invocation, as on Lambda.
    pub fn new(launch: Launch) -> Result<Self> {
        ensure!(
            launch.binary.is_file(),
            "there is no binary {}",
            launch.binary.display()
        );
        Ok(Self {
            launch,
            api: RuntimeApi::start()?,
            processes: Mutex::default(),
        })
    }

    /// Invokes it and waits for the answer.
    pub fn invoke(&self, invocation: Invocation) -> Result<Answer> {
        let start = Instant::now();
        let limit = invocation.timeout;
        let kill = invocation.kill;
        let mut restarts = 0;
        self.top_up()?;
        let job = self.api.submit(invocation);
        let mut pulse = PULSE;
        loop {
            match job.wait(pulse) {
                Progress::Answered(answer) => return Ok(answer),
                Progress::Running(process, taken) => {
                    if let Moment::After(delay) = kill {
                        if taken.elapsed() >= delay {
                            process.kill();
                            return Ok(job.finish(Answer::Killed(None)));
                        }
                        pulse = PULSE.min(delay.saturating_sub(taken.elapsed()));
                    }
                    if !process.is_alive() {
                        return Ok(job.finish(Answer::Died));
                    }
                    if taken.elapsed() > limit {
                        process.kill();
                        return Ok(job.finish(Answer::TimedOut));
                    }
                }
                Progress::Waiting => {
                    if !self.processes().iter().any(|process| process.is_alive()) {
                        restarts += 1;
                        if restarts > RESTARTS_MAX {
                            return Ok(job.finish(Answer::Died));
                        }
                        self.top_up()?;
                    }
                    if start.elapsed() > limit {
                        return Ok(job.finish(Answer::TimedOut));
                    }
                }
            }
        }
    }

    /// Invokes it with an event and expects JSON.
    pub fn call(&self, event: &Value) -> Result<Value> {
        match self.invoke(Invocation::new(event))? {
            Answer::Response(body) => {
                serde_json::from_slice(&body).context("the answer is not JSON")
            }
            other => anyhow::bail!(
                "{} did not answer: {other:?}\n{}",
                self.launch.name,
                self.logs()
            ),
        }
    }

    /// Kills every process with SIGKILL; the next invocation starts new ones.
    pub fn kill(&self) {
        for process in self.processes().drain(..) {
            process.kill();
        }
        self.api.wake();
    }

    /// Starts processes until there are as many as wanted.
    pub fn top_up(&self) -> Result<()> {
        let mut processes = self.processes();
        processes.retain(|process| process.is_alive());
        while processes.len() < self.launch.processes {
            let process = self
                .api
                .attach(|runtime_api| Process::start(&self.launch, runtime_api))?;
            processes.push(process);
        }
        Ok(())
    }

    /// The processes' ids, for those who look at their memory.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        self.processes()
            .iter()
            .map(|process| process.id())
            .collect()
    }

    /// From the start of each process to its first poll.
    #[must_use]
    pub fn cold_starts(&self) -> Vec<Duration> {
        self.processes()
            .iter()
            .filter_map(|process| process.cold_start())
            .collect()
    }

    /// Everything its processes have written so far.
    #[must_use]
    pub fn logs(&self) -> String {
        std::fs::read_to_string(self.launch.log()).unwrap_or_default()
    }

    fn processes(&self) -> MutexGuard<'_, Vec<Arc<Process>>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.kill();
    }
}
