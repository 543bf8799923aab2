mod collateral;
mod risk;

use serde_json::{Value, json};
use shared::{
    http::{Fields, one_of, without_nulls},
    ids::{AgentId, AllocatorId, FacilityId, Sub},
    money::{AmountMinor, Currency},
    settlement::Text,
};

/// Those that the platform registers; itself is the deployment's to register.
const AGENT_KINDS: [&str; 3] = ["escrow", "settlement", "collateral"];

/// What the platform can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    AllocatorOnboarded,
    MemberGranted,
    MemberRevoked,
    AgentRegistered,
    FacilityOpened,
    PartyRecorded,
    RulesRecorded,
    FacilityRiskUpdated,
    RatingsRecorded,
    CapitalDeposited,
    CapitalWithdrawn,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::AllocatorOnboarded,
        Self::MemberGranted,
        Self::MemberRevoked,
        Self::AgentRegistered,
        Self::FacilityOpened,
        Self::PartyRecorded,
        Self::RulesRecorded,
        Self::FacilityRiskUpdated,
        Self::RatingsRecorded,
        Self::CapitalDeposited,
        Self::CapitalWithdrawn,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AllocatorOnboarded => "allocator.onboarded",
            Self::MemberGranted => "member.granted",
            Self::MemberRevoked => "member.revoked",
            Self::AgentRegistered => "agent.registered",
            Self::FacilityOpened => "facility.opened",
            Self::PartyRecorded => "party.recorded",
            Self::RulesRecorded => "rules.recorded",
            Self::FacilityRiskUpdated => "facility.risk_updated",
            Self::RatingsRecorded => "ratings.recorded",
            Self::CapitalDeposited => "capital.deposited",
            Self::CapitalWithdrawn => "capital.withdrawn",
        }
    }
}

pub(crate) fn kind(text: &str) -> Result<Kind, &'static str> {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or("must be an event type of the platform")
}

/// The event's members for the database: the ones that were checked and no others.
pub(crate) fn data(kind: Kind, data: &mut Fields) -> Option<Value> {
    match kind {
        Kind::AllocatorOnboarded => {
            let allocator_id = data.required::<AllocatorId>("allocator_id");
            let legal_name = data.required::<Text>("legal_name");
            Some(
                json!({"allocator_id": allocator_id?.to_string(), "legal_name": legal_name?.as_str()}),
            )
        }
        Kind::MemberGranted | Kind::MemberRevoked => {
            let allocator_id = data.required::<AllocatorId>("allocator_id");
            let sub = data.required::<Sub>("sub");
            let role =
                data.required_with("role", |text| one_of(text, &["viewer", "maker", "checker"]));
            Some(
                json!({"allocator_id": allocator_id?.to_string(), "sub": sub?.to_string(), "role": role?}),
            )
        }
        Kind::AgentRegistered => {
            let agent_id = data.required::<AgentId>("agent_id");
            let kind = data.required_with("kind", |text| one_of(text, &AGENT_KINDS));
            let name = data.required::<Text>("name");
            Some(json!({"agent_id": agent_id?.as_str(), "kind": kind?, "name": name?.as_str()}))
        }
        Kind::FacilityOpened => facility(data),
        Kind::PartyRecorded => collateral::party(data),
        Kind::RulesRecorded => collateral::rules(data),
        Kind::FacilityRiskUpdated => risk::profile(data),
        Kind::RatingsRecorded => risk::matrix(data),
        Kind::CapitalDeposited | Kind::CapitalWithdrawn => {
            let allocator_id = data.required::<AllocatorId>("allocator_id");
            let amount_minor = data.required::<AmountMinor>("amount_minor");
            let currency = data.required::<Currency>("currency");
            let reference = data.required::<Text>("reference");
            Some(json!({
                "allocator_id": allocator_id?.to_string(),
                "amount_minor": amount_minor?.to_string(),
                "currency": currency?.code(),
                "reference": reference?.as_str(),
            }))
        }
    }
}

fn facility(data: &mut Fields) -> Option<Value> {
    let facility_id = data.required::<FacilityId>("facility_id");
    let name = data.required::<Text>("name");
    let currency = data.required::<Currency>("currency");
    let limit_minor = data.required::<AmountMinor>("limit_minor");
    let escrow_agent = data.required::<AgentId>("escrow_agent");
    let settlement_agent = data.required::<AgentId>("settlement_agent");
    let secured = data.boolean("secured");
    let security = security(secured, data);
    let (collateral_agent, lead_allocator_id) = security?;
    Some(without_nulls(json!({
        "facility_id": facility_id?.to_string(),
        "name": name?.as_str(),
        "currency": currency?.code(),
        "limit_minor": limit_minor?.to_string(),
        "escrow_agent": escrow_agent?.as_str(),
        "settlement_agent": settlement_agent?.as_str(),
        "secured": secured?,
        "collateral_agent": collateral_agent.as_ref().map(AgentId::as_str),
        "lead_allocator_id": lead_allocator_id.map(|id| id.to_string()),
    })))
}

/// Who reports collateral and who releases it: both where there is any, neither where there is none.
fn security(
    secured: Option<bool>,
    data: &mut Fields,
) -> Option<(Option<AgentId>, Option<AllocatorId>)> {
    if secured == Some(true) {
        let collateral_agent = data.required("collateral_agent");
        let lead_allocator_id = data.required("lead_allocator_id");
        return Some((Some(collateral_agent?), Some(lead_allocator_id?)));
    }
    for name in ["collateral_agent", "lead_allocator_id"] {
        match secured {
            Some(_) => data.absent(name, "goes with a secured facility only"),
            None => data.skip(name),
        };
    }
    Some((None, None))
}

#[cfg(test)]
mod tests {
    use shared::http::{Problem, read_body};

    use super::*;

    const ID: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

    fn good(kind: Kind) -> Value {
        match kind {
            Kind::AllocatorOnboarded => {
                json!({"allocator_id": ID, "legal_name": "Aurora Pension Fund"})
            }
            Kind::MemberGranted | Kind::MemberRevoked => {
                json!({"allocator_id": ID, "sub": ID, "role": "maker"})
            }
            Kind::AgentRegistered => {
                json!({"agent_id": "escrow-one", "kind": "escrow", "name": "Escrow One"})
            }
            Kind::FacilityOpened => json!({
                "facility_id": ID, "name": "Senior", "currency": "USD", "limit_minor": "100",
                "escrow_agent": "escrow-one", "settlement_agent": "settle-one", "secured": true,
                "collateral_agent": "collateral-one", "lead_allocator_id": ID,
            }),
            Kind::PartyRecorded => json!({
                "facility_id": ID, "party_id": ID, "legal_name": "Midland Receivables LLC",
                "organic_name": "Midland Receivables LLC", "jurisdiction": "US-DE",
                "organisation_number": "7654321", "lei": "5493001KJTIIGC8Y1R12",
            }),
            Kind::RulesRecorded => json!({
                "facility_id": ID, "concentration_cap_bp": 2_500, "coverage_floor_bp": 11_000,
                "valuation_age_max_days": 30, "receipt_age_max_days": 30, "lapse_guard_days": 90,
                "reserves_minor": "0",
                "kinds": [{"asset_kind": "receivable", "advance_rate_bp": 8_500, "haircut_bp": 0}],
            }),
            Kind::FacilityRiskUpdated => json!({
                "facility_id": ID, "pd_ppb": 10_000_000, "lgd": {"mean_ppb": 400_000_000},
                "loadings_ppb": [450_000_000],
            }),
            Kind::RatingsRecorded => json!({
                "ratings": [{"rating": "BB", "probabilities_ppb": [980_000_000, 20_000_000], "losses_ppb": [0]}],
            }),
            Kind::CapitalDeposited | Kind::CapitalWithdrawn => {
                json!({"allocator_id": ID, "amount_minor": "100", "currency": "USD", "reference": "wire 1"})
            }
        }
    }

    fn read(kind: Kind, body: &Value) -> Result<Value, Problem> {
        read_body(body.to_string().as_bytes(), |fields| data(kind, fields))
    }

    #[test]
    fn each_type_takes_its_own_members_and_all_of_them() {
        for kind in Kind::ALL {
            assert_eq!(super::kind(kind.as_str()), Ok(kind));
            let whole = good(kind);
            assert_eq!(read(kind, &whole).unwrap(), whole, "{kind:?}");
            for member in whole.as_object().unwrap().keys() {
                for wrong in [
                    None,
                    Some(Value::Null),
                    Some(json!(-1)),
                    Some(json!("")),
                    Some(json!("\0")),
                ] {
                    let mut body = whole.clone();
                    match wrong {
                        Some(value) => body[member] = value,
                        None => drop(body.as_object_mut().unwrap().remove(member)),
                    }
                    assert!(
                        matches!(read(kind, &body), Err(Problem::Invalid(_))),
                        "{kind:?} {body}"
                    );
                }
            }
            let mut more = whole.clone();
            more["more"] = json!("x");
            assert!(
                matches!(read(kind, &more), Err(Problem::Invalid(_))),
                "{kind:?}"
            );
        }
        assert!(super::kind("allocator.closed").is_err());
    }

    #[test]
    fn roles_and_kinds_are_closed_lists() {
        let mut member = good(Kind::MemberGranted);
        member["role"] = json!("admin");
        assert!(read(Kind::MemberGranted, &member).is_err());
        let mut agent = good(Kind::AgentRegistered);
        agent["kind"] = json!("platform");
        assert!(read(Kind::AgentRegistered, &agent).is_err());
        for kind in AGENT_KINDS {
            agent["kind"] = json!(kind);
            assert!(read(Kind::AgentRegistered, &agent).is_ok());
        }
    }

    #[test]
    fn a_facility_without_collateral_says_so_and_names_nobody_for_it() {
        let secured = good(Kind::FacilityOpened);
        let mut unsecured = secured.clone();
        unsecured["secured"] = json!(false);
        assert_eq!(
            errors(Kind::FacilityOpened, &unsecured),
            json!([
                {"pointer": "/collateral_agent", "detail": "goes with a secured facility only"},
                {"pointer": "/lead_allocator_id", "detail": "goes with a secured facility only"},
            ])
        );
        for name in ["collateral_agent", "lead_allocator_id"] {
            unsecured[name] = Value::Null;
        }
        let read = read(Kind::FacilityOpened, &unsecured).unwrap();
        assert_eq!(read["secured"], json!(false));
        assert!(read.get("collateral_agent").is_none());
        for wrong in [json!("true"), json!(1), json!(null)] {
            let mut body = secured.clone();
            body["secured"] = wrong;
            assert_eq!(
                errors(Kind::FacilityOpened, &body),
                json!([{"pointer": "/secured", "detail": "must be true or false"}])
            );
        }
    }

    fn errors(kind: Kind, body: &Value) -> Value {
        match read(kind, body) {
            Err(Problem::Invalid(errors)) => json!(errors),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn members_of_parties_and_rules_have_their_forms() {
        for (kind, pointer, wrong) in [
            (Kind::PartyRecorded, "/lei", json!("5493001KJTIIGC8Y1R13")),
            (Kind::PartyRecorded, "/bic", json!("DEUT1EFF")),
            (Kind::PartyRecorded, "/jurisdiction", json!("US-ZZ")),
            (Kind::PartyRecorded, "/organic_name", json!("a".repeat(301))),
            (
                Kind::PartyRecorded,
                "/organisation_number",
                json!("1".repeat(41)),
            ),
            (Kind::RulesRecorded, "/concentration_cap_bp", json!(0)),
            (Kind::RulesRecorded, "/concentration_cap_bp", json!(10_001)),
            (Kind::RulesRecorded, "/coverage_floor_bp", json!(1_000_001)),
            (Kind::RulesRecorded, "/valuation_age_max_days", json!(3_661)),
            (Kind::RulesRecorded, "/receipt_age_max_days", json!(1.5)),
            (Kind::RulesRecorded, "/lapse_guard_days", json!("90")),
            (
                Kind::RulesRecorded,
                "/reserves_minor",
                json!("1000000000000000000"),
            ),
            (Kind::RulesRecorded, "/kinds", json!([])),
            (
                Kind::RulesRecorded,
                "/kinds/0/asset_kind",
                json!("Receivable"),
            ),
            (
                Kind::RulesRecorded,
                "/kinds/0/advance_rate_bp",
                json!(10_001),
            ),
            (Kind::RulesRecorded, "/kinds/0/haircut_bp", json!(-1)),
        ] {
            let mut body = good(kind);
            if pointer == "/bic" {
                body["bic"] = json!("DEUTDEFF500");
                assert_eq!(read(kind, &body).unwrap(), body);
            }
            *body.pointer_mut(pointer).unwrap() = wrong;
            assert_eq!(errors(kind, &body)[0]["pointer"], pointer);
        }
        let mut twice = good(Kind::RulesRecorded);
        let kind = twice["kinds"][0].clone();
        twice["kinds"].as_array_mut().unwrap().push(kind);
        assert_eq!(
            errors(Kind::RulesRecorded, &twice),
            json!([{"pointer": "/kinds/1/asset_kind", "detail": "must not be repeated"}])
        );
    }
}
