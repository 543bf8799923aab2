//! cargo-lambda's gateway: the same binaries behind plain HTTP, on the routes of the root manifest.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cargo::{self, Profile};
use crate::child::{Child, Plan};
use crate::http::{self, Request, Response, Transport};
use crate::{folders, tools};

const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    server: Child,
    address: SocketAddr,
}

impl Gateway {
    /// Starts it on that port, with that environment for all functions.
    pub fn start(folder: &Path, port: u16, environment: &[(String, String)]) -> Result<Self> {
        // Built before: it would otherwise compile each function at its first request.
        cargo::build_functions(Profile::Debug)?;
        let lambda = tools::install(tools::Set::Local)?.join("cargo-lambda");
        let env_file = write_environment(folder, environment)?;
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
                &port.to_string(),
            ])
            .args([
                "--disable-cors",
                "--ignore-changes",
                "--timeout",
                "30",
                "--concurrency",
                "1",
            ])
            .arg("--env-file")
            .arg(env_file);
        for variable in cargo::inherited() {
            command.env_remove(variable);
        }
        let mut server = Child::start(Plan {
            name: "the gateway",
            command,
            log: folder.join("gateway.log"),
            stop_signal: "SIGINT",
            grace: Duration::from_secs(5),
            identity: None,
            remove_afterwards: None,
        })?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        server.wait_until(START_TIMEOUT, || {
            http::send(address, &Request::new("GET", "/")).is_ok()
        })?;
        Ok(Self { server, address })
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Invokes a function directly, as a schedule or a deployment does.
    pub fn invoke(&self, function: &str, event: &Value) -> Result<Response> {
        let request = Request::new(
            "POST",
            &format!("/2015-03-31/functions/{function}/invocations"),
        )
        .json(event);
        self.send(&request)
    }

    /// Ends it and all functions that it has started.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// The last lines that it and the functions have written.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.server.log_tail()
    }
}

impl Transport for Gateway {
    fn send(&self, request: &Request) -> Result<Response> {
        http::send(self.address, request)
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
