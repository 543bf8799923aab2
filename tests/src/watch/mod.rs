//! The local gateway: the same binaries, run by cargo-lambda, behind plain HTTP on the routes of the root manifest.

mod front;

pub use front::CORS;

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cargo::{self, Profile};
use crate::child::{Child, Plan};
use crate::http::{self, Request, Response, Server, Transport};
use crate::postgres::free_port;
use crate::{folders, tools};

const START_TIMEOUT: Duration = Duration::from_mins(1);

/// An invocation ends with its time; what it has left over is for the next ones, which follow at once.
const INVOCATIONS_MAX: u32 = 20;

/// A running gateway.
pub struct Gateway {
    front: Server,
    functions: Child,
    invoker: Invoker,
}

impl Gateway {
    /// Starts it on that port, with that environment for all functions.
    pub fn start(folder: &Path, port: u16, environment: &[(String, String)]) -> Result<Self> {
        // Built before: it would otherwise compile each function at its first request.
        cargo::build_functions(Profile::Debug)?;
        let lambda = tools::install(tools::Set::Local)?.join("cargo-lambda");
        let env_file = write_environment(folder, environment)?;
        // Another port than the gateway's: whoever reaches this one may invoke every function, the jobs included.
        let own = free_port(0)?;
        let mut command = std::process::Command::new(lambda);
        command
            .current_dir(folders::workspace())
            .args([
                "lambda",
                "watch",
                "--quiet",
                "--invoke-address",
                "127.0.0.1",
                "--invoke-port",
                &own.to_string(),
            ])
            // No `--timeout`: it would also end a function's wait for its next event, and the function with
            // it. And no `--concurrency`: that many processes would start at the first request.
            .args(["--disable-cors", "--ignore-changes"])
            .arg("--env-file")
            .arg(env_file);
        for variable in cargo::inherited() {
            command.env_remove(variable);
        }
        let mut functions = Child::start(Plan {
            name: "the gateway",
            command,
            log: folder.join("gateway.log"),
            stop_signal: "SIGINT",
            grace: Duration::from_secs(5),
            identity: None,
            remove_afterwards: None,
        })?;
        let address = SocketAddr::from(([127, 0, 0, 1], own));
        functions.wait_until(START_TIMEOUT, || {
            http::send(address, &Request::new("GET", "/")).is_ok()
        })?;
        Ok(Self {
            front: front::start(port, address)?,
            functions,
            invoker: Invoker { address },
        })
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.front.address())
    }

    /// Where functions are invoked directly, as by a schedule or a deployment.
    #[must_use]
    pub const fn invoker(&self) -> Invoker {
        self.invoker
    }

    /// Ends it and all functions that it has started.
    pub fn stop(&mut self) {
        self.functions.stop();
    }

    /// The last lines that it and the functions have written.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.functions.log_tail()
    }
}

/// Invokes functions directly; it holds no more than the address of what runs them.
#[derive(Clone, Copy, Debug)]
pub struct Invoker {
    address: SocketAddr,
}

impl Invoker {
    /// Invokes a function with this event and expects JSON.
    pub fn invoke(&self, function: &str, event: &Value) -> Result<Value> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let answer = http::send(self.address, &Request::new("POST", &path).json(event))?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let failed = answer.status != 200 || body.get("errorMessage").is_some();
        ensure!(!failed, "{function}: {} {}", answer.status, answer.text());
        Ok(body)
    }

    /// Ends all settlements whose time has run out, as the schedule does; answers how many.
    pub fn expire(&self) -> Result<u64> {
        self.exhaust("expire-settlements", "expired")
    }

    /// Forgets the verified tokens that have expired, as the schedule does; answers how many.
    pub fn prune_tokens(&self) -> Result<u64> {
        self.exhaust("prune-tokens", "pruned")
    }

    /// Lets the database know the issuer's keys, as the schedule does; answers what changed.
    pub fn sync_keys(&self) -> Result<Vec<Value>> {
        let mut body = self.invoke("sync-jwks", &scheduled())?;
        serde_json::from_value(body["changes"].take()).context("sync-jwks tells no changes")
    }

    /// Gives the outcomes their places and publishes the log that far, as the schedule does.
    pub fn seal(&self) -> Result<()> {
        self.invoke("sequence-tlog", &scheduled())?;
        self.invoke("sign-checkpoint", &scheduled()).map(drop)
    }

    /// Anchors the latest checkpoint, as the schedule does.
    pub fn anchor(&self) -> Result<()> {
        self.invoke("anchor-checkpoint", &scheduled()).map(drop)
    }

    fn exhaust(&self, function: &str, counter: &str) -> Result<u64> {
        let mut done = 0;
        for _ in 0..INVOCATIONS_MAX {
            let body = self.invoke(function, &scheduled())?;
            done += body[counter].as_u64().unwrap_or_default();
            if body["more"] != json!(true) {
                break;
            }
        }
        Ok(done)
    }
}

fn scheduled() -> Value {
    json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} })
}

impl Transport for Gateway {
    fn send(&self, request: &Request) -> Result<Response> {
        http::send(self.front.address(), request)
    }
}

/// Only for us to read: it names no secret today, and must not become the place where one leaks.
fn write_environment(
    folder: &Path,
    environment: &[(String, String)],
) -> Result<std::path::PathBuf> {
    let path = folder.join("functions.env");
    let lines: String = environment
        .iter()
        .fold(String::new(), |text, (name, value)| {
            format!("{text}{name}='{value}'\n")
        });
    let mut file = fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(lines.as_bytes())
        .with_context(|| path.display().to_string())?;
    Ok(path)
}
