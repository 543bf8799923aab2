//! The body of a webhook: `{"id", "type", "occurred_at", "data": {…}}`.

use time::{Duration, OffsetDateTime};

use super::{Fields, Problem, instant::parse_instant, read_body};
use crate::{
    ids::DeliveryId,
    settlement::{Report, ReportResult},
};

/// How far an agent's clock may be ahead of ours.
const AHEAD_MAX: Duration = Duration::seconds(300);

/// What a webhook takes.
#[derive(Debug)]
pub struct Webhook<T: 'static> {
    /// The types of its events.
    pub events: &'static [EventType<T>],
    /// What is told of any other type.
    pub unknown: &'static str,
}

/// A type of event: its name, and the reader of its `data`.
pub type EventType<T> = (&'static str, fn(&mut Fields) -> Option<T>);

/// A delivery's body, its `data` read as its `type` says.
#[derive(Debug)]
pub struct Event<T> {
    /// The delivery's id, the same on every redelivery.
    pub id: DeliveryId,
    /// The event's type.
    pub kind: &'static str,
    /// When the agent says it happened.
    pub occurred_at: OffsetDateTime,
    /// What happened.
    pub data: T,
}

/// Reads a signed body. `webhook_id` is the signed header that must say the same as the body.
///
/// # Errors
///
/// 400 and 422, as for every body.
pub fn read_event<T>(
    body: &[u8],
    webhook_id: Option<&DeliveryId>,
    now: OffsetDateTime,
    webhook: &Webhook<T>,
) -> Result<Event<T>, Problem> {
    read_body(body, |event| {
        let id = event.required::<DeliveryId>("id");
        if let (Some(id), Some(signed)) = (&id, webhook_id)
            && id != signed
        {
            event.reject::<()>("id", "must equal the webhook-id header");
        }
        let kind = event.required_with("type", |text| {
            let known = webhook.events.iter().find(|(name, _)| *name == text);
            known.ok_or(webhook.unknown)
        });
        let occurred_at = event.required_with("occurred_at", |text| match parse_instant(text)? {
            at if at > now + AHEAD_MAX => Err("must not be in the future"),
            at => Ok(at),
        });
        // Without a type there is no saying what is wrong with the data.
        let data = match kind {
            Some((_, read)) => event.object("data", read),
            None => event.skip("data"),
        };
        Some(Event {
            id: id?,
            kind: kind?.0,
            occurred_at: occurred_at?,
            data: data?,
        })
    })
}

/// Reads the `data` of an event that says: the agent's part is done, with this amount.
pub fn report_done(data: &mut Fields) -> Option<Report> {
    report(data, |data| {
        let amount_minor = data.required("amount_minor");
        let currency = data.required("currency");
        Some(ReportResult::Done {
            amount_minor: amount_minor?,
            currency: currency?,
        })
    })
}

/// Reads the `data` of an event that says: the agent's part failed, for this reason.
pub fn report_failed(data: &mut Fields) -> Option<Report> {
    report(data, |data| {
        data.required("reason").map(ReportResult::Failed)
    })
}

fn report(
    data: &mut Fields,
    result: impl FnOnce(&mut Fields) -> Option<ReportResult>,
) -> Option<Report> {
    let settlement_id = data.required("settlement_id");
    let facility_id = data.required("facility_id");
    let result = result(data);
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

    const REPORTS: Webhook<Report> = Webhook {
        events: &[
            ("escrow.funded", report_done),
            ("escrow.failed", report_failed),
        ],
        unknown: "must be escrow.funded or escrow.failed",
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
        match read_event(body.to_string().as_bytes(), Some(&id), NOW, &REPORTS) {
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
