//! The Lambda Runtime API (2018-06-01): `next`, `response`, `error`, `init/error`.
//!
//! Each process has the API under a prefix of its own, so that it is known who took which event.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::job::{Answer, Invocation, Moment};
use super::process::Process;
use crate::http::{Reply, Request, Response, Server};

const VERSION: &str = "2018-06-01";

pub(super) struct RuntimeApi {
    server: Server,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    processes: Vec<Weak<Process>>,
    waiting: VecDeque<Arc<Entry>>,
    running: Vec<Arc<Entry>>,
}

struct Entry {
    invocation: Invocation,
    progress: Mutex<Stage>,
}

enum Stage {
    Waiting,
    Running {
        process: Arc<Process>,
        number: usize,
        taken: Instant,
    },
    Answered(Answer),
}

/// How far an invocation has come.
pub(super) enum Progress {
    Waiting,
    Running(Arc<Process>, Instant),
    Answered(Answer),
}

/// A caller's hold on its invocation.
pub(super) struct Job {
    entry: Arc<Entry>,
    state: Arc<State>,
}

impl RuntimeApi {
    pub(super) fn start() -> Result<Self> {
        let state = Arc::<State>::default();
        let server = Server::start(0, {
            let state = Arc::clone(&state);
            move |request| state.answer(&request)
        })?;
        Ok(Self { server, state })
    }

    /// Starts a process with the address under which it finds this API.
    pub(super) fn attach(
        &self,
        start: impl FnOnce(&str) -> Result<Process>,
    ) -> Result<Arc<Process>> {
        // The place is taken before the process can ask, so that no other process gets its number.
        let mut queue = self.state.queue();
        let process = Arc::new(start(&format!(
            "http://{}/{}",
            self.server.address(),
            queue.processes.len()
        ))?);
        queue.processes.push(Arc::downgrade(&process));
        Ok(process)
    }

    pub(super) fn submit(&self, invocation: Invocation) -> Job {
        let entry = Arc::new(Entry {
            invocation,
            progress: Mutex::new(Stage::Waiting),
        });
        self.state.queue().waiting.push_back(Arc::clone(&entry));
        self.state.changed.notify_all();
        Job {
            entry,
            state: Arc::clone(&self.state),
        }
    }

    /// Lets those who wait look again: a process may have gone.
    pub(super) fn wake(&self) {
        self.state.changed.notify_all();
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        // Without processes every poll ends.
        self.state.queue().processes.clear();
        self.state.changed.notify_all();
    }
}

impl Job {
    /// Waits a moment for a change, then says how far it is.
    pub(super) fn wait(&self, limit: Duration) -> Progress {
        let queue = self.state.queue();
        if !matches!(*self.entry.stage(), Stage::Answered(_)) {
            drop(self.state.changed.wait_timeout(queue, limit));
        }
        match &*self.entry.stage() {
            Stage::Waiting => Progress::Waiting,
            Stage::Running { process, taken, .. } => Progress::Running(Arc::clone(process), *taken),
            Stage::Answered(answer) => Progress::Answered(answer.clone()),
        }
    }

    /// Ends it for the caller, unless an answer came in at the last moment.
    pub(super) fn finish(&self, answer: Answer) -> Answer {
        let mut queue = self.state.queue();
        queue
            .waiting
            .retain(|entry| !Arc::ptr_eq(entry, &self.entry));
        queue
            .running
            .retain(|entry| !Arc::ptr_eq(entry, &self.entry));
        let mut stage = self.entry.stage();
        if let Stage::Answered(known) = &*stage {
            return known.clone();
        }
        *stage = Stage::Answered(answer.clone());
        answer
    }
}

impl Entry {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_run_by(&self, wanted: usize) -> bool {
        matches!(&*self.stage(), Stage::Running { number, .. } if *number == wanted)
    }
}

impl State {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Reply {
        let mut words = request.path().trim_start_matches('/').split('/');
        let Some(number) = words.next().and_then(|word| word.parse::<usize>().ok()) else {
            return Reply::Close;
        };
        if words.next() != Some(VERSION) || words.next() != Some("runtime") {
            return Reply::Close;
        }
        let words: Vec<&str> = words.collect();
        match (&*request.method, &*words) {
            ("GET", ["invocation", "next"]) => self.next(number),
            ("POST", ["invocation", id, "response"]) => {
                self.finished(number, id, |_| Answer::Response(request.body.clone()))
            }
            ("POST", ["invocation", id, "error"]) => self.finished(number, id, |_| {
                Answer::Error(String::from_utf8_lossy(&request.body).into_owned())
            }),
            // The log has the reason; the process ends by itself.
            ("POST", ["init", "error"]) => accepted(),
            _ => Reply::Close,
        }
    }

    fn next(&self, number: usize) -> Reply {
        let mut queue = self.queue();
        loop {
            let process = queue.processes.get(number).and_then(Weak::upgrade);
            let Some(process) = process.filter(|process| process.is_alive()) else {
                return Reply::Close;
            };
            process.polled();
            if let Some(entry) = queue.waiting.pop_front() {
                *entry.stage() = Stage::Running {
                    process,
                    number,
                    taken: Instant::now(),
                };
                queue.running.push(Arc::clone(&entry));
                drop(queue);
                self.changed.notify_all();
                return hand_out(&entry.invocation);
            }
            // Held while waiting, the process could not be dropped.
            drop(process);
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finished(
        &self,
        number: usize,
        id: &str,
        answer: impl FnOnce(&Invocation) -> Answer,
    ) -> Reply {
        let mut queue = self.queue();
        let found = queue
            .running
            .iter()
            .position(|entry| entry.invocation.request_id == id && entry.is_run_by(number));
        let Some(index) = found else {
            return Reply::Close;
        };
        let entry = queue.running.swap_remove(index);
        let answer = answer(&entry.invocation);
        let mut stage = entry.stage();
        let previous = std::mem::replace(&mut *stage, Stage::Waiting);
        if let (Moment::AtReply, Stage::Running { process, .. }) = (entry.invocation.kill, previous)
        {
            process.kill();
            let lost = if let Answer::Response(body) = answer {
                Some(body)
            } else {
                None
            };
            *stage = Stage::Answered(Answer::Killed(lost));
            drop((stage, queue));
            self.changed.notify_all();
            return Reply::Close;
        }
        *stage = Stage::Answered(answer);
        drop((stage, queue));
        self.changed.notify_all();
        accepted()
    }
}

pub(super) fn hand_out(invocation: &Invocation) -> Reply {
    let deadline = SystemTime::now() + invocation.timeout;
    let deadline_ms = deadline
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    let headers = [
        ("content-type", "application/json".to_owned()),
        (
            "lambda-runtime-aws-request-id",
            invocation.request_id.clone(),
        ),
        ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:local".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned(),
        ),
    ];
    let headers = headers
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
    Reply::Response(Response {
        status: 200,
        headers,
        body: invocation.payload.clone(),
    })
}

pub(super) fn accepted() -> Reply {
    Reply::Response(Response {
        status: 202,
        headers: Vec::new(),
        body: br#"{"status":"OK"}"#.to_vec(),
    })
}
