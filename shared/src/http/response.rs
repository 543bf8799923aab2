//! What goes back to API Gateway.

use std::{collections::BTreeMap, io};

use http::HeaderName;
use lambda_http::Body;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::error;

use super::{
    Problem,
    event::Answer,
    problem::{render_outcome, render_reason},
};
use crate::gateway::{Outcome, Reply};

const SVG: &str = "image/svg+xml";

/// An answer that is no problem.
#[derive(Debug)]
pub struct Success {
    status: u16,
    body: Map<String, Value>,
    location: Option<String>,
    /// Answered instead of the body, as this type.
    file: Option<(&'static str, String)>,
    outcome: Outcome,
}

impl Success {
    /// The database's answer, if it is no problem.
    ///
    /// # Errors
    ///
    /// A refusal, a duplicate or a reused key.
    pub fn from_reply(reply: Reply) -> Result<Self, Problem> {
        let Reply {
            outcome,
            status,
            refusal,
            body,
        } = reply;
        if let Some(name) = refusal {
            return Err(Problem::Refused {
                outcome,
                name,
                members: body,
            });
        }
        match outcome {
            Outcome::Ok | Outcome::Accepted | Outcome::Replayed => {}
            Outcome::Duplicate => return Err(Problem::Duplicate(with_original(body)?)),
            Outcome::Reused => return Err(Problem::IdempotencyKeyReused(body)),
            // Without a name there is nothing to say.
            Outcome::Refused => return Err(Problem::Internal),
        }
        let status = status.ok_or(Problem::Internal)?;
        Ok(Self {
            status,
            body,
            location: None,
            file: None,
            outcome,
        })
    }

    /// As [`Success::from_reply`], for an agent's delivery. A duplicate of what was executed is acknowledged with 200:
    /// agents repeat for days what is not acknowledged. A duplicate of a refusal is refused: a sender that looks at the
    /// status alone must not take it for executed.
    ///
    /// # Errors
    ///
    /// A refusal, a duplicate of one, or a reused delivery id.
    pub fn acknowledging(reply: Reply) -> Result<Self, Problem> {
        match reply.outcome {
            Outcome::Duplicate => {}
            Outcome::Reused => return Err(Problem::DeliveryIdReused(reply.body)),
            _ => return Self::from_reply(reply),
        }
        let mut body = with_original(reply.body)?;
        let first = body
            .get("original")
            .and_then(|original| original.get("outcome"));
        if first.and_then(Value::as_str) != Some(Outcome::Accepted.as_str()) {
            return Err(Problem::DeliveryRefused(body));
        }
        body.insert("duplicate".to_owned(), true.into());
        Ok(Self {
            status: 200,
            body,
            location: None,
            file: None,
            outcome: Outcome::Duplicate,
        })
    }

    /// Shows an entry of the ledger as its caller was answered: a refusal as its problem document.
    ///
    /// # Errors
    ///
    /// The entry's refusal has no words.
    pub fn as_answered(mut self) -> Result<Self, Problem> {
        if render_outcome(&mut self.body) {
            Ok(self)
        } else {
            Err(Problem::Internal)
        }
    }

    /// Shows each reason in that list as its problem document: each element, or this member of each.
    ///
    /// # Errors
    ///
    /// There is no such list, or a reason has no words.
    pub fn with_reasons(mut self, list: &str, member: Option<&str>) -> Result<Self, Problem> {
        let elements = self.body.get_mut(list).and_then(Value::as_array_mut);
        let all_rendered = elements.is_some_and(|elements| {
            elements.iter_mut().all(|element| {
                match member {
                    Some(member) => element.get_mut(member),
                    None => Some(element),
                }
                .is_some_and(render_reason)
            })
        });
        if all_rendered {
            Ok(self)
        } else {
            Err(Problem::Internal)
        }
    }

    /// Adds where the created resource is: below `collection`, by its `id`.
    #[must_use]
    pub fn located_in(mut self, collection: &str) -> Self {
        let id = self.body.get("id").and_then(Value::as_str);
        self.location = id.map(|id| format!("{collection}/{id}"));
        self
    }

    /// Turns the database's `next` into the `next_cursor` of a page. A reply without `next` stays as it is.
    #[must_use]
    pub fn paged(mut self, encode: impl FnOnce(&Value) -> Option<String>) -> Self {
        if let Some(next) = self.body.remove("next") {
            self.body
                .insert("next_cursor".to_owned(), encode(&next).into());
        }
        self
    }

    /// Answers the text in that member alone, as a file.
    ///
    /// # Errors
    ///
    /// The reply has no such text.
    pub fn as_text(mut self, member: &str) -> Result<Self, Problem> {
        match self.body.remove(member) {
            Some(Value::String(text)) => self.file = Some(("text/plain; charset=utf-8", text)),
            _ => return Err(Problem::Internal),
        }
        Ok(self)
    }

    /// Answers a picture that is drawn from the body.
    ///
    /// # Errors
    ///
    /// It cannot be drawn.
    pub fn as_svg(
        mut self,
        draw: impl FnOnce(&Map<String, Value>) -> Option<String>,
    ) -> Result<Self, Problem> {
        self.file = Some((SVG, draw(&self.body).ok_or(Problem::Internal)?));
        Ok(self)
    }

    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let outcome = self.outcome.as_str();
        let mut response = match self.file {
            None => Response::json(
                self.status,
                "application/json",
                &self.body,
                request_id,
                outcome,
            ),
            Some((content_type, text)) => {
                let mut response =
                    Response::new(self.status, content_type, text, request_id, outcome);
                if content_type == SVG {
                    // A browser that opens a picture as a page runs what is in it: nothing, then.
                    let policy = "default-src 'none'; sandbox".to_owned();
                    response.headers.insert("content-security-policy", policy);
                }
                response
            }
        };
        if let Some(location) = self.location {
            response.headers.insert("location", location);
        }
        response
    }
}

/// The body of a duplicate's reply, its original as it was answered.
fn with_original(mut body: Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let original = body.get_mut("original").and_then(Value::as_object_mut);
    if original.is_some_and(render_outcome) {
        Ok(body)
    } else {
        Err(Problem::Internal)
    }
}

/// What is answered, before it takes API Gateway's form.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status_code: u16,
    pub(crate) headers: BTreeMap<&'static str, String>,
    pub(crate) body: String,
    /// What the metrics call this.
    pub(crate) outcome: &'static str,
}

impl Response {
    pub(super) fn json(
        status: u16,
        content_type: &str,
        body: &impl Serialize,
        request_id: &str,
        outcome: &'static str,
    ) -> Self {
        let body = serde_json::to_string(body).expect("maps with text keys are JSON");
        Self::new(status, content_type, body, request_id, outcome)
    }

    fn new(
        status: u16,
        content_type: &str,
        body: String,
        request_id: &str,
        outcome: &'static str,
    ) -> Self {
        let headers = BTreeMap::from([
            ("cache-control", "no-store".to_owned()),
            ("content-type", content_type.to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            ("x-request-id", request_id.to_owned()),
        ]);
        Self {
            status_code: status,
            headers,
            body,
            outcome,
        }
    }
}

/// The largest answer that Lambda hands on, in bytes of its JSON.
const ANSWER_BYTES_MAX: usize = 6_291_556;

/// What an answer's JSON has around its body: status, headers, names.
const AROUND_BYTES: usize = 16_384;

/// A control character takes six bytes as a JSON escape.
const ESCAPE_BYTES_MAX: usize = 6;

impl Response {
    /// The response, if Lambda can hand it on. Otherwise the generic 500: Lambda would lose the answer, and the caller
    /// would get an error that neither log nor metric of ours knows. Lists have bounds of their own: this is a defect.
    pub(crate) fn bounded(self, request_id: &str) -> Self {
        let bytes_max = ANSWER_BYTES_MAX - AROUND_BYTES;
        if self.body.len() * ESCAPE_BYTES_MAX <= bytes_max {
            return self;
        }
        let bytes = json_bytes(&self.body);
        if bytes <= bytes_max {
            return self;
        }
        error!(
            reply.bytes = bytes,
            reply.outcome = self.outcome,
            "The reply is larger than Lambda hands on."
        );
        Problem::Internal.into_response(request_id)
    }
}

/// The length of a text as JSON: with its quotes and escapes.
fn json_bytes(text: &str) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, text).expect("a text is JSON, and counting cannot fail");
    count.0
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let mut answer = Self::default();
        answer.status_code = response.status_code.into();
        answer.headers = response
            .headers
            .into_iter()
            .filter_map(|(name, value)| Some((HeaderName::from_static(name), value.parse().ok()?)))
            .collect();
        answer.body = Some(Body::Text(response.body));
        answer
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(outcome: Outcome, status: u16, body: &Value) -> Reply {
        Reply {
            outcome,
            status: Some(status),
            refusal: None,
            body: body.as_object().unwrap().clone(),
        }
    }

    fn refusal(outcome: Outcome, name: &str) -> Reply {
        Reply {
            status: None,
            refusal: Some(name.to_owned()),
            ..reply(outcome, 0, &json!({}))
        }
    }

    #[test]
    fn a_created_resource_says_where_it_is() {
        let reply = reply(Outcome::Accepted, 201, &json!({"id": "a"}));
        let response = Success::from_reply(reply)
            .unwrap()
            .located_in("/v1/settlements")
            .into_response("r");
        assert_eq!(
            serde_json::to_value(Answer::from(response)).unwrap(),
            json!({
                "statusCode": 201,
                "multiValueHeaders": {},
                "headers": {
                    "cache-control": "no-store", "content-type": "application/json", "x-request-id": "r",
                    "location": "/v1/settlements/a", "x-content-type-options": "nosniff",
                },
                "body": r#"{"id":"a"}"#, "isBase64Encoded": false, "cookies": [],
            })
        );
    }

    #[test]
    fn a_replay_is_answered_as_the_first_time() {
        let body = json!({"id": "a"});
        assert!(Success::from_reply(reply(Outcome::Replayed, 201, &body)).is_ok());
        let refused = Success::from_reply(refusal(Outcome::Replayed, "expired"));
        assert!(matches!(refused, Err(Problem::Refused { name, .. }) if name == "expired"));
    }

    fn acknowledged(original: &Value) -> Response {
        let body = json!({"original": original, "commitment": {}});
        let reply = Reply {
            status: None,
            ..reply(Outcome::Duplicate, 0, &body)
        };
        match Success::acknowledging(reply) {
            Ok(success) => success.into_response("r"),
            Err(problem) => problem.into_response("r"),
        }
    }

    #[test]
    fn an_agent_learns_that_a_duplicate_arrived() {
        let original = json!({"outcome": "accepted", "refusal": null, "status": 200, "body": {}});
        let response = acknowledged(&original);
        assert_eq!(response.status_code, 200);
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(body["duplicate"], true);
        assert_eq!(body["original"]["status"], 200);
    }

    #[test]
    fn an_agent_learns_that_a_duplicate_was_never_executed() {
        let original =
            json!({"outcome": "refused", "refusal": "expired", "status": null, "body": {}});
        let response = acknowledged(&original);
        assert_eq!(response.status_code, 409);
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(body["type"], "urn:optkas:problem:delivery-refused");
        // As it was answered.
        assert_eq!(body["original"]["status"], 409);
        assert_eq!(
            body["original"]["body"]["type"],
            "urn:optkas:problem:expired"
        );
        assert!(body["original"].get("refusal").is_none());
    }

    #[test]
    fn what_lambda_does_not_hand_on_is_a_failure() {
        let answered = |part: &str, length: usize| {
            let body = json!({"text": part.repeat(length / part.len())});
            let response = Success::from_reply(reply(Outcome::Ok, 200, &body))
                .unwrap()
                .into_response("r")
                .bounded("r");
            let outcome = response.outcome;
            let bytes = serde_json::to_vec(&Answer::from(response)).unwrap().len();
            assert!(bytes <= ANSWER_BYTES_MAX, "{bytes}");
            outcome
        };
        // A quote is escaped in the body, and quote and backslash again in the answer.
        for (part, longest) in [
            ("a", ANSWER_BYTES_MAX),
            ("é", ANSWER_BYTES_MAX),
            ("\"", ANSWER_BYTES_MAX / 4),
            ("\u{1}", ANSWER_BYTES_MAX / 7),
        ] {
            assert_eq!(
                answered(part, longest - AROUND_BYTES - 100),
                "ok",
                "{part:?}"
            );
            assert_eq!(answered(part, longest), "failed", "{part:?}");
        }
    }

    #[test]
    fn a_picture_is_no_page() {
        let picture = |draw: fn(&Map<String, Value>) -> Option<String>| {
            let reply = reply(Outcome::Ok, 200, &json!({"id": "a"}));
            Success::from_reply(reply).unwrap().as_svg(draw)
        };
        assert!(matches!(picture(|_| None), Err(Problem::Internal)));
        let response = picture(|run| Some(format!("<svg>{}</svg>", run["id"].as_str()?)))
            .unwrap()
            .into_response("r");
        assert_eq!(response.body, "<svg>a</svg>");
        assert_eq!(response.headers["content-type"], "image/svg+xml");
        assert_eq!(
            response.headers["content-security-policy"],
            "default-src 'none'; sandbox"
        );
    }

    #[test]
    fn pages_have_a_cursor_or_null() {
        for (next, expected) in [(json!("7"), json!("7+")), (Value::Null, Value::Null)] {
            let reply = reply(Outcome::Ok, 200, &json!({"entries": [], "next": next}));
            let page = Success::from_reply(reply)
                .unwrap()
                .paged(|next| Some(format!("{}+", next.as_str()?)));
            assert_eq!(
                Value::from(page.body),
                json!({"entries": [], "next_cursor": expected})
            );
        }
        let reply = reply(Outcome::Ok, 200, &json!({"secured": false}));
        let no_page = Success::from_reply(reply).unwrap().paged(|_| None);
        assert_eq!(Value::from(no_page.body), json!({"secured": false}));
    }
}
