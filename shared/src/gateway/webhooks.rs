//! What agents report.

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::types::{Json, Type};

use super::{Claim, Error, Gateway, Parameter, Reply};
use crate::{
    ids::AgentId,
    money::{AmountMinor, Currency},
    settlement::{Report, ReportResult, Text},
};

/// What an agent reports: who, under which claim, of which type, and when it happened.
#[derive(Debug)]
pub struct AgentEvent<T> {
    /// The agent whose signature was verified.
    pub agent: AgentId,
    /// The claim to the delivery's key.
    pub claim: Claim,
    /// The event's type.
    pub kind: &'static str,
    /// When it happened, as the agent says.
    pub occurred_at: OffsetDateTime,
    /// What happened.
    pub data: T,
}

impl Gateway {
    /// `gateway.escrow_webhook`: ESCROWED or FAILED.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn escrow_webhook(&self, event: &AgentEvent<Report>) -> Result<Reply, Error> {
        self.report("escrow_webhook", event).await
    }

    /// `gateway.settlement_webhook`: SETTLED or FAILED.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn settlement_webhook(&self, event: &AgentEvent<Report>) -> Result<Reply, Error> {
        self.report("settlement_webhook", event).await
    }

    /// `gateway.platform_webhook`: onboarding and capital.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn platform_webhook(&self, event: &AgentEvent<Value>) -> Result<Reply, Error> {
        self.event(
            "platform_webhook",
            event,
            &[(&Json(&event.data), Type::JSONB)],
        )
        .await
    }

    /// `gateway.collateral_webhook`: filings, agreements, pledges, valuations, custody and searches.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn collateral_webhook(&self, event: &AgentEvent<Value>) -> Result<Reply, Error> {
        self.event(
            "collateral_webhook",
            event,
            &[(&Json(&event.data), Type::JSONB)],
        )
        .await
    }

    async fn report(&self, name: &'static str, event: &AgentEvent<Report>) -> Result<Reply, Error> {
        let report = &event.data;
        let (amount_minor, currency, reason) = match &report.result {
            ReportResult::Done {
                amount_minor,
                currency,
            } => (Some(*amount_minor), Some(*currency), None),
            ReportResult::Failed(reason) => (None, None, Some(reason)),
        };
        self.event(
            name,
            event,
            &[
                (&report.settlement_id.as_uuid(), Type::UUID),
                (&report.facility_id.as_uuid(), Type::UUID),
                (&amount_minor.map(AmountMinor::get), Type::INT8),
                (&currency.map(Currency::code), Type::TEXT),
                (&reason.map(Text::as_str), Type::TEXT),
            ],
        )
        .await
    }

    async fn event<T>(
        &self,
        name: &'static str,
        event: &AgentEvent<T>,
        data: &[Parameter<'_>],
    ) -> Result<Reply, Error> {
        let (kind, occurred_at) = (event.kind, event.occurred_at);
        let mut own: Vec<Parameter<'_>> =
            vec![(&kind, Type::TEXT), (&occurred_at, Type::TIMESTAMPTZ)];
        own.extend_from_slice(data);
        self.claimed(name, event.agent.as_str(), &event.claim, &own)
            .await
    }
}
