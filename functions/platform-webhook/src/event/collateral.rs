//! The parties of a facility, and the rules by which its collateral counts.

use std::{collections::HashSet, ops::RangeInclusive};

use serde_json::Value;
use shared::{
    collateral::{AssetKind, Bic, Jurisdiction, LegalName, Lei, OrganisationNumber},
    http::Fields,
    ids::{AssetId, FacilityId, FilingId, PartyId},
    money::ReservesMinor,
};

/// All of something, in basis points.
const WHOLE_BP: i64 = 10_000;
/// A hundred times what is drawn, in basis points.
const COVERAGE_BP_MAX: i64 = 1_000_000;
/// Up to ten years and some days.
const DAYS: RangeInclusive<i64> = 0..=3_660;
const KINDS_MAX: usize = 64;

/// `dispute.decided`: which facility has a filing or an asset. One of the two is named.
pub(super) fn dispute(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    if let Some(None) = data.keep_optional::<AssetId>("asset_id") {
        data.keep::<FilingId>("filing_id");
    } else {
        data.absent("filing_id", "does not go with an asset");
    }
    data.kept()
}

/// `party.recorded`: a party, or its new name or jurisdiction.
pub(super) fn party(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep::<PartyId>("party_id");
    data.keep::<LegalName>("legal_name");
    data.keep::<LegalName>("organic_name");
    data.keep::<Jurisdiction>("jurisdiction");
    data.keep::<OrganisationNumber>("organisation_number");
    data.keep::<Lei>("lei");
    data.keep_optional::<Bic>("bic");
    data.kept()
}

/// `rules.recorded`: the next version of a facility's eligibility rules.
pub(super) fn rules(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep_integer("concentration_cap_bp", 1..=WHOLE_BP);
    data.keep_integer("coverage_floor_bp", 0..=COVERAGE_BP_MAX);
    data.keep_integer("valuation_age_max_days", DAYS);
    data.keep_integer("receipt_age_max_days", DAYS);
    data.keep_integer("lapse_guard_days", DAYS);
    data.keep::<ReservesMinor>("reserves_minor");
    let mut seen = HashSet::new();
    data.keep_array("kinds", 1..=KINDS_MAX, |kinds, index| {
        kinds.keep_object(index, |rule| {
            let asset_kind = rule.keep::<AssetKind>("asset_kind");
            rule.once("asset_kind", asset_kind, &mut seen);
            rule.keep_integer("advance_rate_bp", 0..=WHOLE_BP);
            rule.keep_integer("haircut_bp", 0..=WHOLE_BP)
        })
    });
    data.kept()
}
