//! A UCC-3 as filed (9-512 to 9-515). Recorded whatever it is; what effect it has, the law says.

use serde_json::{Value, json};
use shared::{
    collateral::{Description, FileNumber, LegalName},
    commitment::Sha256,
    http::{Fields, one_of, without_nulls},
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

/// What an amendment names or does not, as its kind says.
const OF_SOME_KINDS: [&str; 7] = [
    "action",
    "role",
    "party_id",
    "name",
    "replaces_party_id",
    "description",
    "release_id",
];

#[derive(Default)]
struct Named {
    action: Option<&'static str>,
    role: Option<&'static str>,
    party_id: Option<PartyId>,
    name: Option<LegalName>,
    replaces_party_id: Option<PartyId>,
    description: Option<Description>,
    release_id: Option<ReleaseId>,
}

/// `amendment.recorded`
pub(super) fn amendment(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let filing_id = data.required::<FilingId>("filing_id");
    let amendment_id = data.required::<AmendmentId>("amendment_id");
    let file_number = data.required::<FileNumber>("file_number");
    let filed = filed(data);
    let document_sha256 = data.required::<Sha256>("document_sha256");
    let kind = data.required_with("kind", |text| one_of(text, &KINDS));
    let named = kind.and_then(|kind| named(kind, data));
    for name in OF_SOME_KINDS {
        match kind {
            Some(_) => data.absent(name, "does not go with this amendment"),
            None => data.skip(name),
        };
    }
    let (filed_at, filed_on) = filed?;
    let named = named?;
    Some(without_nulls(json!({
        "facility_id": facility_id?.to_string(),
        "filing_id": filing_id?.to_string(),
        "amendment_id": amendment_id?.to_string(),
        "file_number": file_number?.as_str(),
        "filed_at": filed_at,
        "filed_on": filed_on.to_string(),
        "document_sha256": document_sha256?.to_string(),
        "kind": kind?,
        "action": named.action,
        "role": named.role,
        "party_id": named.party_id.map(|id| id.to_string()),
        "name": named.name.as_ref().map(LegalName::as_str),
        "replaces_party_id": named.replaces_party_id.map(|id| id.to_string()),
        "description": named.description.as_ref().map(Description::as_str),
        "release_id": named.release_id.map(|id| id.to_string()),
    })))
}

/// A release is named where cover is taken away, and nowhere else: it is good for one amendment.
fn named(kind: &str, data: &mut Fields) -> Option<Named> {
    match kind {
        "termination" => Some(Named {
            release_id: data.optional("release_id")?,
            ..Named::default()
        }),
        "assignment" => {
            let party_id = data.required("party_id");
            let name = data.required("name");
            let replaces_party_id = data.optional("replaces_party_id");
            Some(Named {
                party_id: Some(party_id?),
                name: Some(name?),
                replaces_party_id: replaces_party_id?,
                ..Named::default()
            })
        }
        "party" => of_a_party(data),
        "collateral" => of_collateral(data),
        _ => Some(Named::default()),
    }
}

fn of_a_party(data: &mut Fields) -> Option<Named> {
    let action = data.required_with("action", |text| one_of(text, &["add", "change", "delete"]));
    let role = data.required_with("role", |text| one_of(text, &["debtor", "secured"]));
    let party_id = data.required("party_id");
    let (name, release_id) = match action {
        Some("delete") => (Some(None), data.optional("release_id")),
        Some(_) => (data.required("name").map(Some), Some(None)),
        None => (data.skip("name"), data.skip("release_id")),
    };
    Some(Named {
        action: Some(action?),
        role: Some(role?),
        party_id: Some(party_id?),
        name: name?,
        release_id: release_id?,
        ..Named::default()
    })
}

fn of_collateral(data: &mut Fields) -> Option<Named> {
    let action = data.required_with("action", |text| one_of(text, &["add", "delete", "restate"]));
    let description = data.required("description");
    let release_id = match action {
        Some("add") => Some(None),
        Some(_) => data.optional("release_id"),
        None => data.skip("release_id"),
    };
    Some(Named {
        action: Some(action?),
        description: Some(description?),
        release_id: release_id?,
        ..Named::default()
    })
}
