//! What secures a facility, as the platform and the collateral agent tell it: events to be sent as they are, or
//! altered first.

use serde_json::{Value, json};
use time::{Date, Month};
use uuid::{Uuid, uuid};

use super::{AURORA, Allocator, SECURED_FACILITY, delivery};

/// The agent that reports filings, pledges and values in the sample data.
pub const COLLATERAL_AGENT: &str = "collateral-one";

/// A registered organisation that a filing can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its id.
    pub id: Uuid,
    /// Its name on the public organic record.
    pub name: String,
}

/// A secured facility with the two parties of its filings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecuredTerms {
    /// The facility's id.
    pub facility: Uuid,
    /// The allocator whose members release collateral.
    pub lead: Uuid,
    /// The debtor, who gives the collateral.
    pub debtor: Party,
    /// The secured party, who takes the collateral.
    pub secured_party: Party,
}

/// An event, before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    /// Its type.
    pub kind: &'static str,
    /// Its members.
    pub data: Value,
}

impl WebhookEvent {
    fn new(kind: &'static str, data: Value) -> Self {
        Self { kind, data }
    }

    /// The same with another value for one member, or with one member more.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.data[member] = value.into();
        self
    }

    /// As a new delivery.
    #[must_use]
    pub fn delivery(&self) -> Value {
        delivery(self.kind, &self.data)
    }

    /// The id in that member.
    ///
    /// # Panics
    /// If that member is no id.
    #[must_use]
    pub fn id(&self, member: &str) -> Uuid {
        let id = self.data[member].as_str().and_then(|id| id.parse().ok());
        id.unwrap_or_else(|| panic!("{member} is no id: {}", self.data))
    }
}

/// Events of the platform, which come first.
impl SecuredTerms {
    /// The terms of the sample data's facility.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            facility: SECURED_FACILITY.id,
            lead: AURORA.id,
            debtor: Party {
                id: uuid!("d0000000-0000-4000-8000-000000000001"),
                name: "Granite Receivables LLC".to_owned(),
            },
            secured_party: Party {
                id: uuid!("d0000000-0000-4000-8000-000000000002"),
                name: "Ledgerstone Trust Company".to_owned(),
            },
        }
    }

    /// The terms of a new facility, led by that allocator.
    #[must_use]
    pub fn new(lead: Allocator) -> Self {
        let party = |name: &str| {
            let id = Uuid::new_v4();
            Party {
                id,
                name: format!("{name} {:.8} LLC", id.simple()),
            }
        };
        Self {
            facility: Uuid::new_v4(),
            lead: lead.id,
            debtor: party("Debtor"),
            secured_party: party("Lender"),
        }
    }

    /// facility.opened, on the terms of the sample data's.
    #[must_use]
    pub fn opened(&self) -> WebhookEvent {
        WebhookEvent::new("facility.opened", SECURED_FACILITY.data())
            .with("facility_id", self.facility.to_string())
            .with("lead_allocator_id", self.lead.to_string())
    }

    /// dispute.decided: the filing is the facility's.
    #[must_use]
    pub fn dispute(&self, filing: Uuid) -> WebhookEvent {
        WebhookEvent::new(
            "dispute.decided",
            json!({ "facility_id": self.facility.to_string(), "filing_id": filing.to_string() }),
        )
    }

    /// party.recorded of one of its parties, in Delaware.
    #[must_use]
    pub fn party(&self, party: &Party) -> WebhookEvent {
        WebhookEvent::new(
            "party.recorded",
            json!({
                "facility_id": self.facility.to_string(),
                "party_id": party.id.to_string(),
                "legal_name": party.name,
                "organic_name": party.name,
                "jurisdiction": "US-DE",
                "organisation_number": "7654321",
                "lei": lei(&party.id.simple().to_string()),
            }),
        )
    }

    /// rules.recorded: receivables at 85 %, no cap, everything thirty days.
    #[must_use]
    pub fn rules(&self) -> WebhookEvent {
        WebhookEvent::new(
            "rules.recorded",
            json!({
                "facility_id": self.facility.to_string(),
                "concentration_cap_bp": 10_000,
                "coverage_floor_bp": 0,
                "valuation_age_max_days": 30,
                "receipt_age_max_days": 30,
                "lapse_guard_days": 30,
                "reserves_minor": "0",
                "kinds": [kind_rule("receivable", 8_500, 0)],
            }),
        )
    }
}

/// Events of the collateral agent.
impl SecuredTerms {
    /// A UCC-1 in Delaware that names both parties as they are.
    #[must_use]
    pub fn filing(&self, filed_on: Date) -> WebhookEvent {
        let id = Uuid::new_v4();
        let named =
            |party: &Party| json!([{ "party_id": party.id.to_string(), "name": party.name }]);
        WebhookEvent::new(
            "filing.recorded",
            json!({
                "facility_id": self.facility.to_string(),
                "filing_id": id.to_string(),
                "office": "US-DE",
                "file_number": file_number(filed_on, id),
                "filed_at": midnight(filed_on),
                "filed_on": filed_on.to_string(),
                "designation": "standard",
                "description": "All receivables listed in Schedule A",
                "document_sha256": "f1".repeat(32),
                "debtors": named(&self.debtor),
                "secured_parties": named(&self.secured_party),
            }),
        )
    }

    /// A UCC-3 of a kind that needs no more members.
    #[must_use]
    pub fn amendment(&self, filing: Uuid, kind: &str, filed_on: Date) -> WebhookEvent {
        let id = Uuid::new_v4();
        WebhookEvent::new(
            "amendment.recorded",
            json!({
                "facility_id": self.facility.to_string(),
                "filing_id": filing.to_string(),
                "amendment_id": id.to_string(),
                "file_number": file_number(filed_on, id),
                "filed_at": midnight(filed_on),
                "filed_on": filed_on.to_string(),
                "kind": kind,
                "document_sha256": "f3".repeat(32),
            }),
        )
    }

    /// The debtor gives its receivables, without an end.
    #[must_use]
    pub fn agreement(&self, dated_on: Date) -> WebhookEvent {
        WebhookEvent::new(
            "agreement.recorded",
            json!({
                "facility_id": self.facility.to_string(),
                "agreement_id": Uuid::new_v4().to_string(),
                "debtor_party_id": self.debtor.id.to_string(),
                "secured_party_id": self.secured_party.id.to_string(),
                "asset_kinds": ["receivable"],
                "dated_on": dated_on.to_string(),
                "document_sha256": "a9".repeat(32),
            }),
        )
    }

    /// A new receivable of an obligor of its own.
    #[must_use]
    pub fn pledge(&self, filing: Uuid, agreement: Uuid, pledged_on: Date) -> WebhookEvent {
        let asset = Uuid::new_v4();
        WebhookEvent::new(
            "asset.pledged",
            json!({
                "facility_id": self.facility.to_string(),
                "pledge_id": Uuid::new_v4().to_string(),
                "filing_id": filing.to_string(),
                "agreement_id": agreement.to_string(),
                "debtor_party_id": self.debtor.id.to_string(),
                "pledged_on": pledged_on.to_string(),
                "asset": {
                    "asset_id": asset.to_string(),
                    "asset_kind": "receivable",
                    "obligor": format!("Obligor {asset}"),
                    "custodian": custodian(),
                    "identified_by": lei("ORIGINATOR"),
                    "identifier": format!("INV {asset}"),
                },
            }),
        )
    }

    /// One document that values these assets, in US dollars.
    #[must_use]
    pub fn valuation(&self, valued_on: Date, values: &[(Uuid, u64)]) -> WebhookEvent {
        let assets = values
            .iter()
            .map(|(asset, value)| json!({ "asset_id": asset.to_string(), "value_minor": value.to_string() }));
        WebhookEvent::new(
            "valuation.recorded",
            json!({
                "facility_id": self.facility.to_string(),
                "valuation_id": Uuid::new_v4().to_string(),
                "valued_on": valued_on.to_string(),
                "currency": "USD",
                "document_sha256": "7a".repeat(32),
                "assets": assets.collect::<Vec<_>>(),
            }),
        )
    }

    /// One document that the custodian holds these assets.
    #[must_use]
    pub fn receipt(&self, held_on: Date, assets: &[Uuid]) -> WebhookEvent {
        let assets: Vec<String> = assets.iter().map(Uuid::to_string).collect();
        WebhookEvent::new(
            "custody.confirmed",
            json!({
                "facility_id": self.facility.to_string(),
                "receipt_id": Uuid::new_v4().to_string(),
                "held_on": held_on.to_string(),
                "custodian": custodian(),
                "document_sha256": "c0".repeat(32),
                "asset_ids": assets,
            }),
        )
    }

    /// A search of Delaware's index under the debtor's name that finds nobody else.
    #[must_use]
    pub fn search(&self, through_on: Date) -> WebhookEvent {
        WebhookEvent::new(
            "search.reported",
            json!({
                "facility_id": self.facility.to_string(),
                "search_id": Uuid::new_v4().to_string(),
                "office": "US-DE",
                "party_id": self.debtor.id.to_string(),
                "searched_name": self.debtor.name,
                "through_on": through_on.to_string(),
                "document_sha256": "5e".repeat(32),
                "findings": [],
            }),
        )
    }
}

/// When a filing was made that lapses five years later on this day; before a leap day, on the one before it.
///
/// # Panics
/// If that is before the calendar.
#[must_use]
pub fn filed_to_lapse_on(lapse: Date) -> Date {
    let year = lapse.year() - 5;
    lapse
        .replace_year(year)
        .or_else(|_leap_day| Date::from_calendar_date(year, Month::February, 28))
        .expect("28 February is in every year")
}

/// The eligibility rule of a kind of asset.
#[must_use]
pub fn kind_rule(kind: &str, advance_rate_bp: u32, haircut_bp: u32) -> Value {
    json!({ "asset_kind": kind, "advance_rate_bp": advance_rate_bp, "haircut_bp": haircut_bp })
}

/// The custodian of all assets, by its LEI.
#[must_use]
pub fn custodian() -> String {
    lei("CUSTODIAN")
}

/// An LEI with this beginning: eighteen of its letters and digits, filled up with zeros, and the two digits that ISO
/// 7064's MOD 97-10 demands then.
#[must_use]
pub fn lei(beginning: &str) -> String {
    let stem: String = format!("{beginning:0<18.18}").to_uppercase();
    // One digit after the other, as one divides by hand.
    let remainder = format!("{stem}00").chars().fold(0, |remainder, letter| {
        let value = letter.to_digit(36).expect("a letter or a digit");
        let shift = if value < 10 { 10 } else { 100 };
        (remainder * shift + value) % 97
    });
    format!("{stem}{:02}", 98 - remainder)
}

/// A file number as an office gives it: the year, and a number of its own.
fn file_number(filed_on: Date, id: Uuid) -> String {
    format!("{} {:.12}", filed_on.year(), id.simple())
}

fn midnight(on: Date) -> String {
    format!("{on}T00:00:00Z")
}

#[cfg(test)]
mod tests {
    use super::lei;

    /// LEIs of entities in the public register.
    #[test]
    fn check_digits_equal_those_of_issued_leis() {
        for issued in [
            "5493001KJTIIGC8Y1R12",
            "506700GE1G29325QX363",
            "HWUPKR0MPOU8FGXBT394",
            "INR2EJN1ERAN0W5ZP974",
        ] {
            assert_eq!(lei(issued), issued);
        }
    }
}
