//! Documents with a date: what assets are worth, who holds them, what an office's index has.

use std::collections::HashSet;

use serde_json::{Value, json};
use shared::{
    collateral::{FileNumber, LegalName, Lei, Office},
    commitment::Sha256,
    http::{
        Fields,
        instant::{parse_date, parse_instant, to_microseconds},
        without_nulls,
    },
    ids::{AssetId, FacilityId, PartyId, ReceiptId, SearchId, ValuationId},
    money::{Currency, ValueMinor},
};

const ASSETS_MAX: usize = 500;
const FINDINGS_MAX: usize = 200;

/// `valuation.recorded`
pub(super) fn valuation(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let valuation_id = data.required::<ValuationId>("valuation_id");
    let as_of = data.required_with("as_of", parse_date);
    let currency = data.required::<Currency>("currency");
    let document_sha256 = data.required::<Sha256>("document_sha256");
    let mut seen = HashSet::new();
    let assets = data.array("assets", 1..=ASSETS_MAX, |assets, index| {
        assets.object(index, |asset| {
            let asset_id = asset.required::<AssetId>("asset_id");
            let asset_id = asset.once("asset_id", asset_id, &mut seen);
            let value_minor = asset.required::<ValueMinor>("value_minor");
            Some(json!({
                "asset_id": asset_id?.to_string(),
                "value_minor": value_minor?.to_string(),
            }))
        })
    });
    Some(json!({
        "facility_id": facility_id?.to_string(),
        "valuation_id": valuation_id?.to_string(),
        "as_of": as_of?.to_string(),
        "currency": currency?.code(),
        "document_sha256": document_sha256?.to_string(),
        "assets": assets?,
    }))
}

/// `custody.confirmed`
pub(super) fn receipt(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let receipt_id = data.required::<ReceiptId>("receipt_id");
    let as_of = data.required_with("as_of", parse_date);
    let custodian = data.required::<Lei>("custodian");
    let document_sha256 = data.required::<Sha256>("document_sha256");
    let mut seen = HashSet::new();
    let assets = data.array("assets", 1..=ASSETS_MAX, |assets, index| {
        let asset_id = assets.required::<AssetId>(index);
        let asset_id = assets.once(index, asset_id, &mut seen);
        Some(asset_id?.to_string())
    });
    Some(json!({
        "facility_id": facility_id?.to_string(),
        "receipt_id": receipt_id?.to_string(),
        "as_of": as_of?.to_string(),
        "custodian": custodian?.as_str(),
        "document_sha256": document_sha256?.to_string(),
        "assets": assets?,
    }))
}

/// `search.reported`: of an office's index under a debtor's name, through a date (9-523(c)).
pub(super) fn search(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let search_id = data.required::<SearchId>("search_id");
    let office = data.required::<Office>("office");
    let party_id = data.required::<PartyId>("party_id");
    let searched_name = data.required::<LegalName>("searched_name");
    let through_on = data.required_with("through_on", parse_date);
    let document_sha256 = data.required::<Sha256>("document_sha256");
    let mut seen = HashSet::new();
    let findings = data.array("findings", 0..=FINDINGS_MAX, |findings, index| {
        findings.object(index, |found| finding(found, &mut seen))
    });
    Some(json!({
        "facility_id": facility_id?.to_string(),
        "search_id": search_id?.to_string(),
        "office": office?.as_str(),
        "party_id": party_id?.to_string(),
        "searched_name": searched_name?.as_str(),
        "through_on": through_on?.to_string(),
        "document_sha256": document_sha256?.to_string(),
        "findings": findings?,
    }))
}

/// A filing of somebody else; harmless where the agreement by which they stand back is given (9-339).
fn finding(found: &mut Fields, seen: &mut HashSet<String>) -> Option<Value> {
    let file_number = found.required::<FileNumber>("file_number");
    let plain = file_number.as_ref().map(FileNumber::plain);
    found.once("file_number", plain, seen);
    let filed_at = found.required_with("filed_at", parse_instant);
    let secured_party = found.required::<LegalName>("secured_party");
    let subordination_sha256 = found.optional::<Sha256>("subordination_sha256");
    Some(without_nulls(json!({
        "file_number": file_number?.as_str(),
        "filed_at": to_microseconds(filed_at?),
        "secured_party": secured_party?.as_str(),
        "subordination_sha256": subordination_sha256?.map(|hash| hash.to_string()),
    })))
}
