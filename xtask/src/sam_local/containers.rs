//! The Docker engine, and sam on top of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tests::child::{Child, Plan};
use tests::folders;
use tests::http::{self, Request};
use tests::postgres::free_port;

use super::{logical_id, run_quietly, sam, tell};

/// Lambda's base image. Any Linux with a recent libc will do, imported under this name.
const IMAGE: &str = "public.ecr.aws/lambda/provided:al2023-x86_64";

/// sam builds an image of its own over the base before it listens.
const START_TIMEOUT: Duration = Duration::from_mins(3);

/// Whether the base image is here; an error if there is no engine.
pub(super) fn engine() -> Result<bool> {
    let docker = |arguments: &[&str]| {
        let mut command = Command::new("docker");
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !docker(&["version"]) {
        bail!("no Docker engine answers (Debian: docker.io; DOCKER_HOST names another socket)");
    }
    Ok(docker(&["image", "inspect", IMAGE]))
}

/// How sam runs the functions.
pub(super) struct Sam {
    pub(super) template: PathBuf,
    pub(super) variables: PathBuf,
    pub(super) log: PathBuf,
    pub(super) skip_pull_image: bool,
}

impl Sam {
    /// Invokes one function with an event, in a container of its own; answers its reply and its log.
    pub(super) fn invoke(&self, function: &str, event: &Path) -> Result<(Value, String)> {
        let mut command = self.command("local invoke")?;
        command.arg(logical_id(function)).arg("--event").arg(event);
        let (answer, said) = run_quietly(command)?;
        let reply = answer.lines().last().unwrap_or_default();
        let reply = serde_json::from_str(reply)
            .with_context(|| format!("{function} answered {answer}\n{said}"))?;
        Ok((reply, said))
    }

    /// Serves the API until the answer is dropped.
    pub(super) fn serve(&self) -> Result<Api> {
        let port = free_port(0)?;
        let mut command = self.command("local start-api")?;
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        let mut server = Child::start(Plan {
            name: "sam local start-api",
            command,
            log: self.log.clone(),
            stop_signal: "SIGINT",
            grace: Duration::from_secs(30),
            identity: None,
            remove_afterwards: None,
        })?;
        tell(&self.log);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        server.wait_until(START_TIMEOUT, || {
            http::send(address, &Request::new("GET", "/")).is_ok()
        })?;
        Ok(Api {
            _server: server,
            address,
        })
    }

    fn command(&self, command: &str) -> Result<Command> {
        let mut command = sam(command)?;
        command
            .args(["--config-env", "local", "--config-file"])
            // By default sam looks beside the template.
            .arg(folders::workspace().join("samconfig.toml"))
            .arg("--template")
            .arg(&self.template)
            .arg("--env-vars")
            .arg(&self.variables);
        ensure!(self.template.is_file(), "nothing is built");
        if self.skip_pull_image {
            command.arg("--skip-pull-image");
        }
        Ok(command)
    }
}

/// A running API.
pub(super) struct Api {
    _server: Child,
    address: SocketAddr,
}

impl http::Transport for Api {
    fn send(&self, request: &Request) -> Result<http::Response> {
        http::send(self.address, request)
    }
}
