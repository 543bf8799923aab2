//! A UCC-3 as filed (9-512 to 9-515). Every amendment is recorded; the law decides its effect.

use serde_json::Value;
use shared::{
    collateral::{Description, FileNumber, LegalName},
    commitment::Sha256,
    http::{Fields, one_of},
    ids::{AmendmentId, FacilityId, FilingId, PartyId, ReleaseId},
};

use super::filing::filed;

const KINDS: [&str; 5] = [
    "continuation",
    "termination",
    "assignment",
    "party",
    "collateral",
];

/// Members that go with some kinds of amendment only.
const OF_SOME_KINDS: [&str; 7] = [
    "action",
    "role",
    "party_id",
    "name",
    "replaces_party_id",
    "description",
    "release_id",
];

/// `amendment.recorded`
pub(super) fn amendment(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep::<FilingId>("filing_id");
    data.keep::<AmendmentId>("amendment_id");
    data.keep::<FileNumber>("file_number");
    filed(data);
    data.keep::<Sha256>("document_sha256");
    let kind = data.keep_with("kind", |text| one_of(text, &KINDS));
    match kind {
        // A release is named where cover is taken away, and nowhere else: it is good for one amendment.
        Some("termination") => drop(data.keep_optional::<ReleaseId>("release_id")),
        Some("assignment") => {
            data.keep::<PartyId>("party_id");
            data.keep::<LegalName>("name");
            data.keep_optional::<PartyId>("replaces_party_id");
        }
        Some("party") => of_a_party(data),
        Some("collateral") => of_collateral(data),
        _ => {}
    }
    for name in OF_SOME_KINDS {
        match kind {
            Some(_) => data.absent(name, "does not go with this amendment"),
            None => data.skip(name),
        };
    }
    data.kept()
}

fn of_a_party(data: &mut Fields) {
    let action = data.keep_with("action", |text| one_of(text, &["add", "change", "delete"]));
    data.keep_with("role", |text| one_of(text, &["debtor", "secured"]));
    data.keep::<PartyId>("party_id");
    match action {
        Some("delete") => drop(data.keep_optional::<ReleaseId>("release_id")),
        Some(_) => drop(data.keep::<LegalName>("name")),
        None => {
            data.skip::<()>("name");
            data.skip::<()>("release_id");
        }
    }
}

fn of_collateral(data: &mut Fields) {
    let action = data.keep_with("action", |text| one_of(text, &["add", "delete", "restate"]));
    data.keep::<Description>("description");
    match action {
        Some("add") => {}
        Some(_) => drop(data.keep_optional::<ReleaseId>("release_id")),
        None => drop(data.skip::<()>("release_id")),
    }
}
