//! A function that is kept busy: each process gets the next event as soon as it asks.
//!
//! The time of an invocation is taken here, between giving it out and having its answer: what the runtime
//! and its HTTP cost is in it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Launch;
use super::job::Invocation;
use super::process::Process;
use super::runtime_api::{accepted, hand_out};
use crate::http::{Reply, Request, Server};

/// How often it is seen whether all processes live.
const PULSE: Duration = Duration::from_millis(100);
/// How long processes may take until they ask for their first event.
const START_TIMEOUT: Duration = Duration::from_secs(20);
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(28);

/// One invocation.
#[derive(Clone, Debug)]
pub struct Reading {
    /// When it was given out.
    pub given: Instant,
    /// From then on to its answer.
    pub took: Duration,
    /// The answer; `None` if the function reported an error.
    pub answer: Option<Vec<u8>>,
}

impl Reading {
    /// When it was answered.
    #[must_use]
    pub fn end(&self) -> Instant {
        self.given + self.took
    }
}

/// A function's processes; they end when it is dropped.
pub struct Load {
    processes: Vec<Process>,
    _server: Server,
    state: Arc<State>,
}

type Source = Box<dyn FnMut() -> Option<Vec<u8>> + Send>;

#[derive(Default)]
struct State {
    desk: Mutex<Desk>,
    changed: Condvar,
    numbers: AtomicU64,
}

#[derive(Default)]
struct Desk {
    source: Option<Source>,
    /// How many wait for an event.
    idle: usize,
    first_poll: Option<Instant>,
    running: HashMap<String, Instant>,
    readings: Vec<Reading>,
    broken: Option<String>,
}

impl Load {
    /// Starts the processes, and waits until all of them ask for an event as often as they can.
    pub fn start(launch: &Launch) -> Result<Self> {
        let state = Arc::<State>::default();
        let server = Server::start(0, {
            let state = Arc::clone(&state);
            move |request| state.answer(&request)
        })?;
        let address = server.address().to_string();
        let processes: Result<_> = (0..launch.processes)
            .map(|_| Process::start(launch, &address))
            .collect();
        let load = Self {
            processes: processes?,
            _server: server,
            state,
        };
        let wanted = launch.processes * launch.concurrency;
        let begun = Instant::now();
        load.wait(|desk| desk.idle >= wanted || begun.elapsed() > START_TIMEOUT)?;
        let idle = load.state.desk().idle;
        ensure!(idle >= wanted, "{idle} of {wanted} ask for an event");
        Ok(load)
    }

    /// Gives out events until there are no more, and waits for the last answer.
    pub fn run(
        &self,
        source: impl FnMut() -> Option<Vec<u8>> + Send + 'static,
    ) -> Result<Vec<Reading>> {
        {
            let mut desk = self.state.desk();
            desk.readings.clear();
            desk.source = Some(Box::new(source));
        }
        self.state.changed.notify_all();
        self.wait(|desk| desk.source.is_none() && desk.running.is_empty())?;
        Ok(std::mem::take(&mut self.state.desk().readings))
    }

    /// The processes' ids, for those who look at what they use.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::id).collect()
    }

    /// When a process asked for its first event.
    #[must_use]
    pub fn first_poll(&self) -> Option<Instant> {
        self.state.desk().first_poll
    }

    fn wait(&self, is_over: impl Fn(&Desk) -> bool) -> Result<()> {
        let mut desk = self.state.desk();
        while !is_over(&desk) {
            ensure!(desk.broken.is_none(), "{:?}", desk.broken);
            ensure!(
                self.processes.iter().all(Process::is_alive),
                "a process has ended"
            );
            (desk, _) = self
                .state
                .changed
                .wait_timeout(desk, PULSE)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for process in &self.processes {
            process.kill();
        }
        // Processes that still wait for an event get the answer that there is none.
        self.state.desk().broken = Some("it has ended".to_owned());
        self.state.changed.notify_all();
    }
}

impl State {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Reply {
        let words: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        match (&*request.method, &*words) {
            ("GET", [_, "runtime", "invocation", "next"]) => self.next(),
            ("POST", [_, "runtime", "invocation", id, "response"]) => {
                self.finished(id, Some(request.body.clone()))
            }
            ("POST", [_, "runtime", "invocation", id, "error"]) => self.finished(id, None),
            _ => {
                let said = String::from_utf8_lossy(&request.body).into_owned();
                self.desk().broken = Some(said);
                self.changed.notify_all();
                Reply::Close
            }
        }
    }

    fn next(&self) -> Reply {
        let mut desk = self.desk();
        desk.first_poll.get_or_insert_with(Instant::now);
        loop {
            if desk.broken.is_some() {
                return Reply::Close;
            }
            if let Some(source) = &mut desk.source {
                if let Some(payload) = source() {
                    let number = self.numbers.fetch_add(1, Ordering::Relaxed);
                    let invocation = Invocation {
                        request_id: format!("00000000-0000-4000-8000-{number:012x}"),
                        payload,
                        timeout: INVOCATION_TIMEOUT,
                        kill: super::Moment::Never,
                    };
                    let reply = hand_out(&invocation);
                    desk.running.insert(invocation.request_id, Instant::now());
                    return reply;
                }
                desk.source = None;
                self.changed.notify_all();
            }
            desk.idle += 1;
            self.changed.notify_all();
            desk = self
                .changed
                .wait_while(desk, |desk| desk.source.is_none() && desk.broken.is_none())
                .unwrap_or_else(PoisonError::into_inner);
            desk.idle -= 1;
        }
    }

    fn finished(&self, id: &str, answer: Option<Vec<u8>>) -> Reply {
        let end = Instant::now();
        let mut desk = self.desk();
        let Some(given) = desk.running.remove(id) else {
            return Reply::Close;
        };
        desk.readings.push(Reading {
            given,
            took: end - given,
            answer,
        });
        if desk.source.is_none() && desk.running.is_empty() {
            self.changed.notify_all();
        }
        accepted()
    }
}
