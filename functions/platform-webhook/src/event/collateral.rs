//! What collateral is held against: who the parties are, and by which rules.

use std::{collections::HashSet, ops::RangeInclusive};

use serde_json::{Value, json};
use shared::{
    collateral::{AssetKind, Bic, Jurisdiction, LegalName, Lei, OrganisationNumber},
    http::{Fields, without_nulls},
    ids::{FacilityId, PartyId},
    money::ReservesMinor,
};

/// The whole, in basis points.
const WHOLE_BP: i64 = 10_000;
/// A hundred times what is drawn, in basis points.
const COVERAGE_BP_MAX: i64 = 1_000_000;
/// Ten years and some.
const DAYS: RangeInclusive<i64> = 0..=3_660;
const KINDS_MAX: usize = 64;

/// `party.recorded`: a party, or its new name or jurisdiction.
pub(super) fn party(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let party_id = data.required::<PartyId>("party_id");
    let legal_name = data.required::<LegalName>("legal_name");
    let organic_name = data.required::<LegalName>("organic_name");
    let jurisdiction = data.required::<Jurisdiction>("jurisdiction");
    let organisation_number = data.required::<OrganisationNumber>("organisation_number");
    let lei = data.required::<Lei>("lei");
    let bic = data.optional::<Bic>("bic");
    Some(without_nulls(json!({
        "facility_id": facility_id?.to_string(),
        "party_id": party_id?.to_string(),
        "legal_name": legal_name?.as_str(),
        "organic_name": organic_name?.as_str(),
        "jurisdiction": jurisdiction?.as_str(),
        "organisation_number": organisation_number?.as_str(),
        "lei": lei?.as_str(),
        "bic": bic?.as_ref().map(Bic::as_str),
    })))
}

/// `rules.recorded`: the next version of a facility's eligibility rules.
pub(super) fn rules(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let concentration_cap_bp = data.integer("concentration_cap_bp", 1..=WHOLE_BP);
    let coverage_floor_bp = data.integer("coverage_floor_bp", 0..=COVERAGE_BP_MAX);
    let valuation_age_max_days = data.integer("valuation_age_max_days", DAYS);
    let receipt_age_max_days = data.integer("receipt_age_max_days", DAYS);
    let lapse_guard_days = data.integer("lapse_guard_days", DAYS);
    let reserves_minor = data.required::<ReservesMinor>("reserves_minor");
    let mut seen = HashSet::new();
    let kinds = data.array("kinds", 1..=KINDS_MAX, |kinds, index| {
        kinds.object(index, |rule| {
            let asset_kind = rule.required::<AssetKind>("asset_kind");
            let asset_kind = rule.once("asset_kind", asset_kind, &mut seen);
            let advance_rate_bp = rule.integer("advance_rate_bp", 0..=WHOLE_BP);
            let haircut_bp = rule.integer("haircut_bp", 0..=WHOLE_BP);
            Some(json!({
                "asset_kind": asset_kind?.as_str(),
                "advance_rate_bp": advance_rate_bp?,
                "haircut_bp": haircut_bp?,
            }))
        })
    });
    Some(json!({
        "facility_id": facility_id?.to_string(),
        "concentration_cap_bp": concentration_cap_bp?,
        "coverage_floor_bp": coverage_floor_bp?,
        "valuation_age_max_days": valuation_age_max_days?,
        "receipt_age_max_days": receipt_age_max_days?,
        "lapse_guard_days": lapse_guard_days?,
        "reserves_minor": reserves_minor?.to_string(),
        "kinds": kinds?,
    }))
}
