//! The local stack as an integrator meets it: what `cargo xtask up` prints, a page in a browser, supabase-js, a project
//! of one's own.
//!
//! | module | is |
//! |---|---|
//! | [`lines`] | the printed lines, run as they are |
//! | [`pages`] | CORS, and the answers that are API Gateway's own |
//! | [`sign_in`] | the sign-in that the local issuer has, alone and with supabase-js |
//! | [`project`] | another issuer's people |

mod lines;
mod pages;
mod project;
mod sign_in;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::child::{Child, Plan};
use tests::http::{self, Request, Response};
use tests::{cargo, folders, stack};

/// Other builds and tests may keep the machine busy.
const START_TIMEOUT: Duration = Duration::from_mins(5);
/// The last line that is printed.
const END: &str = "Ctrl-C stops everything";

/// What `cargo xtask up` runs, until it is dropped; the keeper ends it when the tests end.
struct Up {
    _child: Child,
    folder: String,
    printed: String,
}

impl Up {
    /// The stack with the sample people, one for all tests.
    fn sample() -> Result<&'static Self> {
        static SAMPLE: OnceLock<Result<Up, String>> = OnceLock::new();
        let up = SAMPLE.get_or_init(|| Self::start("sample", &[]).map_err(|it| format!("{it:#}")));
        up.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    fn start(name: &str, arguments: &[&str]) -> Result<Self> {
        let name = format!("{name}-{}", std::process::id());
        let log = folders::own("tests")?.join(format!("up-{name}.log"));
        // Of a process that had the same id.
        let _none = fs::remove_file(&log);
        let mut command = Command::new(xtask()?);
        command
            .current_dir(folders::workspace())
            .args(["up", "--temporary", "--fresh", "--name", &name])
            .args(arguments);
        let mut child = Child::start(Plan {
            name: "cargo xtask up",
            command,
            log: log.clone(),
            stop_signal: "SIGINT",
            grace: Duration::from_mins(1),
            identity: None,
            remove_afterwards: None,
        })?;
        let printed = || fs::read_to_string(&log).unwrap_or_default();
        child.wait_until(START_TIMEOUT, || printed().contains(END))?;
        let printed = printed();
        fs::remove_file(log)?;
        Ok(Self {
            _child: child,
            folder: format!("local-{name}"),
            printed,
        })
    }

    /// The lines below a heading, as a person would copy them.
    fn lines(&self, heading: &str) -> String {
        let below = self.printed.lines().skip_while(|line| *line != heading);
        let lines: Vec<&str> = below.skip(1).take_while(|line| !line.is_empty()).collect();
        assert!(!lines.is_empty(), "{heading}: {}", self.printed);
        lines.join("\n") + "\n"
    }

    fn description(&self) -> Result<Value> {
        stack::read(&self.folder)
    }

    fn send(&self, request: &Request) -> Result<Response> {
        http::send(address(&self.url("gateway")?)?, request)
    }

    fn url(&self, name: &str) -> Result<String> {
        let description = self.description()?;
        let url = description[name].as_str().context("a URL")?;
        Ok(url.to_owned())
    }

    fn folder(&self) -> PathBuf {
        folders::workspace().join("target").join(&self.folder)
    }
}

/// Runs lines in one shell, which stops at the first that fails; answers what they printed.
fn shell(lines: &str, environment: &[(&str, &str)]) -> Result<String> {
    let mut shell = Command::new("bash");
    shell
        .current_dir(folders::workspace())
        .args(["-euo", "pipefail", "-c", lines])
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    for variable in cargo::inherited() {
        shell.env_remove(variable);
    }
    let output = shell.output().context("bash is needed")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{lines}\n{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(said)
}

/// The program of the commands, built.
fn xtask() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let arguments = ["build", "--quiet", "--package", "xtask"];
        let status = cargo::command()
            .args(arguments)
            .stdin(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("xtask does not build: {other:?}")),
        }
    });
    built.clone().map_err(anyhow::Error::msg)?;
    Ok(folders::build().join("debug/xtask"))
}

/// What one of the commands prints, on both streams, and whether it succeeds.
fn command(arguments: &[&str]) -> Result<(bool, String)> {
    let output = Command::new(xtask()?)
        .current_dir(folders::workspace())
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    ))
}

/// The address in a URL of this machine.
fn address(url: &str) -> Result<SocketAddr> {
    let rest = url.strip_prefix("http://").context("plain HTTP")?;
    let host = rest.split('/').next().unwrap_or_default();
    host.parse().with_context(|| url.to_owned())
}
