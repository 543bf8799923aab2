//! A UCC-1 as filed, and the members that a UCC-3 has too.

use std::collections::HashSet;

use serde_json::Value;
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
use time::Duration;

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
    data.keep::<FacilityId>("facility_id");
    data.keep::<FilingId>("filing_id");
    data.keep::<Office>("office");
    data.keep::<FileNumber>("file_number");
    filed(data);
    data.keep_with("designation", |text| one_of(text, &DESIGNATIONS));
    data.keep_with("description", indication);
    data.keep::<Sha256>("document_sha256");
    parties(data, "debtors");
    parties(data, "secured_parties");
    data.kept()
}

/// When it was filed: the instant, and the day by the office's own calendar, from which the law counts. No place on
/// earth is more than a day from UTC's.
pub(super) fn filed(data: &mut Fields) -> Option<()> {
    let mut filed_at = None;
    data.keep_with("filed_at", |text| {
        let at = *filed_at.insert(parse_instant(text)?);
        Ok::<_, &str>(to_microseconds(at))
    });
    let filed_on = data.keep_with("filed_on", parse_date);
    if (filed_on? - filed_at?.date()).abs() > Duration::DAY {
        return data.reject("filed_on", "must be within a day of filed_at");
    }
    Some(())
}

/// A statement that indicates no collateral was filed all the same: it is recorded, and does not suffice (9-502).
fn indication(text: &str) -> Result<String, Invalid> {
    match text {
        "" => Ok(String::new()),
        text => text.parse().map(|text: Description| text.to_string()),
    }
}

/// The parties under the names that the filing gives them.
fn parties(data: &mut Fields, name: &str) {
    let mut seen = HashSet::new();
    data.keep_array(name, 0..=PARTIES_MAX, |parties, index| {
        parties.keep_object(index, |party| {
            let party_id = party.keep::<PartyId>("party_id");
            party.once("party_id", party_id, &mut seen);
            party.keep::<LegalName>("name")
        })
    });
}
