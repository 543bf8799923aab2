use super::*;

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn the_table() {
    let refused = Problem::Refused {
        outcome: Outcome::Refused,
        name: "four-eyes".to_owned(),
        members: Map::new(),
    };
    for (problem, status, kind, outcome) in [
        (Problem::MalformedRequest, 400, "about:blank", "rejected"),
        (Problem::MalformedBody, 400, "about:blank", "rejected"),
        (
            Problem::IdempotencyKeyMissing,
            400,
            "urn:optkas:problem:idempotency-key-missing",
            "rejected",
        ),
        (
            Problem::IdempotencyKeyMalformed,
            400,
            "urn:optkas:problem:idempotency-key-malformed",
            "rejected",
        ),
        (Problem::Unauthenticated, 401, "about:blank", "rejected"),
        (Problem::Unsigned, 401, "about:blank", "rejected"),
        (
            Problem::NotAMember,
            403,
            "urn:optkas:problem:not-a-member",
            "rejected",
        ),
        (Problem::NoRoute, 404, "about:blank", "rejected"),
        (
            Problem::NotFound,
            404,
            "urn:optkas:problem:not-found",
            "rejected",
        ),
        (Problem::PayloadTooLarge, 413, "about:blank", "rejected"),
        (
            Problem::UnsupportedMediaType,
            415,
            "about:blank",
            "rejected",
        ),
        (
            Problem::UnsupportedContentEncoding,
            415,
            "about:blank",
            "rejected",
        ),
        (
            Problem::Invalid(Vec::new()),
            422,
            "urn:optkas:problem:invalid-request",
            "rejected",
        ),
        (
            Problem::RunTooLong {
                estimate: Duration::from_secs(40),
                available: Duration::from_secs(25),
            },
            422,
            "urn:optkas:problem:run-too-long",
            "rejected",
        ),
        (refused, 409, "urn:optkas:problem:four-eyes", "refused"),
        (
            Problem::Duplicate(Map::new()),
            409,
            "urn:optkas:problem:duplicate-request",
            "duplicate",
        ),
        (
            Problem::IdempotencyKeyReused(Map::new()),
            422,
            "urn:optkas:problem:idempotency-key-reused",
            "reused",
        ),
        (
            Problem::DeliveryRefused(Map::new()),
            409,
            "urn:optkas:problem:delivery-refused",
            "duplicate",
        ),
        (
            Problem::DeliveryIdReused(Map::new()),
            422,
            "urn:optkas:problem:delivery-id-reused",
            "reused",
        ),
        (Problem::Unavailable, 503, "about:blank", "unavailable"),
    ] {
        let response = problem.into_response("r-1");
        let document: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(response.status_code, status, "{document}");
        assert_eq!(document["status"], status, "{document}");
        assert_eq!(document["type"], kind);
        assert_eq!(document["request_id"], "r-1", "{document}");
        assert_eq!(response.outcome, outcome, "{document}");
        assert_eq!(response.headers["content-type"], "application/problem+json");
        assert_eq!(response.headers["cache-control"], "no-store");
        assert_eq!(response.headers["x-request-id"], "r-1");
    }
}

#[test]
fn the_generic_500_says_nothing() {
    let unknown = Problem::Refused {
        outcome: Outcome::Refused,
        name: "no-such-refusal".to_owned(),
        members: members(&json!({"amount_minor": "1"})),
    };
    for problem in [Problem::Internal, unknown] {
        let response = problem.into_response("r-1");
        let document: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(
            document,
            json!({"type": "about:blank", "title": "Internal Server Error", "status": 500})
        );
        assert_eq!(response.headers["x-request-id"], "r-1");
    }
}

#[test]
fn challenges_and_retry() {
    for (problem, name, value) in [
        (Problem::Unauthenticated, "www-authenticate", "Bearer"),
        (Problem::Unsigned, "www-authenticate", "HMAC-SHA256"),
        (
            Problem::UnsupportedContentEncoding,
            "accept-encoding",
            "identity",
        ),
        (Problem::Unavailable, "retry-after", "1"),
    ] {
        assert_eq!(problem.into_response("r").headers[name], value);
    }
}

#[test]
fn a_duplicate_names_its_receipt() {
    let known = json!({"commitment": {"id": "ab"}, "original": {"status": 201}});
    let response = Problem::Duplicate(members(&known)).into_response("r");
    let document: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(document["commitment_path"], "/v1/commitments/ab");
    assert_eq!(document["original"], json!({"status": 201}));
}
