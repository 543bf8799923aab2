//! A UCC-1 as filed, and what a UCC-3 has in common with it.

use std::collections::HashSet;

use serde_json::{Value, json};
use shared::{
    collateral::{Description, FileNumber, LegalName, Office},
    commitment::Sha256,
    http::{
        Fields,
        instant::{parse_date, parse_instant, to_microseconds},
        one_of,
    },
    ids::{FacilityId, FilingId, Invalid, PartyId},
};
use time::{Date, Duration};

/// 9-515(a), (b), (f).
const DESIGNATIONS: [&str; 4] = [
    "standard",
    "public-finance",
    "manufactured-home",
    "transmitting-utility",
];

const PARTIES_MAX: usize = 64;

/// `filing.recorded`
pub(super) fn filing(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let filing_id = data.required::<FilingId>("filing_id");
    let office = data.required::<Office>("office");
    let file_number = data.required::<FileNumber>("file_number");
    let filed = filed(data);
    let designation = data.required_with("designation", |text| one_of(text, &DESIGNATIONS));
    let description = data.required_with("description", indication);
    let document_sha256 = data.required::<Sha256>("document_sha256");
    let debtors = parties(data, "debtors");
    let secured_parties = parties(data, "secured_parties");
    let (filed_at, filed_on) = filed?;
    Some(json!({
        "facility_id": facility_id?.to_string(),
        "filing_id": filing_id?.to_string(),
        "office": office?.as_str(),
        "file_number": file_number?.as_str(),
        "filed_at": filed_at,
        "filed_on": filed_on.to_string(),
        "designation": designation?,
        "description": description?,
        "document_sha256": document_sha256?.to_string(),
        "debtors": debtors?,
        "secured_parties": secured_parties?,
    }))
}

/// When it was filed: the instant, and the day by the office's own calendar, from which the law counts. No place on
/// earth is more than a day from UTC's.
pub(super) fn filed(data: &mut Fields) -> Option<(String, Date)> {
    let at = data.required_with("filed_at", parse_instant);
    let on = data.required_with("filed_on", parse_date);
    let (at, on) = (at?, on?);
    if (on - at.date()).abs() > Duration::DAY {
        return data.reject("filed_on", "must be within a day of filed_at");
    }
    Some((to_microseconds(at), on))
}

/// A statement that indicates no collateral was filed all the same: it is recorded, and does not suffice (9-502).
fn indication(text: &str) -> Result<String, Invalid> {
    match text {
        "" => Ok(String::new()),
        text => text.parse().map(|text: Description| text.to_string()),
    }
}

/// Under the names that the filing gives them.
fn parties(data: &mut Fields, name: &str) -> Option<Vec<Value>> {
    let mut seen = HashSet::new();
    data.array(name, 0..=PARTIES_MAX, |parties, index| {
        parties.object(index, |party| {
            let party_id = party.required::<PartyId>("party_id");
            let party_id = party.once("party_id", party_id, &mut seen);
            let name = party.required::<LegalName>("name");
            Some(json!({"party_id": party_id?.to_string(), "name": name?.as_str()}))
        })
    })
}
