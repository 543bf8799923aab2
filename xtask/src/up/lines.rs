//! Lines for one shell, to be run from top to bottom as they are: from a proposal to SETTLED and a verified receipt.

use serde_json::json;
use tests::sample_data::{
    AURORA, Kind, OCCURRED_AT, PLATFORM, SECURED_FACILITY, USD_FACILITY, agent_of, value_date,
};

/// What the lines depend on.
pub(super) struct Lines<'a> {
    pub(super) gateway: &'a str,
    /// ` --name NAME`, or nothing for the stack without one.
    pub(super) name: &'a str,
    /// The stack's folder, and the log's policy in it.
    pub(super) folder: &'a str,
}

/// Prints the member of a reply that its path names.
const MEMBER: &str = concat!(
    "member() { python3 -c 'import functools, json, sys; ",
    r#"print(functools.reduce(lambda at, name: at[name], sys.argv[1].split("."), json.load(sys.stdin)))' "$1"; }"#
);
/// Prints whose a token is.
const SUB: &str = concat!(
    "sub() { python3 -c 'import base64, json, sys; ",
    r#"print(json.loads(base64.urlsafe_b64decode(sys.argv[1].split(".")[1] + "=="))["sub"])' "$1"; }"#
);

impl Lines<'_> {
    /// Two sample people.
    pub(super) fn people(&self) -> Vec<String> {
        let token = |variable: &str, person: &str| {
            format!(
                "{variable}=$(cargo --quiet xtask token {person}{})",
                self.name
            )
        };
        vec![token("TOKEN", "alice"), token("CHECKER", "bob")]
    }

    /// Two people of another issuer: the platform makes them members.
    pub(super) fn grants(&self) -> Vec<String> {
        let grant = |variable: &str, role: &str| {
            let sub = format!("'$(sub \"${variable}\")'");
            let event = json!({
                "id": format!("granted-{role}-{sub}"),
                "type": "member.granted",
                "occurred_at": OCCURRED_AT,
                "data": { "allocator_id": AURORA.id.to_string(), "sub": sub, "role": role },
            });
            self.deliver(PLATFORM, &event.to_string().replace("\\\"", "\""))
        };
        vec![
            r#": "${TOKEN:?is the access token of a person}" "${CHECKER:?is that of another one}""#
                .to_owned(),
            SUB.to_owned(),
            grant("TOKEN", "maker"),
            grant("CHECKER", "checker"),
        ]
    }

    /// From PENDING to SETTLED, and the receipt.
    pub(super) fn life(&self) -> Vec<String> {
        let settlement = json!({
            "facility_id": USD_FACILITY.id.to_string(),
            "amount_minor": "2500000",
            "currency": USD_FACILITY.currency,
            "value_date": value_date(),
        });
        let data = json!({
            "settlement_id": "'$ID'",
            "facility_id": USD_FACILITY.id.to_string(),
            "amount_minor": "2500000",
            "currency": USD_FACILITY.currency,
        });
        let report = |kind: Kind, event: &str| {
            let event = json!({
                "id": format!("{event}-'$ID'"),
                "type": event,
                "occurred_at": "'$(date -u +%FT%TZ)'",
                "data": data,
            });
            self.deliver(agent_of(kind), &event.to_string())
        };
        let completed = report(Kind::Settlement, "settlement.completed");
        let proof = format!("{}/settled.tlog-proof", self.folder);
        vec![
            format!("API={}", self.gateway),
            "KEY=try-$(date +%s%N)".to_owned(),
            MEMBER.to_owned(),
            format!(
                r#"ID=$({} -H "Idempotency-Key: $KEY" {JSON} -d '{settlement}' | member id)"#,
                curl("/v1/settlements", "TOKEN")
            ),
            format!(
                r#"{} -X POST -H "Idempotency-Key: $KEY""#,
                curl("/v1/settlements/$ID/verify", "CHECKER")
            ),
            report(Kind::Escrow, "escrow.funded"),
            format!("DONE=$({completed}); echo \"$DONE\""),
            "COMMITMENT_ID=$(echo \"$DONE\" | member commitment.id)".to_owned(),
            // Until a checkpoint covers it the answer is 404.
            format!(
                "{} -f -o {proof} --retry 60 --retry-delay 1 --retry-all-errors 2>/dev/null",
                curl("/v1/commitments/$COMMITMENT_ID/proof", "TOKEN")
            ),
            format!(
                "cargo run -p auditor -- verify receipt {proof} --policy {}/policy",
                self.folder
            ),
        ]
    }

    /// What else there is to see.
    pub(super) fn more(&self) -> Vec<String> {
        let risk = json!({
            "id": "risk-'$KEY'",
            "type": "facility.risk_updated",
            "occurred_at": "'$(date -u +%FT%TZ)'",
            "data": {
                "facility_id": USD_FACILITY.id.to_string(),
                "pd_ppb": 12_500_000,
                "lgd": { "mean_ppb": 400_000_000, "deviation_ppb": 200_000_000 },
                "loadings_ppb": [450_000_000],
            },
        });
        vec![
            curl("/v1/me", "TOKEN"),
            curl("/v1/positions", "TOKEN"),
            self.deliver(PLATFORM, &risk.to_string()),
            format!(
                r#"{} -H "Idempotency-Key: $KEY" {JSON} -d '{}'"#,
                curl("/v1/risk-runs", "TOKEN"),
                json!({ "currency": USD_FACILITY.currency })
            ),
            curl(
                &format!("/v1/facilities/{}/collateral", SECURED_FACILITY.id),
                "TOKEN",
            ),
        ]
    }

    fn deliver(&self, agent: &str, event: &str) -> String {
        format!(
            "echo '{event}' | cargo --quiet xtask deliver {agent} -{}",
            self.name
        )
    }
}

const JSON: &str = "-H 'Content-Type: application/json'";

/// With a line's end after the reply, which has none.
fn curl(path: &str, token: &str) -> String {
    format!(r#"curl -sS -w '\n' "$API{path}" -H "Authorization: Bearer ${token}""#)
}
