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

/// What the database says of a facility.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Looked {
    /// Its warnings: how many were opened and closed, and how many of each kind are open.
    At {
        #[serde(deserialize_with = "parsed")]
        facility_id: FacilityId,
        opened: u64,
        closed: u64,
        open: BTreeMap<String, u64>,
    },
    /// There is no facility more: the id is null.
    End {
        #[allow(dead_code, reason = "the null tells this form from the other")]
        facility_id: (),
    },
}

/// Which facility would be next; `None` where there is no facility more.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
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
    /// Adds what the database says of one facility, and gives its id; `None` where there is no facility more.
    pub(crate) fn add(&mut self, looked: Looked) -> Option<FacilityId> {
        let Looked::At {
            facility_id: id,
            opened,
            closed,
            open,
        } = looked
        else {
            return None;
        };
        let open: u64 = open.values().sum();
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
        Some(id)
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

    fn looked(body: &Value) -> serde_json::Result<Looked> {
        serde_json::from_value(body.clone())
    }

    #[test]
    fn facilities_are_added_up_until_there_is_none() {
        let mut tally = Tally::default();
        let one = json!({"facility_id": ID, "opened": 2, "closed": 1, "open": {"filing-lapsed": 1, "base-short": 3}});
        for _ in 0..2 {
            let id = tally.add(looked(&one).unwrap());
            assert_eq!(id, Some(ID.parse().unwrap()));
        }
        let end = looked(&json!({"facility_id": null})).unwrap();
        assert_eq!(tally.add(end), None);
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
            json!({"facility_id": "x", "opened": 0, "closed": 0, "open": {}}),
            json!({"facility_id": ID, "opened": 0, "closed": 0}),
            json!({"facility_id": ID, "opened": -1, "closed": 0, "open": {}}),
            json!({"facility_id": ID, "opened": 0, "closed": 0, "open": {"base-short": "1"}}),
        ] {
            assert!(looked(&wrong).is_err(), "{wrong}");
        }
        for wrong in [
            json!({}),
            json!({"facility_id": 7}),
            json!({"facility_id": "x"}),
        ] {
            let named = serde_json::from_value::<Named>(wrong.clone());
            assert!(named.is_err(), "{wrong}");
        }
    }
}
