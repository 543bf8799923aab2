//! What agents report.

use serde_json::{Value, json};
use tokio_postgres::types::{Json, Type};

use super::{Claim, Error, Gateway, Parameter, Reply};
use crate::{
    ids::AgentId,
    settlement::{Report, ReportResult},
};

/// What an agent reports: who, under which claim, and of which type.
#[derive(Debug)]
pub struct AgentEvent<T> {
    /// The agent whose signature was verified.
    pub agent: AgentId,
    /// The claim to the delivery's key.
    pub claim: Claim,
    /// The event's type.
    pub kind: &'static str,
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
        self.event("platform_webhook", event, &event.data).await
    }

    /// `gateway.collateral_webhook`: filings, agreements, pledges, valuations, custody and searches.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn collateral_webhook(&self, event: &AgentEvent<Value>) -> Result<Reply, Error> {
        self.event("collateral_webhook", event, &event.data).await
    }

    async fn report(&self, name: &'static str, event: &AgentEvent<Report>) -> Result<Reply, Error> {
        let report = &event.data;
        let (amount_minor, currency, reason) = match &report.result {
            ReportResult::Done {
                amount_minor,
                currency,
            } => (
                Some(amount_minor.get().to_string()),
                Some(currency.code()),
                None,
            ),
            ReportResult::Failed(reason) => (None, None, Some(reason.as_str())),
        };
        let data = json!({
            "settlement_id": report.settlement_id.as_uuid(),
            "facility_id": report.facility_id.as_uuid(),
            "amount_minor": amount_minor,
            "currency": currency,
            "reason": reason,
        });
        self.event(name, event, &data).await
    }

    async fn event<T>(
        &self,
        name: &'static str,
        event: &AgentEvent<T>,
        data: &Value,
    ) -> Result<Reply, Error> {
        let own: [Parameter<'_>; 2] = [(&event.kind, Type::TEXT), (&Json(data), Type::JSONB)];
        self.claimed(name, event.agent.as_str(), None, &event.claim, &own)
            .await
    }
}
