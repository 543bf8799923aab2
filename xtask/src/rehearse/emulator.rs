//! The emulator of AWS, and the few calls that a rehearsal makes of it. No signature is checked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tests::aws::REGION;
use tests::child::{Child, Plan};
use tests::http::{self, Request, Response, Transport};
use tests::postgres::free_port;
use tests::secrets::random_hex;
use tests::tools;

const LAUNCHER: &str = include_str!("emulator.py");
const HOST: &str = "127.0.0.1";
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// A migration of all tables takes seconds; a call that is not answered takes `ServiceTimeout`, which is longer.
const STACK_TIMEOUT: Duration = Duration::from_mins(3);
const BEAT: Duration = Duration::from_millis(100);

/// A running emulator; dropping it ends it and the functions that it has started.
pub(super) struct Emulator {
    _server: Child,
    address: SocketAddr,
    /// What its log is.
    pub(super) log: PathBuf,
}

/// What an invoked function answers.
pub(super) struct Reply {
    pub(super) failed: bool,
    pub(super) body: Value,
}

impl Emulator {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let port = free_port(0)?;
        let log = folder.join("emulator.log");
        let mut command = Command::new(tools::install(tools::Set::Rehearsal)?.join("python"));
        command
            .args(["-c", LAUNCHER])
            .current_dir(folder)
            .envs(environment(port))
            // Loopback alone, and none of the listeners that take no address.
            .env("BIND_HOST", HOST)
            .env("MINISTACK_HOST", HOST)
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_REGION", REGION)
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            // Binaries on this machine, and no Docker.
            .env("LAMBDA_EXECUTOR", "local")
            .env("DOCKER_HOST", "unix:///nowhere")
            .env("LOG_LEVEL", "INFO")
            // Where it unpacks the functions.
            .env("TMPDIR", folder)
            // The functions inherit this: one round an invocation, as the local stack has it.
            .env("TLOG_ROUND_SECONDS", "0");
        let mut server = Child::start(Plan {
            name: "the emulator of AWS",
            command,
            log: log.clone(),
            stop_signal: "SIGTERM",
            grace: Duration::from_secs(5),
            identity: None,
            remove_afterwards: None,
        })?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        server.wait_until(START_TIMEOUT, || {
            http::send(address, &Request::new("GET", "/_ministack/health")).is_ok()
        })?;
        Ok(Self {
            _server: server,
            address,
            log,
        })
    }

    /// What a command of AWS needs in its environment to find this instead.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        environment(self.address.port())
    }

    // --- S3 ---

    pub(super) fn create_bucket(&self, bucket: &str) -> Result<()> {
        self.expect(
            "s3",
            Request::new("PUT", &format!("/{bucket}")).body(format!(
                "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint>\
                 </CreateBucketConfiguration>"
            )),
        )
        .map(drop)
    }

    pub(super) fn put_object(&self, bucket: &str, key: &str, body: Vec<u8>) -> Result<()> {
        let request = Request::new("PUT", &format!("/{bucket}/{key}")).body(body);
        self.expect("s3", request).map(drop)
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> Result<String> {
        let request = Request::new("GET", &format!("/{bucket}/{key}"));
        Ok(self.expect("s3", request)?.text())
    }

    /// Where `CloudFormation` reads it.
    pub(super) fn object_url(&self, bucket: &str, key: &str) -> String {
        format!("http://{}/{bucket}/{key}", self.address)
    }

    // --- CloudFormation ---

    /// Creates or updates the stack and waits for the end; answers how it ended. An error is a refused call.
    pub(super) fn deploy(
        &self,
        action: &str,
        stack: &str,
        template: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<String> {
        let mut fields = vec![
            ("StackName".to_owned(), stack.to_owned()),
            ("TemplateURL".to_owned(), template.to_owned()),
            (
                "Capabilities.member.1".to_owned(),
                "CAPABILITY_IAM".to_owned(),
            ),
            (
                "Capabilities.member.2".to_owned(),
                "CAPABILITY_AUTO_EXPAND".to_owned(),
            ),
        ];
        for (number, (name, value)) in (1..).zip(parameters) {
            let member = format!("Parameters.member.{number}");
            fields.push((format!("{member}.ParameterKey"), name.clone()));
            fields.push((format!("{member}.ParameterValue"), value.clone()));
        }
        self.cloudformation(action, &fields)?;
        self.wait(stack)
    }

    /// Deletes the stack; answers how that ended.
    pub(super) fn delete(&self, stack: &str) -> Result<String> {
        let id = self.stack_id(stack)?;
        self.cloudformation("DeleteStack", &[("StackName".to_owned(), id.clone())])?;
        self.wait(&id)
    }

    fn wait(&self, stack: &str) -> Result<String> {
        let start = Instant::now();
        loop {
            let status = self.described(stack, "StackStatus")?;
            if !status.ends_with("_IN_PROGRESS") {
                return Ok(status);
            }
            ensure!(start.elapsed() < STACK_TIMEOUT, "{stack} is {status}");
            thread::sleep(BEAT);
        }
    }

    fn stack_id(&self, stack: &str) -> Result<String> {
        self.described(stack, "StackId")
    }

    fn described(&self, stack: &str, member: &str) -> Result<String> {
        let text = self.cloudformation(
            "DescribeStacks",
            &[("StackName".to_owned(), stack.to_owned())],
        )?;
        let found = elements(&text, member).next();
        found.with_context(|| format!("{stack} has no {member}: {text}"))
    }

    pub(super) fn output(&self, stack: &str, name: &str) -> Result<String> {
        let text = self.cloudformation(
            "DescribeStacks",
            &[("StackName".to_owned(), stack.to_owned())],
        )?;
        let keys = elements(&text, "OutputKey");
        let mut pairs = keys.zip(elements(&text, "OutputValue"));
        let found = pairs.find(|(key, _)| key == name);
        Ok(found
            .with_context(|| format!("{stack} has no output {name}"))?
            .1)
    }

    /// The resources of a stack and of those that it nests: type and physical id.
    pub(super) fn resources(&self, stack: &str) -> Result<Vec<(String, String)>> {
        let text = self.cloudformation(
            "DescribeStackResources",
            &[("StackName".to_owned(), stack.to_owned())],
        )?;
        let own: Vec<_> = elements(&text, "ResourceType")
            .zip(elements(&text, "PhysicalResourceId"))
            .collect();
        let mut all = own.clone();
        for (_, id) in own.iter().filter(|(kind, _)| kind == NESTED) {
            all.extend(self.resources(id)?);
        }
        Ok(all)
    }

    /// What failed in a stack and those that it nests, as its events say it.
    pub(super) fn failures(&self, stack: &str) -> Result<Vec<String>> {
        let field = [("StackName".to_owned(), stack.to_owned())];
        let text = self.cloudformation("DescribeStackEvents", &field)?;
        let mut failures = Vec::new();
        for event in elements(&text, "member") {
            let member = |name| elements(&event, name).next().unwrap_or_default();
            let status = member("ResourceStatus");
            if status.ends_with("_FAILED") {
                failures.push(format!(
                    "{status} {} {}",
                    member("LogicalResourceId"),
                    member("ResourceStatusReason")
                ));
            }
        }
        let nested = self.resources(stack).unwrap_or_default();
        for (_, id) in nested.iter().filter(|(kind, _)| kind == NESTED) {
            failures.extend(self.failures(id)?);
        }
        Ok(failures)
    }

    fn cloudformation(&self, action: &str, fields: &[(String, String)]) -> Result<String> {
        let mut body = format!("Action={action}&Version=2010-05-15");
        for (name, value) in fields {
            write!(body, "&{}={}", encode(name), encode(value))?;
        }
        let request = Request::new("POST", "/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = self.send("cloudformation", request)?;
        if answer.status != 200 {
            let text = answer.text();
            let said = elements(&text, "Message").next();
            bail!("{action}: {}", said.unwrap_or(text));
        }
        Ok(answer.text())
    }

    // --- Lambda ---

    /// What a function is configured as: `live` or `$LATEST`.
    pub(super) fn configuration(&self, function: &str, qualifier: &str) -> Result<Value> {
        let qualifier = encode(qualifier);
        let path = format!("/2015-03-31/functions/{function}/configuration?Qualifier={qualifier}");
        Ok(self.expect("lambda", Request::new("GET", &path))?.json())
    }

    /// Invokes a function by its name and qualifier, or its ARN.
    pub(super) fn invoke(&self, function: &str, event: &str) -> Result<Reply> {
        let path = format!("/2015-03-31/functions/{}/invocations", encode(function));
        let answer = self.expect("lambda", Request::new("POST", &path).body(event))?;
        let failed = answer.header("x-amz-function-error").is_some();
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        Ok(Reply { failed, body })
    }

    /// The last lines that a function has logged.
    pub(super) fn function_log(&self, function: &str) -> Result<String> {
        const LINES: usize = 10;
        let group = json!({ "logGroupName": format!("/aws/lambda/{function}") });
        let answer = self.json("logs", "Logs_20140328.FilterLogEvents", &group)?;
        let events = answer["events"].as_array().cloned().unwrap_or_default();
        let lines: Vec<_> = events
            .iter()
            .filter_map(|event| event["message"].as_str())
            .collect();
        Ok(lines[lines.len().saturating_sub(LINES)..].join("\n"))
    }

    // --- EventBridge ---

    /// Every rule that has a schedule: its state, what it calls, and with which event.
    pub(super) fn schedules(&self) -> Result<Vec<Schedule>> {
        let rules = self.json("events", "AWSEvents.ListRules", &json!({}))?;
        let mut schedules = Vec::new();
        for rule in rules["Rules"].as_array().into_iter().flatten() {
            if !rule["ScheduleExpression"].is_string() {
                continue;
            }
            let targets = self.json(
                "events",
                "AWSEvents.ListTargetsByRule",
                &json!({ "Rule": rule["Name"] }),
            )?;
            let targets = targets["Targets"].as_array().cloned().unwrap_or_default();
            for target in targets {
                schedules.push(Schedule {
                    enabled: rule["State"] == "ENABLED",
                    target: target["Arn"].as_str().unwrap_or_default().to_owned(),
                    event: target["Input"]
                        .as_str()
                        .map_or_else(|| SCHEDULED.to_owned(), str::to_owned),
                });
            }
        }
        Ok(schedules)
    }

    // --- Secrets Manager ---

    pub(super) fn create_secret(&self, name: &str, value: &Value) -> Result<()> {
        let body = json!({
            "Name": name, "SecretString": value.to_string(), "ClientRequestToken": random_hex(16),
        });
        self.json("secretsmanager", "secretsmanager.CreateSecret", &body)
            .map(drop)
    }

    pub(super) fn put_secret(&self, name: &str, value: &Value) -> Result<()> {
        let body = json!({
            "SecretId": name, "SecretString": value.to_string(), "ClientRequestToken": random_hex(16),
        });
        self.json("secretsmanager", "secretsmanager.PutSecretValue", &body)
            .map(drop)
    }

    pub(super) fn secret(&self, name: &str) -> Result<Value> {
        let body = json!({ "SecretId": name });
        let answer = self.json("secretsmanager", "secretsmanager.GetSecretValue", &body)?;
        let text = answer["SecretString"].as_str().unwrap_or_default();
        Ok(serde_json::from_str(text)?)
    }

    // --- API Gateway ---

    /// The API of a stack, by the name in its output.
    pub(super) fn api(&self, stack: &str) -> Result<Api> {
        let id = self.api_id(stack)?;
        Ok(Api {
            address: self.address,
            host: format!("{id}.execute-api.{HOST}:{}", self.address.port()),
        })
    }

    pub(super) fn api_id(&self, stack: &str) -> Result<String> {
        let url = self.output(stack, "ApiUrl")?;
        let id = url
            .strip_prefix("https://")
            .and_then(|rest| rest.split('.').next());
        Ok(id
            .with_context(|| format!("{url} names no API"))?
            .to_owned())
    }

    // --- All of them ---

    fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let request = Request::new("POST", "/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(body.to_string());
        Ok(self.expect(service, request)?.json())
    }

    fn expect(&self, service: &str, request: Request) -> Result<Response> {
        let what = format!("{service}: {} {}", request.method, request.target);
        let answer = self.send(service, request)?;
        ensure!(
            (200..300).contains(&answer.status),
            "{what}: {} {}",
            answer.status,
            answer.text()
        );
        Ok(answer)
    }

    fn send(&self, service: &str, request: Request) -> Result<Response> {
        let request = request.header(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/{service}/aws4_request, \
                 SignedHeaders=host, Signature=none"
            ),
        );
        http::send(self.address, &request)
    }
}

const NESTED: &str = "AWS::CloudFormation::Stack";
/// What `EventBridge` sends when a rule has no event of its own.
const SCHEDULED: &str =
    r#"{"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}"#;

/// What a schedule calls.
pub(super) struct Schedule {
    pub(super) enabled: bool,
    pub(super) target: String,
    pub(super) event: String,
}

/// An API of the emulated API Gateway.
pub(super) struct Api {
    address: SocketAddr,
    host: String,
}

impl Transport for Api {
    fn send(&self, request: &Request) -> Result<Response> {
        http::send(self.address, &request.clone().header("host", &self.host))
    }
}

fn environment(port: u16) -> Vec<(String, String)> {
    let url = format!("http://{HOST}:{port}");
    [
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        // The functions take no empty one.
        ("AWS_SESSION_TOKEN", "local"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", &url),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &url),
        ("AWS_ENDPOINT_URL_S3", &url),
        ("AWS_ENDPOINT_URL_DYNAMODB", &url),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// A text as a form and a path have it.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes every text");
        }
        encoded
    })
}

/// The texts of the XML elements of that name.
fn elements(xml: &str, name: &str) -> impl Iterator<Item = String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let texts: Vec<_> = xml
        .split(&open)
        .skip(1)
        .filter_map(|part| part.split(&close).next())
        .map(|text| {
            [
                ("&lt;", "<"),
                ("&gt;", ">"),
                ("&quot;", "\""),
                ("&#x27;", "'"),
                ("&amp;", "&"),
            ]
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
        })
        .collect();
    texts.into_iter()
}
