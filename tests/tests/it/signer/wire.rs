//! The way from the signer to AWS, on which any write can fail: before it arrives, or after it has taken effect.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tests::http::{self, Reply, Request, Response, Server};

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The write does not arrive, and the signer gets an error.
    Refused,
    /// The write takes effect, and the signer gets an error.
    Persisted,
    /// It takes effect, and there is never an answer.
    Unanswered,
    /// The first try never arrives: the connection is cut.
    CutBefore,
    /// The first try takes effect and the connection is cut: the second try finds the effect of the first.
    CutAfter,
}

/// A server in front of AWS's; ends when it is dropped.
pub(super) struct Wire {
    server: Server,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    /// What happens to which write: the n-th from now, or every one.
    fate: Option<(Option<usize>, Fate)>,
    /// The writes so far, as they were begun: method and place.
    writes: Vec<String>,
    /// Those whose first try was cut.
    cut: Vec<String>,
    /// Whether a write is waiting for an answer that will not come.
    waiting: bool,
}

impl Wire {
    pub(super) fn open(aws: std::net::SocketAddr) -> Result<Self> {
        let state = Arc::new(State::default());
        let server = Server::start(0, {
            let state = Arc::clone(&state);
            move |request| state.pass(aws, &request)
        })?;
        Ok(Self { server, state })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// From now on: this is what happens to the n-th write, counted from 0.
    pub(super) fn doom(&self, number: usize, fate: Fate) {
        *self.plan() = Plan {
            fate: Some((Some(number), fate)),
            ..Plan::default()
        };
    }

    /// From now on: this is what happens to every write.
    pub(super) fn doom_all(&self, fate: Fate) {
        *self.plan() = Plan {
            fate: Some((None, fate)),
            ..Plan::default()
        };
    }

    /// From now on everything arrives; answers the writes since it was last said what happens.
    pub(super) fn spare(&self) -> Vec<String> {
        std::mem::take(&mut *self.plan()).writes
    }

    /// Whether a write is waiting for an answer that will not come.
    pub(super) fn is_waiting(&self) -> bool {
        self.plan().waiting
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.state.plan()
    }
}

impl State {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, aws: std::net::SocketAddr, request: &Request) -> Reply {
        let fate = name(request).and_then(|name| self.fate(name));
        // S3 refuses a write under a lock that has no checksum; the stand-in does not.
        let is_bare = !header(request, "x-amz-object-lock-mode").is_empty()
            && header(request, "x-amz-checksum-crc32").is_empty();
        if fate == Some(Fate::Refused) || is_bare {
            return refusal();
        }
        if fate == Some(Fate::CutBefore) {
            return Reply::Close;
        }
        let Ok(mut answer) = http::send(aws, &forwarded(request)) else {
            return Reply::Close;
        };
        match fate {
            Some(Fate::Persisted) => refusal(),
            Some(Fate::CutAfter) => Reply::Close,
            Some(Fate::Unanswered) => {
                self.plan().waiting = true;
                Reply::Hang
            }
            Some(Fate::Refused | Fate::CutBefore) | None => {
                answer.headers.retain(|(name, _)| {
                    !["content-length", "connection", "transfer-encoding"]
                        .contains(&&*name.to_lowercase())
                });
                Reply::Response(answer)
            }
        }
    }

    fn fate(&self, name: String) -> Option<Fate> {
        let mut plan = self.plan();
        let number = plan.writes.len();
        let again = plan.cut.contains(&name);
        if !again {
            plan.writes.push(name.clone());
        }
        let (wanted, fate) = plan.fate?;
        let cuts = matches!(fate, Fate::CutBefore | Fate::CutAfter);
        let hit = !again && wanted.is_none_or(|wanted| wanted == number);
        if hit && cuts {
            plan.cut.push(name);
        }
        hit.then_some(fate)
    }
}

/// The value of a header; empty without one.
fn header<'a>(request: &'a Request, wanted: &str) -> &'a str {
    request.values(wanted).next().unwrap_or_default()
}

/// The name of a write; `None` for a request that changes nothing.
fn name(request: &Request) -> Option<String> {
    if header(request, "x-amz-target").ends_with(".PutItem") {
        return Some("PutItem".to_owned());
    }
    let writes = matches!(&*request.method, "PUT" | "DELETE");
    // Without the bucket's name.
    let place = request.path().trim_start_matches('/').split_once('/')?.1;
    writes.then(|| format!("{} {place}", request.method))
}

/// The request as it is sent on: the client says itself how long it is and for whom.
fn forwarded(request: &Request) -> Request {
    request
        .clone()
        .without("host")
        .without("content-length")
        .without("connection")
}

/// An error that the SDK does not try again.
fn refusal() -> Reply {
    Reply::Response(Response {
        status: 403,
        headers: Vec::new(),
        body: Vec::new(),
    })
}
