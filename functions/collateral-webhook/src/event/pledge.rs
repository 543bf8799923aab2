//! What was signed, and what is pledged under it.

use std::collections::HashSet;

use serde_json::{Value, json};
use shared::{
    collateral::{AssetKind, Identifier, Lei},
    commitment::Sha256,
    http::{Fields, instant::parse_date, without_nulls},
    ids::{AgreementId, AssetId, FacilityId, FilingId, PartyId, PledgeId},
    settlement::Text,
};

const KINDS_MAX: usize = 64;

/// `agreement.recorded`: a security agreement (9-203(b)(3)(A)).
pub(super) fn agreement(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let agreement_id = data.required::<AgreementId>("agreement_id");
    let debtor_party_id = data.required::<PartyId>("debtor_party_id");
    let secured_party_id = data.required::<PartyId>("secured_party_id");
    let mut seen = HashSet::new();
    let asset_kinds = data.array("asset_kinds", 1..=KINDS_MAX, |kinds, index| {
        let kind = kinds.required::<AssetKind>(index);
        let kind = kinds.once(index, kind, &mut seen);
        Some(kind?.to_string())
    });
    let dated_on = data.required_with("dated_on", parse_date);
    let ends_on = data.optional_with("ends_on", parse_date);
    if let (Some(dated_on), Some(Some(ends_on))) = (dated_on, ends_on)
        && ends_on <= dated_on
    {
        data.reject::<()>("ends_on", "must be after dated_on");
    }
    let document_sha256 = data.required::<Sha256>("document_sha256");
    Some(without_nulls(json!({
        "facility_id": facility_id?.to_string(),
        "agreement_id": agreement_id?.to_string(),
        "debtor_party_id": debtor_party_id?.to_string(),
        "secured_party_id": secured_party_id?.to_string(),
        "asset_kinds": asset_kinds?,
        "dated_on": dated_on?.to_string(),
        "ends_on": ends_on?.map(|date| date.to_string()),
        "document_sha256": document_sha256?.to_string(),
    })))
}

/// `asset.pledged`
pub(super) fn pledge(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let pledge_id = data.required::<PledgeId>("pledge_id");
    let filing_id = data.required::<FilingId>("filing_id");
    let agreement_id = data.required::<AgreementId>("agreement_id");
    let debtor_party_id = data.required::<PartyId>("debtor_party_id");
    let pledged_on = data.required_with("pledged_on", parse_date);
    let asset = data.object("asset", asset);
    Some(json!({
        "facility_id": facility_id?.to_string(),
        "pledge_id": pledge_id?.to_string(),
        "filing_id": filing_id?.to_string(),
        "agreement_id": agreement_id?.to_string(),
        "debtor_party_id": debtor_party_id?.to_string(),
        "pledged_on": pledged_on?.to_string(),
        "asset": asset?,
    }))
}

/// Its fingerprint is the database's to compute, from who gave the identifier and the identifier.
fn asset(asset: &mut Fields) -> Option<Value> {
    let asset_id = asset.required::<AssetId>("asset_id");
    let kind = asset.required::<AssetKind>("kind");
    let obligor = asset.required::<Text>("obligor");
    let custodian = asset.required::<Lei>("custodian");
    let identified_by = asset.required::<Lei>("identified_by");
    let identifier = asset.required::<Identifier>("identifier");
    Some(json!({
        "asset_id": asset_id?.to_string(),
        "kind": kind?.as_str(),
        "obligor": obligor?.as_str(),
        "custodian": custodian?.as_str(),
        "identified_by": identified_by?.as_str(),
        "identifier": identifier?.as_str(),
    }))
}
