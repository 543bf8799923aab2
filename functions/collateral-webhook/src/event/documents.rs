//! Documents with a date: valuations, custodians' receipts, searches of an office's index.

use std::collections::HashSet;

use serde_json::Value;
use shared::{
    collateral::{FileNumber, LegalName, Lei, Office},
    commitment::Sha256,
    http::{
        Fields,
        instant::{parse_date, parse_instant, to_microseconds},
    },
    ids::{AssetId, FacilityId, PartyId, ReceiptId, SearchId, ValuationId},
    money::{CurrencyCode, ValueMinor},
};

const ASSETS_MAX: usize = 500;
const FINDINGS_MAX: usize = 200;

/// `valuation.recorded`
pub(super) fn valuation(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep::<ValuationId>("valuation_id");
    data.keep_with("valued_on", parse_date);
    data.keep::<CurrencyCode>("currency");
    data.keep::<Sha256>("document_sha256");
    let mut seen = HashSet::new();
    data.keep_array("assets", 1..=ASSETS_MAX, |assets, index| {
        assets.keep_object(index, |asset| {
            let asset_id = asset.keep::<AssetId>("asset_id");
            asset.once("asset_id", asset_id, &mut seen);
            asset.keep::<ValueMinor>("value_minor")
        })
    });
    data.kept()
}

/// `custody.confirmed`
pub(super) fn receipt(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep::<ReceiptId>("receipt_id");
    data.keep_with("held_on", parse_date);
    data.keep::<Lei>("custodian");
    data.keep::<Sha256>("document_sha256");
    let mut seen = HashSet::new();
    data.keep_array("asset_ids", 1..=ASSETS_MAX, |assets, index| {
        let asset_id = assets.keep::<AssetId>(index);
        assets.once(index, asset_id, &mut seen)
    });
    data.kept()
}

/// `search.reported`: a search of an office's index under a debtor's name, through a date (9-523(c)).
pub(super) fn search(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep::<SearchId>("search_id");
    data.keep::<Office>("office");
    data.keep::<PartyId>("party_id");
    data.keep::<LegalName>("searched_name");
    data.keep_with("through_on", parse_date);
    data.keep::<Sha256>("document_sha256");
    let mut seen = HashSet::new();
    data.keep_array("findings", 0..=FINDINGS_MAX, |findings, index| {
        findings.keep_object(index, |found| finding(found, &mut seen))
    });
    data.kept()
}

/// A filing of another secured party. It is harmless where the agreement is given by which that party stands back
/// (9-339).
fn finding(found: &mut Fields, seen: &mut HashSet<String>) {
    let file_number = found.keep::<FileNumber>("file_number");
    let plain = file_number.as_ref().map(FileNumber::plain);
    found.once("file_number", plain, seen);
    found.keep_with("filed_at", |text| parse_instant(text).map(to_microseconds));
    found.keep::<LegalName>("secured_party");
    found.keep_optional::<Sha256>("subordination_sha256");
}
