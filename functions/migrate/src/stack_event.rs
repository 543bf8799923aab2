//! `CloudFormation` as the caller: a custom resource's event, and the reply that the stack waits for.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref.html>

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{outbound::Outbound, runtime::Failed};
use tracing::error;

/// The reply is written to a presigned URL of S3, which answers with next to nothing.
const REPLY_TIME: Duration = Duration::from_secs(10);
const REPLY_BYTES_MAX: usize = 16 * 1024;

/// The tries of a reply. A stack without a reply waits for its time-out, and takes that for a failure.
const TRIES_MAX: u32 = 3;

/// The custom resource's id, the same for ever: after a new id the stack would delete the old resource.
const PHYSICAL_ID: &str = "database";

/// What a stack asks for.
#[derive(Debug)]
pub(crate) struct StackEvent {
    pub(crate) request: StackRequest,
    /// Whether the database has been set up. Until then there is none to migrate.
    pub(crate) bootstrapped: bool,
    /// Whether the stack goes back to an earlier version of the function.
    pub(crate) goes_back: bool,
    reply_to: Uri,
    stack_id: String,
    request_id: String,
    logical_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum StackRequest {
    Create,
    Update,
    Delete,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    request_type: StackRequest,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    #[serde(default)]
    resource_properties: Properties,
    #[serde(default)]
    old_resource_properties: Properties,
}

/// What infra/functions-migration.yaml gives the resource.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Properties {
    /// The ARN of the function's version, which ends in its number.
    version: String,
    bootstrapped: String,
}

impl Properties {
    /// Versions are numbered upwards. Earlier code that is deployed on purpose is a new version.
    fn number(&self) -> Option<u64> {
        let (_, number) = self.version.rsplit_once(':')?;
        number.parse().ok()
    }
}

impl StackEvent {
    /// The event of a stack; `None` if the event has another form, or names no stack's bucket for the reply.
    pub(crate) fn parse(event: &str) -> Option<Self> {
        let document: Document = serde_json::from_str(event).ok()?;
        let reply_to: Uri = document.response_url.parse().ok()?;
        let (new, old) = (
            &document.resource_properties,
            &document.old_resource_properties,
        );
        let versions = new.number().zip(old.number());
        is_of_a_stack(&reply_to).then(|| Self {
            request: document.request_type,
            bootstrapped: new.bootstrapped != "false",
            goes_back: versions.is_some_and(|(new, old)| new < old),
            reply_to,
            stack_id: document.stack_id,
            request_id: document.request_id,
            logical_id: document.logical_resource_id,
        })
    }

    /// Tells the stack the result. It fails if no try was taken; the causes are in the log.
    pub(crate) async fn reply(&self, result: &Result<Value, Failed>) -> Result<(), Failed> {
        let body = Bytes::from(self.document(result).to_string());
        let outbound = Outbound::new(&self.reply_to, REPLY_BYTES_MAX, REPLY_TIME);
        for _ in 0..TRIES_MAX {
            // The signature of the URL is over an empty content type.
            let request = Request::put(self.reply_to.clone())
                .header("content-type", "")
                .body(Full::new(body.clone()))
                .map_err(|_| Failed::Broken)?;
            match outbound.send(request).await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => error!(
                    stack.status = answer.status().as_u16(),
                    "The stack's mailbox did not take the reply."
                ),
                Err(cause) => error!(stack.unreachable = %cause, "The stack could not be told."),
            }
        }
        Err(Failed::Broken)
    }

    fn document(&self, result: &Result<Value, Failed>) -> Value {
        let (status, reason) = match result {
            Ok(_) => ("SUCCESS", None),
            Err(Failed::Refused(name)) => ("FAILED", Some(format!("refused: {name}"))),
            Err(Failed::Broken) => (
                "FAILED",
                Some("the cause is in the function's log".to_owned()),
            ),
        };
        json!({
            "Status": status,
            "Reason": reason,
            "PhysicalResourceId": PHYSICAL_ID,
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_id,
            "Data": {},
        })
    }
}

/// The bucket that `CloudFormation` keeps for replies in each region, and, for tests, this machine.
fn is_of_a_stack(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let mailbox = host
        .strip_prefix("cloudformation-custom-resource-response-")
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(region, service)| {
            region.bytes().all(|c| c.is_ascii_alphanumeric())
                && service.starts_with("s3")
                && (service.ends_with(".amazonaws.com") || service.ends_with(".amazonaws.com.cn"))
        });
    match url.scheme_str() {
        Some("https") => mailbox,
        Some("http") => host == "127.0.0.1",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    fn event(request: &str, url: &str) -> String {
        json!({
            "RequestType": request,
            "ResponseURL": url,
            "StackId": "arn:aws:cloudformation:eu-central-1:1:stack/optkas/1",
            "RequestId": "r-1",
            "ResourceType": "Custom::Schema",
            "LogicalResourceId": "Schema",
            "ResourceProperties": { "Version": "7" },
        })
        .to_string()
    }

    #[test]
    fn only_a_stacks_mailbox_is_written_to() {
        let bucket = "cloudformation-custom-resource-response-";
        for good in [
            format!(
                "https://{bucket}useast1.s3.amazonaws.com/arn%3Aaws%7C?X-Amz-Signature=ab&X-Amz-Expires=7199"
            ),
            format!("https://{bucket}eucentral1.s3.eu-central-1.amazonaws.com/a"),
            "http://127.0.0.1:9/a".to_owned(),
        ] {
            assert!(
                StackEvent::parse(&event("Create", &good)).is_some(),
                "{good}"
            );
        }
        for bad in [
            format!("http://{bucket}useast1.s3.amazonaws.com/a"),
            format!("https://{bucket}useast1.s3.amazonaws.com.example/a"),
            format!("https://{bucket}useast1.example/s3.amazonaws.com"),
            format!("https://{bucket}a.example.s3.amazonaws.com/a"),
            format!("https://x-{bucket}useast1.s3.amazonaws.com/a"),
            "https://127.0.0.1/a".to_owned(),
            "https://example.com/".to_owned(),
            "/a".to_owned(),
            String::new(),
        ] {
            assert!(StackEvent::parse(&event("Create", &bad)).is_none(), "{bad}");
        }
        for other in ["{}", "null", &event("Drop", "http://127.0.0.1:9/a")] {
            assert!(StackEvent::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_stack_says_whether_there_is_a_database_and_whether_it_goes_back() {
        let version = |number: u32| {
            format!("arn:aws:lambda:eu-central-1:1:function:optkas-dev-migrate:{number}")
        };
        let read = |new: Value, old: Value| {
            let mut document: Value =
                serde_json::from_str(&event("Update", "http://127.0.0.1:9/a")).unwrap();
            document["ResourceProperties"] = new;
            document["OldResourceProperties"] = old;
            let event = StackEvent::parse(&document.to_string()).unwrap();
            (event.bootstrapped, event.goes_back)
        };
        let of = |number: u32| json!({ "Version": version(number), "Bootstrapped": "true" });
        for (new, old, expected) in [
            (of(10), of(9), (true, false)),
            (of(9), of(9), (true, false)),
            (of(9), of(10), (true, true)),
            (
                json!({ "Version": version(9), "Bootstrapped": "false" }),
                of(9),
                (false, false),
            ),
            (
                json!({ "Version": version(8), "Bootstrapped": "false" }),
                of(9),
                (false, true),
            ),
            // Without a number nothing is known of the way, and the database is asked.
            (json!({ "Version": "7" }), of(9), (true, false)),
            (json!({ "Version": version(8) }), json!({}), (true, false)),
            (json!({}), of(9), (true, false)),
        ] {
            assert_eq!(
                read(new.clone(), old.clone()),
                expected,
                "{new} after {old}"
            );
        }
    }

    #[tokio::test]
    async fn a_stack_is_told_how_it_went() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/box?signature=1", listener.local_addr().unwrap());
        let event = StackEvent::parse(&event("Update", &url)).unwrap();
        assert_eq!(event.request, StackRequest::Update);
        for (result, status, reason) in [
            (Ok(json!({})), "SUCCESS", Value::Null),
            (
                Err(Failed::Refused("newer".to_owned())),
                "FAILED",
                json!("refused: newer"),
            ),
            (
                Err(Failed::Broken),
                "FAILED",
                json!("the cause is in the function's log"),
            ),
        ] {
            let mailbox = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut heard, mut buffer) = (String::new(), [0; 4_096]);
                while !heard.ends_with('}') {
                    let read = stream.read(&mut buffer).await.unwrap();
                    heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                }
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .await
                    .unwrap();
                heard
            };
            let (request, told) = tokio::join!(mailbox, event.reply(&result));
            assert_eq!(told, Ok(()));
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            assert!(
                head.starts_with("PUT /box?signature=1 HTTP/1.1\r\n"),
                "{head}"
            );
            assert!(head.contains("\r\ncontent-type: \r\n"), "{head}");
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                (&body["Status"], &body["Reason"]),
                (&json!(status), &reason)
            );
            assert_eq!(body["LogicalResourceId"], "Schema");
            assert_eq!(body["RequestId"], "r-1");
        }
    }
}
