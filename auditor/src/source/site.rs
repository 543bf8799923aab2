//! A log behind HTTP, and a chain's node behind JSON-RPC.

use std::{io::Read, thread, time::Duration};

use serde_json::Value;
use ureq::{Agent, Body, http::Response};

use crate::report::Undecided;

const CONNECT_MAX: Duration = Duration::from_secs(10);
const REQUEST_MAX: Duration = Duration::from_mins(1);
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const REPLY_BYTES_MAX: u64 = 4 << 20;

/// A prefix under which a log is published.
#[derive(Debug)]
pub struct Site {
    agent: Agent,
    prefix: String,
}

impl Site {
    pub(super) fn new(prefix: &str) -> Result<Self, Undecided> {
        if prefix.contains(['?', '#']) || prefix.parse::<ureq::http::Uri>().is_err() {
            return Err(Undecided::new(format!("{prefix}: not a URL prefix")));
        }
        Ok(Self {
            agent: agent(),
            prefix: prefix.trim_end_matches('/').to_owned(),
        })
    }

    pub(super) fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Undecided> {
        let url = format!("{}/{path}", self.prefix);
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let error = match self.try_read(&url, bytes_max) {
                Ok(found) => return Ok(found),
                Err(Failed::Finally(error)) => return Err(Undecided(format!("{url}: {error}"))),
                Err(Failed::ForNow(error)) => error,
            };
            if attempt == TRIES {
                return Err(Undecided(format!("{url}: {error}")));
            }
            thread::sleep(wait);
            wait *= 4;
        }
        unreachable!("the last attempt has returned")
    }

    fn try_read(&self, url: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Failed> {
        // A log may send bundles in gzip without being asked to (C2SP tlog-tiles). The library decodes gzip and removes
        // the header. Hashes are over the decoded bytes.
        let response = self.agent.get(url).header("accept-encoding", "identity");
        let response = response
            .call()
            .map_err(|error| Failed::ForNow(error.to_string()))?;
        if let Some(coding) = response.headers().get("content-encoding")
            && coding != "identity"
        {
            return Err(Failed::Finally(format!(
                "the content coding {coding:?} is not known here"
            )));
        }
        match response.status().as_u16() {
            200 => whole(response, bytes_max as u64 + 1)
                .map(Some)
                .map_err(|error| Failed::ForNow(error.to_string())),
            404 | 410 => Ok(None),
            status @ (408 | 429 | 500..) => Err(Failed::ForNow(format!("status {status}"))),
            status => Err(Failed::Finally(format!("status {status}"))),
        }
    }
}

enum Failed {
    ForNow(String),
    Finally(String),
}

/// Sends a JSON text and reads the JSON reply.
///
/// # Errors
///
/// The request failed, its status is not 200, or the reply is not JSON.
pub fn post_json(url: &str, request: &Value) -> Result<Value, Undecided> {
    let failed = |error: String| Undecided(format!("{url}: {error}"));
    let response = agent()
        .post(url)
        .header("content-type", "application/json")
        .header("accept-encoding", "identity")
        .send(request.to_string())
        .map_err(|error| failed(error.to_string()))?;
    if response.status().as_u16() != 200 {
        return Err(failed(format!("status {}", response.status().as_u16())));
    }
    let bytes = whole(response, REPLY_BYTES_MAX).map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // Redirects are not followed: the log is read where the auditor was told, and nowhere else.
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_MAX))
        .timeout_global(Some(REQUEST_MAX))
        .max_idle_connections_per_host(32)
        .user_agent(concat!("optkas-auditor/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::new_with_config(config)
}

fn whole(response: Response<Body>, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    response
        .into_body()
        .into_reader()
        .take(bytes_max)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
