//! The body of a webhook: `{"id", "type", "occurred_at", "data": {…}}`.

use std::fmt::Display;

use time::{Duration, OffsetDateTime};

use super::{Fields, Problem, instant::parse_instant, read_body};
use crate::{
    ids::{DeliveryId, FacilityId, SettlementId},
    money::{AmountMinor, Currency},
    settlement::Text,
};

/// How far ahead of ours an agent's clock may be.
const AHEAD_MAX: Duration = Duration::seconds(300);

/// A delivery's body, its `data` read as its `type` says.
#[derive(Debug)]
pub struct Event<K, T> {
    /// The delivery's id, the same on every redelivery.
    pub id: DeliveryId,
    /// The event's type.
    pub kind: K,
    /// When the agent says it happened.
    pub occurred_at: OffsetDateTime,
    /// What happened.
    pub data: T,
}

/// Reads a signed body. `webhook_id` is the signed header that must say the same as the body.
///
/// # Errors
///
/// 400 and 422, as every body.
pub fn read_event<K: Copy, T, E: Display>(
    body: &[u8],
    webhook_id: Option<&DeliveryId>,
    now: OffsetDateTime,
    parse_kind: impl FnOnce(&str) -> Result<K, E>,
    read_data: impl FnOnce(K, &mut Fields) -> Option<T>,
) -> Result<Event<K, T>, Problem> {
    read_body(body, |event| {
        let id = event.required::<DeliveryId>("id");
        if let (Some(id), Some(signed)) = (&id, webhook_id)
            && id != signed
        {
            event.reject::<()>("id", "must equal the webhook-id header");
        }
        let kind = event.required_with("type", parse_kind);
        let occurred_at = event.required_with("occurred_at", |text| match parse_instant(text)? {
            at if at > now + AHEAD_MAX => Err("must not be in the future"),
            at => Ok(at),
        });
        // Without a type there is no saying what is wrong with the data.
        let data = match kind {
            Some(kind) => event.object("data", |data| read_data(kind, data)),
            None => event.skip("data"),
        };
        Some(Event {
            id: id?,
            kind: kind?,
            occurred_at: occurred_at?,
            data: data?,
        })
    })
}

/// What an escrow or a settlement agent says of a settlement.
#[derive(Debug)]
pub struct Report {
    /// The settlement.
    pub settlement_id: SettlementId,
    /// The facility it goes to, as the agent knows it.
    pub facility_id: FacilityId,
    /// How it went.
    pub result: ReportResult,
}

/// How the agent's part went.
#[derive(Debug)]
pub enum ReportResult {
    /// Done, with this amount.
    Done {
        /// In minor units.
        amount_minor: AmountMinor,
        /// Of the amount.
        currency: Currency,
    },
    /// Not done, for this reason.
    Failed(Text),
}

/// The two event types of an agent that reports on settlements.
#[derive(Debug, Clone, Copy)]
pub struct Reports {
    /// Its `data` has the amount.
    pub done: &'static str,
    /// Its `data` has the reason.
    pub failed: &'static str,
}

/// Reads a signed body that reports on a settlement.
///
/// # Errors
///
/// As [`read_event`].
pub fn read_report(
    body: &[u8],
    webhook_id: Option<&DeliveryId>,
    now: OffsetDateTime,
    reports: &Reports,
) -> Result<Event<&'static str, Report>, Problem> {
    let kind = |text: &str| {
        let known = [reports.done, reports.failed]
            .into_iter()
            .find(|kind| *kind == text);
        known.ok_or_else(|| format!("must be {} or {}", reports.done, reports.failed))
    };
    read_event(body, webhook_id, now, kind, |kind, data| {
        report(kind == reports.failed, data)
    })
}

fn report(failed: bool, data: &mut Fields) -> Option<Report> {
    let settlement_id = data.required("settlement_id");
    let facility_id = data.required("facility_id");
    let result = if failed {
        data.required("reason").map(ReportResult::Failed)
    } else {
        let amount_minor = data.required("amount_minor");
        let currency = data.required("currency");
        amount_minor
            .zip(currency)
            .map(|(amount_minor, currency)| ReportResult::Done {
                amount_minor,
                currency,
            })
    };
    Some(Report {
        settlement_id: settlement_id?,
        facility_id: facility_id?,
        result: result?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 00:00 UTC);

    const REPORTS: Reports = Reports {
        done: "escrow.funded",
        failed: "escrow.failed",
    };

    fn read(change: impl FnOnce(&mut Value)) -> Value {
        let mut body = json!({
            "id": "d-1", "type": "escrow.funded", "occurred_at": "2026-11-23T00:05:00Z",
            "data": {
                "settlement_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
                "facility_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
                "amount_minor": "1", "currency": "USD",
            },
        });
        change(&mut body);
        let id = "d-1".parse().unwrap();
        match read_report(body.to_string().as_bytes(), Some(&id), NOW, &REPORTS) {
            Ok(_) => json!("accepted"),
            Err(Problem::Invalid(errors)) => json!(errors),
            Err(_) => json!("another problem"),
        }
    }

    #[test]
    fn envelopes() {
        assert_eq!(read(|_| {}), json!("accepted"));
        assert_eq!(
            read(|body| body["id"] = json!("d-2")),
            json!([{"pointer": "/id", "detail": "must equal the webhook-id header"}])
        );
        assert_eq!(
            read(|body| body["occurred_at"] = json!("2026-11-23T00:05:01Z")),
            json!([{"pointer": "/occurred_at", "detail": "must not be in the future"}])
        );
        assert_eq!(
            read(|body| {
                body["type"] = json!("escrow.burned");
                body["data"] = json!(7);
            }),
            json!([{"pointer": "/type", "detail": "must be escrow.funded or escrow.failed"}])
        );
        assert_eq!(
            read(|body| body["data"]["amount_minor"] = json!(1)),
            json!([{"pointer": "/data/amount_minor", "detail": "must be a string"}])
        );
        assert_eq!(
            read(|body| body["data"]["reason"] = json!("none")),
            json!([{"pointer": "/data/reason", "detail": "is not known here"}])
        );
        assert_eq!(
            read(|body| body["type"] = json!("escrow.failed")),
            json!([
                {"pointer": "/data/reason", "detail": "is required"},
                {"pointer": "/data/amount_minor", "detail": "is not known here"},
                {"pointer": "/data/currency", "detail": "is not known here"},
            ])
        );
    }
}
