//! What agents report.

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::types::{Json, Type};

use super::{Claim, Error, Gateway, Reply};
use crate::{
    http::webhook::{Report, ReportResult},
    ids::AgentId,
    money::{AmountMinor, Currency},
    settlement::Text,
};

/// When an event happened, and of which type it is.
#[derive(Debug, Clone, Copy)]
pub struct EventHead<'a> {
    /// The type's name.
    pub kind: &'a str,
    /// As the agent says.
    pub occurred_at: OffsetDateTime,
}

impl Gateway {
    /// `gateway.escrow_webhook`: ESCROWED or FAILED.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn escrow_webhook(
        &self,
        agent: &AgentId,
        claim: &Claim,
        head: EventHead<'_>,
        report: &Report,
    ) -> Result<Reply, Error> {
        self.report(
            "select outcome, status, body
             from gateway.escrow_webhook($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            agent,
            claim,
            head,
            report,
        )
        .await
    }

    /// `gateway.settlement_webhook`: SETTLED or FAILED.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn settlement_webhook(
        &self,
        agent: &AgentId,
        claim: &Claim,
        head: EventHead<'_>,
        report: &Report,
    ) -> Result<Reply, Error> {
        self.report(
            "select outcome, status, body
             from gateway.settlement_webhook($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            agent,
            claim,
            head,
            report,
        )
        .await
    }

    /// `gateway.platform_webhook`: onboarding and capital.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn platform_webhook(
        &self,
        agent: &AgentId,
        claim: &Claim,
        head: EventHead<'_>,
        data: &Value,
    ) -> Result<Reply, Error> {
        self.record(
            "select outcome, status, body
             from gateway.platform_webhook($1, $2, $3, $4, $5, $6, $7, $8)",
            agent,
            claim,
            head,
            data,
        )
        .await
    }

    /// `gateway.collateral_webhook`: what was filed, signed, pledged, valued, held and found.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn collateral_webhook(
        &self,
        agent: &AgentId,
        claim: &Claim,
        head: EventHead<'_>,
        data: &Value,
    ) -> Result<Reply, Error> {
        self.record(
            "select outcome, status, body
             from gateway.collateral_webhook($1, $2, $3, $4, $5, $6, $7, $8)",
            agent,
            claim,
            head,
            data,
        )
        .await
    }

    async fn record(
        &self,
        sql: &'static str,
        agent: &AgentId,
        claim: &Claim,
        head: EventHead<'_>,
        data: &Value,
    ) -> Result<Reply, Error> {
        self.call(
            sql,
            &[
                (&agent.as_str(), Type::TEXT),
                (&&*self.attempt, Type::TEXT),
                (&claim.client_key.as_str(), Type::TEXT),
                (&&claim.key.as_bytes()[..], Type::BYTEA),
                (&&claim.fingerprint.as_bytes()[..], Type::BYTEA),
                (&head.kind, Type::TEXT),
                (&head.occurred_at, Type::TIMESTAMPTZ),
                (&Json(data), Type::JSONB),
            ],
        )
        .await
    }

    async fn report(
        &self,
        sql: &'static str,
        agent: &AgentId,
        claim: &Claim,
        head: EventHead<'_>,
        report: &Report,
    ) -> Result<Reply, Error> {
        let (amount_minor, currency, reason) = match &report.result {
            ReportResult::Done {
                amount_minor,
                currency,
            } => (Some(*amount_minor), Some(*currency), None),
            ReportResult::Failed(reason) => (None, None, Some(reason)),
        };
        self.call(
            sql,
            &[
                (&agent.as_str(), Type::TEXT),
                (&&*self.attempt, Type::TEXT),
                (&claim.client_key.as_str(), Type::TEXT),
                (&&claim.key.as_bytes()[..], Type::BYTEA),
                (&&claim.fingerprint.as_bytes()[..], Type::BYTEA),
                (&head.kind, Type::TEXT),
                (&head.occurred_at, Type::TIMESTAMPTZ),
                (&report.settlement_id.as_uuid(), Type::UUID),
                (&report.facility_id.as_uuid(), Type::UUID),
                (&amount_minor.map(AmountMinor::get), Type::INT8),
                (&currency.map(Currency::code), Type::TEXT),
                (&reason.map(Text::as_str), Type::TEXT),
            ],
        )
        .await
    }
}
