//! AWS Secrets Manager, by moto's server: the functions read it through the real SDK.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use crate::child::{Child, Plan};
use crate::http::{self, Request, Response};
use crate::postgres::free_port;
use crate::tools;

const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Any region will do, as long as all use the same.
pub const REGION: &str = "eu-central-1";

/// A running Secrets Manager; empty at first, and forgotten at the end.
#[derive(Debug)]
pub struct Secrets {
    server: Child,
    address: SocketAddr,
}

impl Secrets {
    /// Starts it; its log goes to that folder, which may be temporary and is then removed at the end.
    pub fn start(folder: &Path, temporary: bool) -> Result<Self> {
        let port = free_port(0)?;
        let mut command = Command::new(tools::install(tools::Set::Local)?.join("python"));
        command.args([
            "-m",
            "moto.server",
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
        ]);
        command.envs(dummy_credentials());
        let mut server = Child::start(Plan {
            name: "Secrets Manager",
            command,
            log: folder.join("secrets.log"),
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

    /// What AWS's SDKs call an endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Creates the secret, or gives it a new value.
    pub fn put(&self, name: &str, value: &Value) -> Result<()> {
        self.put_text(name, &value.to_string())
    }

    /// The same with a text that need not be JSON.
    pub fn put_text(&self, name: &str, value: &str) -> Result<()> {
        let token = random_hex(16);
        let body = json!({ "Name": name, "SecretString": value, "ClientRequestToken": token });
        if self.call("CreateSecret", &body)?.status == 200 {
            return Ok(());
        }
        let body = json!({ "SecretId": name, "SecretString": value, "ClientRequestToken": token });
        let answer = self.call("PutSecretValue", &body)?;
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
        let answer = self.call("DeleteSecret", &body)?;
        ensure!(
            answer.status == 200,
            "the secret {name} was not deleted: {}",
            answer.text()
        );
        Ok(())
    }

    /// What a function needs in its environment to find this instead of AWS.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = ("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), self.url());
        dummy_credentials().into_iter().chain([endpoint]).collect()
    }

    /// Ends it; dropping does it too.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    fn call(&self, action: &str, body: &Value) -> Result<Response> {
        let request = Request::new("POST", "/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", &format!("secretsmanager.{action}"))
            // moto looks for the region and the service here, and checks no signature.
            .header("authorization", &format!(
                "AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/secretsmanager/aws4_request, \
                 SignedHeaders=host, Signature=none"
            ))
            .body(body.to_string());
        http::send(self.address, &request)
    }
}

/// Random bytes in hex, for passwords and ids.
#[must_use]
pub fn random_hex(bytes: usize) -> String {
    hex(&random(bytes))
}

/// Random bytes.
#[must_use]
pub fn random(bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    SystemRandom::new()
        .fill(&mut buffer)
        .expect("the system has random numbers");
    buffer
}

/// Bytes in lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes every text");
            text
        })
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
