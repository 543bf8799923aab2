use risk::{
    chart::{About, svg},
    outcome::Outcome,
    snapshot::Snapshot,
};
use serde_json::{Map, Value};
use shared::money::CurrencyCode;

/// The loss distribution of a recorded run; `None` where the record holds no result.
pub(crate) fn draw(run: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| run.get(name)?.as_str();
    let mut outcome: Outcome = serde_json::from_value(run.get("result")?.clone()).ok()?;
    let book = Snapshot::decode(text("snapshot")?.as_bytes()).ok()?;
    let exposures = book.names().iter().map(risk::input::Name::exposure_minor);
    let currency: CurrencyCode = outcome.currency.parse().ok()?;
    let minor_per_unit = currency.minor_per_unit().unwrap_or_else(|| {
        outcome.currency = format!("minor units of {currency}");
        1
    });
    let created_at = text("created_at")?;
    let about = About {
        allocator: text("allocator_name")?,
        as_of: &format!("{} {} UTC", created_at.get(..10)?, created_at.get(11..19)?),
        exposure_minor: exposures.fold(0, u64::saturating_add),
        minor_per_unit,
    };
    svg(&outcome, &about).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_result_is_no_chart() {
        for run in [
            json!({}),
            json!({"result": null}),
            json!({"result": {"model": "optkas-risk/2"}}),
        ] {
            assert_eq!(draw(run.as_object().unwrap()), None, "{run}");
        }
    }
}
