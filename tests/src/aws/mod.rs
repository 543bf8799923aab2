//! AWS on this machine, by moto's server: Secrets Manager, S3 and `DynamoDB`. The functions reach it through
//! the real SDK.

mod log;

pub use log::{Log, ORIGIN, Version};

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::child::{Child, Plan};
use crate::http::{self, Request, Response};
use crate::postgres::free_port;
use crate::secrets::random_hex;
use crate::tools;

const SERVER: &str = include_str!("server.py");
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Any region will do, as long as all use the same.
pub const REGION: &str = "eu-central-1";
/// The recording of all requests, beside the log, if the content is kept.
const RECORDING: &str = "aws.recording";

/// A running AWS.
#[derive(Debug)]
pub struct Aws {
    server: Child,
    address: SocketAddr,
}

impl Aws {
    /// Starts it; its log goes to that folder. What is temporary begins empty, and the folder is removed at
    /// the end; otherwise S3 and `DynamoDB` are as they were the last time, and only the secrets are forgotten.
    pub fn start(folder: &Path, temporary: bool) -> Result<Self> {
        let port = free_port(0)?;
        let mut command = Command::new(tools::install(tools::Set::Local)?.join("python"));
        command.args(["-c", SERVER, &port.to_string()]);
        if !temporary {
            command.arg(recording(folder));
        }
        command.envs(dummy_credentials());
        let mut server = Child::start(Plan {
            name: "AWS",
            command,
            log: folder.join("aws.log"),
            stop_signal: "SIGTERM",
            grace: Duration::from_secs(2),
            identity: None,
            remove_afterwards: temporary.then(|| folder.to_owned()),
        })?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        server.wait_until(START_TIMEOUT, || {
            http::send(address, &Request::new("GET", "/moto-api/data.json")).is_ok()
        })?;
        Ok(Self { server, address })
    }

    /// Removes what was kept in that folder.
    pub fn forget(folder: &Path) -> Result<()> {
        match std::fs::remove_file(recording(folder)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What AWS's SDKs call an endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Creates the secret, or gives it a new value.
    pub fn put(&self, name: &str, value: &Value) -> Result<()> {
        self.put_text(name, &value.to_string())
    }

    /// The same with a text that need not be JSON.
    pub fn put_text(&self, name: &str, value: &str) -> Result<()> {
        let token = random_hex(16);
        let body = json!({ "Name": name, "SecretString": value, "ClientRequestToken": token });
        if self.secrets_manager("CreateSecret", &body)?.status == 200 {
            return Ok(());
        }
        let body = json!({ "SecretId": name, "SecretString": value, "ClientRequestToken": token });
        let answer = self.secrets_manager("PutSecretValue", &body)?;
        ensure!(
            answer.status == 200,
            "the secret {name} was not stored: {}",
            answer.text()
        );
        Ok(())
    }

    /// Deletes the secret at once.
    pub fn delete(&self, name: &str) -> Result<()> {
        let body = json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true });
        let answer = self.secrets_manager("DeleteSecret", &body)?;
        ensure!(
            answer.status == 200,
            "the secret {name} was not deleted: {}",
            answer.text()
        );
        Ok(())
    }

    /// The bucket and the table of the log of that name; created if there are none yet.
    pub fn log(&self, name: &str) -> Result<Log> {
        Log::create(self.address, name)
    }

    /// What a function needs in its environment to find this instead of AWS.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoints = ["SECRETS_MANAGER", "S3", "DYNAMODB"]
            .map(|service| (format!("AWS_ENDPOINT_URL_{service}"), self.url()));
        dummy_credentials().into_iter().chain(endpoints).collect()
    }

    /// Ends it; dropping does it too.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    fn secrets_manager(&self, action: &str, body: &Value) -> Result<Response> {
        call(
            self.address,
            "secretsmanager",
            &format!("secretsmanager.{action}"),
            body,
        )
    }
}

/// Calls one of the services that speak JSON.
fn call(address: SocketAddr, service: &str, target: &str, body: &Value) -> Result<Response> {
    let request = signed(Request::new("POST", "/"), service)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .body(body.to_string());
    http::send(address, &request)
}

/// moto looks for the region and the service here, and checks no signature.
fn signed(request: Request, service: &str) -> Request {
    request.header(
        "authorization",
        &format!(
            "AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/{service}/aws4_request, \
             SignedHeaders=host, Signature=none"
        ),
    )
}

fn recording(folder: &Path) -> PathBuf {
    folder.join(RECORDING)
}

fn dummy_credentials() -> Vec<(String, String)> {
    let pairs = [
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

#[cfg(test)]
mod tests;
