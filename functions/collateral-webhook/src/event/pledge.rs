//! Security agreements, and the assets pledged under them.

use std::collections::HashSet;

use serde_json::Value;
use shared::{
    collateral::{AssetKind, Identifier, Lei},
    commitment::Sha256,
    http::{Fields, instant::parse_date},
    ids::{AgreementId, AssetId, FacilityId, FilingId, PartyId, PledgeId},
    settlement::Text,
};

const KINDS_MAX: usize = 64;

/// `agreement.recorded`: a security agreement (9-203(b)(3)(A)).
pub(super) fn agreement(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep::<AgreementId>("agreement_id");
    data.keep::<PartyId>("debtor_party_id");
    data.keep::<PartyId>("secured_party_id");
    let mut seen = HashSet::new();
    data.keep_array("asset_kinds", 1..=KINDS_MAX, |kinds, index| {
        let kind = kinds.keep::<AssetKind>(index);
        kinds.once(index, kind, &mut seen)
    });
    let dated_on = data.keep_with("dated_on", parse_date);
    let ends_on = data.keep_optional_with("ends_on", parse_date);
    if let (Some(dated_on), Some(Some(ends_on))) = (dated_on, ends_on)
        && ends_on <= dated_on
    {
        data.reject::<()>("ends_on", "must be after dated_on");
    }
    data.keep::<Sha256>("document_sha256");
    data.kept()
}

/// `asset.pledged`
pub(super) fn pledge(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep::<PledgeId>("pledge_id");
    data.keep::<FilingId>("filing_id");
    data.keep::<AgreementId>("agreement_id");
    data.keep::<PartyId>("debtor_party_id");
    data.keep_with("pledged_on", parse_date);
    data.keep_object("asset", asset);
    data.kept()
}

/// The asset. The database computes its fingerprint, from the identifier and the LEI that gave it.
fn asset(asset: &mut Fields) {
    asset.keep::<AssetId>("asset_id");
    asset.keep::<AssetKind>("asset_kind");
    asset.keep::<Text>("obligor");
    asset.keep::<Lei>("custodian");
    asset.keep::<Lei>("identified_by");
    asset.keep::<Identifier>("identifier");
}
