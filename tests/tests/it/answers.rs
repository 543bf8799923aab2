//! The shape of a mutation's answer: the first one, a duplicate's, and that of a reused key.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::http::Response;

use crate::mutations::Mutation;

impl Mutation {
    /// Checks that this is the answer to the first, executed request.
    pub(crate) fn assert_first(&self, answer: &Response) {
        let name = self.name;
        assert_eq!(answer.status, self.status, "{name}: {}", answer.text());
        let outcome = if self.refusal.is_some() {
            "refused"
        } else {
            "accepted"
        };
        assert_eq!(
            answer.json()["commitment"]["outcome"],
            outcome,
            "{name}: {}",
            answer.text()
        );
        if let Some(refusal) = self.refusal {
            assert_eq!(
                answer.json()["type"],
                format!("urn:optkas:problem:{refusal}"),
                "{name}"
            );
        }
    }

    /// Checks that this is the answer to a repetition, given the first answer.
    pub(crate) fn assert_duplicate(&self, answer: &Response, first: &Response) {
        let name = self.name;
        let (reply, mut body) = (answer.json(), first.json());
        if self.by_agent && self.refusal.is_some() {
            assert_eq!(answer.status, 409, "{name}: {reply}");
            assert_eq!(
                reply["type"], "urn:optkas:problem:delivery-refused",
                "{name}"
            );
        } else if self.by_agent {
            assert_eq!(
                (answer.status, &reply["duplicate"]),
                (200, &json!(true)),
                "{name}: {reply}"
            );
        } else {
            assert_eq!(answer.status, 409, "{name}: {reply}");
            assert_eq!(
                reply["type"], "urn:optkas:problem:duplicate-request",
                "{name}"
            );
            let key = body["commitment"]["id"].as_str().unwrap_or_default();
            assert_eq!(
                reply["commitment_path"],
                format!("/v1/commitments/{key}"),
                "{name}"
            );
        }
        if let Some(body) = body.as_object_mut() {
            body.remove("request_id");
        }
        assert_eq!(reply["commitment"], body["commitment"], "{name}");
        let original = json!({
            "outcome": body["commitment"]["outcome"], "status": first.status,
            "committed_at": body["commitment"]["committed_at"], "body": body,
        });
        assert_eq!(reply["original"], original, "{name}");
    }

    /// Checks that this is the answer to another request under the same key.
    pub(crate) fn assert_reused(&self, answer: &Response) {
        assert_eq!(answer.status, 422, "{}: {}", self.name, answer.text());
        let reused = if self.by_agent {
            "delivery-id-reused"
        } else {
            "idempotency-key-reused"
        };
        assert_eq!(
            answer.json()["type"],
            format!("urn:optkas:problem:{reused}"),
            "{}",
            self.name
        );
    }
}

/// The original's body, from the first answer or from a duplicate's.
pub(crate) fn original_body(answer: &Response) -> Result<Value> {
    let body = answer.json();
    if body["original"]["outcome"] == "accepted" {
        return Ok(body["original"]["body"].clone());
    }
    ensure!(answer.status < 300, "{} {body}", answer.status);
    Ok(body)
}
