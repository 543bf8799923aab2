use risk::{chart::svg, outcome::Outcome};
use serde_json::{Map, Value};
use shared::money::CurrencyCode;

/// The loss distribution of a recorded run; `None` where the record holds no result.
pub(crate) fn draw(run: &Map<String, Value>) -> Option<String> {
    let mut outcome: Outcome = serde_json::from_value(run.get("result")?.clone()).ok()?;
    let currency: CurrencyCode = outcome.currency.parse().ok()?;
    let minor_per_unit = currency.minor_per_unit().unwrap_or_else(|| {
        outcome.currency = format!("minor units of {currency}");
        1
    });
    svg(&outcome, minor_per_unit).ok()
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
            json!({"result": {"model": "optkas-risk/1"}}),
        ] {
            assert_eq!(draw(run.as_object().unwrap()), None, "{run}");
        }
    }
}
