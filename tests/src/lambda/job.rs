//! One invocation, from the caller through a process and back.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

/// API Gateway gives up after 30 s; a function's time-out is below that.
const TIMEOUT: Duration = Duration::from_secs(28);

/// What a function is invoked with, and what happens to it meanwhile.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Lambda's request id. The same id again is what a retry by Lambda itself looks like.
    pub request_id: String,
    /// The event.
    pub payload: Vec<u8>,
    /// How long the function may take: its deadline says so, and after that it is killed.
    pub timeout: Duration,
    /// When its process is killed, if at all.
    pub kill: Moment,
}

/// The moment at which a process is killed with SIGKILL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// It lives on.
    #[default]
    Never,
    /// Its answer has arrived, and is thrown away: killed between commit and reply.
    AtReply,
    /// So long after it took the event.
    After(Duration),
}

impl Invocation {
    /// An invocation with a new request id that nothing happens to.
    #[must_use]
    pub fn new(event: &Value) -> Self {
        Self {
            request_id: Uuid::new_v4().to_string(),
            payload: event.to_string().into_bytes(),
            timeout: TIMEOUT,
            kill: Moment::Never,
        }
    }

    /// The same with this request id.
    #[must_use]
    pub fn with_request_id(mut self, request_id: &str) -> Self {
        request_id.clone_into(&mut self.request_id);
        self
    }

    /// The same with its process killed at that moment.
    #[must_use]
    pub fn killed(mut self, moment: Moment) -> Self {
        self.kill = moment;
        self
    }

    /// The same with another time-out.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The function answered.
    Response(Vec<u8>),
    /// The function reported an error to the Runtime API.
    Error(String),
    /// We killed its process; at [`Moment::AtReply`] this is the answer that got lost.
    Killed(Option<Vec<u8>>),
    /// Its process ended by itself.
    Died,
    /// No answer in time; its process was killed.
    TimedOut,
}

impl Answer {
    /// The answer's JSON.
    ///
    /// # Panics
    /// If the function did not answer, or not with JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Response(body) => {
                serde_json::from_slice(body).expect("a function answers with JSON")
            }
            other => panic!("the function did not answer: {other:?}"),
        }
    }
}
