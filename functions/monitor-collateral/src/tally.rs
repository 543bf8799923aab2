use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, json};
use shared::ids::FacilityId;
use tracing::info;

/// What a run has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) facilities: u64,
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    /// All warnings that are open now, also those of earlier runs.
    pub(crate) open: u64,
}

/// A facility's warnings: how many were opened and closed, and how many of each kind are open.
#[derive(Debug, Deserialize)]
pub(crate) struct Warnings {
    #[serde(deserialize_with = "parsed")]
    facility_id: FacilityId,
    opened: u64,
    closed: u64,
    open: BTreeMap<String, u64>,
}

/// The next facility; `None` after the last.
#[derive(Debug, Deserialize)]
pub(crate) struct Next {
    #[serde(deserialize_with = "parsed_if_there")]
    pub(crate) facility_id: Option<FacilityId>,
}

fn parsed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FacilityId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

fn parsed_if_there<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<FacilityId>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(D::Error::custom))
        .transpose()
}

impl Tally {
    /// Adds one facility's warnings.
    pub(crate) fn add(&mut self, warnings: &Warnings) {
        let open: u64 = warnings.open.values().sum();
        if warnings.opened + warnings.closed > 0 {
            info!(
                facility.id = %warnings.facility_id,
                warnings.opened = warnings.opened,
                warnings.closed = warnings.closed,
                warnings.open = open,
                "The warnings of a facility have changed."
            );
        }
        self.facilities += 1;
        self.opened += warnings.opened;
        self.closed += warnings.closed;
        self.open += open;
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

    fn warnings(body: &Value) -> serde_json::Result<Warnings> {
        serde_json::from_value(body.clone())
    }

    fn next(body: &Value) -> serde_json::Result<Option<FacilityId>> {
        serde_json::from_value(body.clone()).map(|next: Next| next.facility_id)
    }

    #[test]
    fn facilities_are_added_up_until_there_is_none() {
        let mut tally = Tally::default();
        let one = json!({"facility_id": ID, "opened": 2, "closed": 1, "open": {"filing-lapsed": 1, "base-short": 3}});
        for _ in 0..2 {
            tally.add(&warnings(&one).unwrap());
        }
        let id = next(&json!({"facility_id": ID})).unwrap();
        assert_eq!(id, Some(ID.parse().unwrap()));
        assert_eq!(next(&json!({"facility_id": null})).unwrap(), None);
        assert_eq!(
            tally.report(),
            json!({"facilities": 2, "opened": 4, "closed": 2, "open": 8})
        );
    }

    #[test]
    fn an_answer_of_another_form_counts_nothing() {
        for wrong in [
            json!({}),
            json!({"facility_id": 7}),
            json!({"facility_id": null, "opened": 0, "closed": 0, "open": {}}),
            json!({"facility_id": "x", "opened": 0, "closed": 0, "open": {}}),
            json!({"facility_id": ID, "opened": 0, "closed": 0}),
            json!({"facility_id": ID, "opened": -1, "closed": 0, "open": {}}),
            json!({"facility_id": ID, "opened": 0, "closed": 0, "open": {"base-short": "1"}}),
        ] {
            assert!(warnings(&wrong).is_err(), "{wrong}");
        }
        for wrong in [
            json!({}),
            json!({"facility_id": 7}),
            json!({"facility_id": "x"}),
        ] {
            assert!(next(&wrong).is_err(), "{wrong}");
        }
    }
}
