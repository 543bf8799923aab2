use serde_json::{Map, Value, json};
use shared::ids::FacilityId;
use tracing::info;

/// What a run has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) facilities: u64,
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    /// All that are open now, those of before included.
    pub(crate) open: u64,
}

impl Tally {
    /// Adds what the database says of one facility, and gives its id: none where there is no more facility. The
    /// outer `None` is an answer of another form.
    #[allow(
        clippy::option_option,
        reason = "a wrong answer and no facility are different things"
    )]
    pub(crate) fn add(&mut self, body: &Map<String, Value>) -> Option<Option<FacilityId>> {
        let Some(id) = Self::facility(body)? else {
            return Some(None);
        };
        let count = |name| body.get(name).and_then(Value::as_u64);
        let (opened, closed) = (count("opened")?, count("closed")?);
        let kinds = body.get("open").and_then(Value::as_object)?;
        let open: Option<Vec<u64>> = kinds.values().map(Value::as_u64).collect();
        let open: u64 = open?.iter().sum();
        if opened + closed > 0 {
            info!(
                facility.id = %id,
                warnings.opened = opened,
                warnings.closed = closed,
                warnings.open = open,
                "The warnings of a facility have changed."
            );
        }
        self.facilities += 1;
        self.opened += opened;
        self.closed += closed;
        self.open += open;
        Some(Some(id))
    }

    /// Which facility the database speaks of; none where there is no more.
    #[allow(
        clippy::option_option,
        reason = "a wrong answer and no facility are different things"
    )]
    pub(crate) fn facility(body: &Map<String, Value>) -> Option<Option<FacilityId>> {
        match body.get("facility_id")? {
            Value::Null => Some(None),
            Value::String(id) => id.parse().ok().map(Some),
            _ => None,
        }
    }

    pub(crate) fn report(&self) -> Value {
        json!({
            "facilities": self.facilities,
            "opened": self.opened,
            "closed": self.closed,
            "open": self.open,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

    fn body(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn facilities_are_added_up_until_there_is_none() {
        let mut tally = Tally::default();
        let one = json!({"facility_id": ID, "opened": 2, "closed": 1, "open": {"filing-lapsed": 1, "base-short": 3}});
        for _ in 0..2 {
            assert_eq!(tally.add(&body(&one)), Some(Some(ID.parse().unwrap())));
        }
        assert_eq!(tally.add(&body(&json!({"facility_id": null}))), Some(None));
        assert_eq!(
            tally.report(),
            json!({"facilities": 2, "opened": 4, "closed": 2, "open": 8})
        );
    }

    #[test]
    fn an_answer_of_another_form_counts_nothing() {
        let mut tally = Tally::default();
        for wrong in [
            json!({}),
            json!({"facility_id": 7}),
            json!({"facility_id": "x", "opened": 0, "closed": 0, "open": {}}),
            json!({"facility_id": ID, "opened": 0, "closed": 0}),
            json!({"facility_id": ID, "opened": -1, "closed": 0, "open": {}}),
            json!({"facility_id": ID, "opened": 0, "closed": 0, "open": {"base-short": "1"}}),
        ] {
            assert_eq!(tally.add(&body(&wrong)), None, "{wrong}");
        }
        assert_eq!(tally, Tally::default());
    }
}
