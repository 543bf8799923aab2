use serde_json::{Value, json};
use shared::{
    http::Fields,
    ids::{AgentId, AllocatorId, FacilityId, Sub},
    money::{AmountMinor, Currency},
    settlement::Text,
};

/// What the platform can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    AllocatorOnboarded,
    MemberGranted,
    MemberRevoked,
    AgentRegistered,
    FacilityOpened,
    CapitalDeposited,
    CapitalWithdrawn,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::AllocatorOnboarded,
        Self::MemberGranted,
        Self::MemberRevoked,
        Self::AgentRegistered,
        Self::FacilityOpened,
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
            let kind = data.required_with("kind", |text| one_of(text, &["escrow", "settlement"]));
            let name = data.required::<Text>("name");
            Some(json!({"agent_id": agent_id?.as_str(), "kind": kind?, "name": name?.as_str()}))
        }
        Kind::FacilityOpened => facility(data),
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
    Some(json!({
        "facility_id": facility_id?.to_string(),
        "name": name?.as_str(),
        "currency": currency?.code(),
        "limit_minor": limit_minor?.to_string(),
        "escrow_agent": escrow_agent?.as_str(),
        "settlement_agent": settlement_agent?.as_str(),
    }))
}

fn one_of(text: &str, words: &[&'static str]) -> Result<&'static str, String> {
    words
        .iter()
        .find(|word| **word == text)
        .copied()
        .ok_or_else(|| format!("must be one of {}", words.join(", ")))
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
                "escrow_agent": "escrow-one", "settlement_agent": "settle-one",
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
                    Some(json!(1)),
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
    }
}
