//! A node between the function and the chain, which fails and lies as a test wants.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use serde_json::{Value, json};
use tests::chain::{Chain, call};
use tests::http::{Reply, Request, Response, Server};

/// What happens to a call.
pub(super) enum Fate {
    /// The chain answers.
    Forward,
    /// The chain receives the request, but its answer is replaced.
    Change(Box<dyn Fn(Value) -> Value>),
    /// The chain does not receive the request; this is the whole reply.
    Reply(Reply),
    /// The chain receives the request, but its answer is lost.
    Lose,
}

type Judge = dyn Fn(&str) -> Fate + Send + Sync;

/// A server that passes on to a chain what its judge lets through. It ends when it is dropped.
pub(super) struct Relay {
    server: Server,
    calls: Arc<Mutex<Vec<String>>>,
    honest: Arc<AtomicBool>,
}

impl Relay {
    pub(super) fn start(
        chain: &Chain,
        judge: impl Fn(&str) -> Fate + Send + Sync + 'static,
    ) -> Result<Self> {
        let node = chain.address();
        let calls = Arc::<Mutex<Vec<String>>>::default();
        let honest = Arc::<AtomicBool>::default();
        let judge: Box<Judge> = Box::new(judge);
        let server = Server::start(0, {
            let (calls, honest) = (Arc::clone(&calls), Arc::clone(&honest));
            move |request: Request| {
                let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                let method = asked["method"].as_str().unwrap_or_default();
                calls
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(method.to_owned());
                let fate = if honest.load(SeqCst) {
                    Fate::Forward
                } else {
                    judge(method)
                };
                let answer = || match call(node, method, &asked["params"]) {
                    Ok(result) => result,
                    Err(refused) => json!({ "refused": refused.to_string() }),
                };
                match fate {
                    Fate::Forward => result(&answer()),
                    Fate::Change(change) => result(&change(answer())),
                    Fate::Reply(reply) => reply,
                    Fate::Lose => {
                        answer();
                        Reply::Close
                    }
                }
            }
        })?;
        Ok(Self {
            server,
            calls,
            honest,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// From now on everything is passed on as it is.
    pub(super) fn be_honest(&self) {
        self.honest.store(true, SeqCst);
    }

    /// How often the method was called.
    pub(super) fn count(&self, method: &str) -> usize {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|call| *call == method).count()
    }
}

/// A JSON-RPC answer; a refusal of the chain is passed on as one.
fn result(result: &Value) -> Reply {
    let body = match result["refused"].as_str() {
        Some(words) => {
            json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32000, "message": words } })
        }
        None => json!({ "jsonrpc": "2.0", "id": 1, "result": result }),
    };
    text(200, body.to_string())
}

/// Any reply.
pub(super) fn text(status: u16, body: String) -> Reply {
    Reply::Response(Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.into_bytes(),
    })
}
