mod collateral;
mod risk;

use std::{fmt::Display, str::FromStr};

use serde_json::Value;
use shared::{
    http::{Fields, one_of, webhook::Webhook},
    ids::{AgentId, AllocatorId, FacilityId, Sub},
    money::{AmountMinor, Currency, CurrencyCode},
    settlement::Text,
};

/// The kinds of agents that the platform registers. The deployment registers the platform itself.
const AGENT_KINDS: [&str; 3] = ["escrow", "settlement", "collateral"];

/// What the platform reports. Each reader gives the members for the database: the checked ones and no others.
pub(crate) const WEBHOOK: Webhook<Value> = Webhook {
    events: &[
        ("allocator.onboarded", allocator),
        ("member.granted", granted),
        ("member.named", named),
        ("member.name_erased", unnamed),
        ("member.revoked", member),
        ("agent.registered", agent),
        ("facility.opened", facility),
        ("facility.admitted", admission),
        ("facility.excluded", admission),
        ("party.recorded", collateral::party),
        ("rules.recorded", collateral::rules),
        ("dispute.decided", collateral::dispute),
        ("facility.risk_updated", risk::profile),
        ("ratings.recorded", risk::matrix),
        ("capital.deposited", deposit),
        ("capital.withdrawn", withdrawal),
    ],
    unknown: "must be an event type of the platform",
};

fn allocator(data: &mut Fields) -> Option<Value> {
    data.keep::<AllocatorId>("allocator_id");
    data.keep::<Text>("legal_name");
    data.kept()
}

fn member(data: &mut Fields) -> Option<Value> {
    data.keep::<AllocatorId>("allocator_id");
    data.keep::<Sub>("sub");
    data.keep_with("role", |text| one_of(text, &["viewer", "maker", "checker"]));
    data.kept()
}

/// A role, and what to call the person, which may be left out.
fn granted(data: &mut Fields) -> Option<Value> {
    data.given("display_name", display_name);
    member(data)
}

fn named(data: &mut Fields) -> Option<Value> {
    display_name(data, "display_name");
    unnamed(data)
}

fn unnamed(data: &mut Fields) -> Option<Value> {
    data.keep::<AllocatorId>("allocator_id");
    data.keep::<Sub>("sub");
    data.kept()
}

/// A person's name. Its salt goes no further than here: it is in the request's bytes alone, so that who has their hash,
/// from the ledger or the published log, cannot tell whether a guessed name is right.
fn display_name(data: &mut Fields, name: &str) -> Option<()> {
    data.keep_object(name, |name| {
        name.keep::<Text>("text");
        name.required_with("salt", salt);
    })
}

/// At least 128 bits in base64url.
fn salt(text: &str) -> Result<(), &'static str> {
    let letters = text
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
    if letters && (22..=86).contains(&text.len()) {
        return Ok(());
    }
    Err("must be 22 to 86 characters of base64url, drawn at random for this event")
}

fn agent(data: &mut Fields) -> Option<Value> {
    data.keep::<AgentId>("agent_id");
    data.keep_with("kind", |text| one_of(text, &AGENT_KINDS));
    data.keep::<Text>("name");
    data.kept()
}

fn deposit(data: &mut Fields) -> Option<Value> {
    capital::<Currency>(data)
}

/// What is there may be withdrawn, whatever has become of its currency.
fn withdrawal(data: &mut Fields) -> Option<Value> {
    capital::<CurrencyCode>(data)
}

fn capital<C>(data: &mut Fields) -> Option<Value>
where
    C: FromStr + Display,
    C::Err: Display,
{
    data.keep::<AllocatorId>("allocator_id");
    data.keep::<AmountMinor>("amount_minor");
    data.keep::<C>("currency");
    data.keep::<Text>("reference");
    data.kept()
}

fn facility(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep::<Text>("name");
    data.keep::<Currency>("currency");
    data.keep::<AmountMinor>("limit_minor");
    data.keep::<AgentId>("escrow_agent_id");
    data.keep::<AgentId>("settlement_agent_id");
    let secured = data.keep_boolean("secured");
    security(secured, data);
    data.kept()
}

fn admission(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    data.keep::<AllocatorId>("allocator_id");
    data.kept()
}

/// The agent that reports collateral and the allocator that releases it: both in a secured facility, neither in
/// another.
fn security(secured: Option<bool>, data: &mut Fields) {
    if secured == Some(true) {
        data.keep::<AgentId>("collateral_agent_id");
        data.keep::<AllocatorId>("lead_allocator_id");
        return;
    }
    for name in ["collateral_agent_id", "lead_allocator_id"] {
        match secured {
            Some(_) => data.absent(name, "goes with a secured facility only"),
            None => data.skip(name),
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::http::{Problem, read_body};

    use super::*;

    const ID: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

    fn good(kind: &str) -> Value {
        match kind {
            "allocator.onboarded" => {
                json!({"allocator_id": ID, "legal_name": "Aurora Pension Fund"})
            }
            "member.granted" | "member.revoked" => {
                json!({"allocator_id": ID, "sub": ID, "role": "maker"})
            }
            "member.named" => json!({
                "allocator_id": ID, "sub": ID,
                "display_name": {"text": "Alice Moore", "salt": "A".repeat(22)},
            }),
            "member.name_erased" => json!({"allocator_id": ID, "sub": ID}),
            "agent.registered" => {
                json!({"agent_id": "escrow-one", "kind": "escrow", "name": "Escrow One"})
            }
            "facility.opened" => json!({
                "facility_id": ID, "name": "Senior", "currency": "USD", "limit_minor": "100",
                "escrow_agent_id": "escrow-one", "settlement_agent_id": "settle-one", "secured": true,
                "collateral_agent_id": "collateral-one", "lead_allocator_id": ID,
            }),
            "facility.admitted" | "facility.excluded" => {
                json!({"facility_id": ID, "allocator_id": ID})
            }
            "party.recorded" => json!({
                "facility_id": ID, "party_id": ID, "legal_name": "Midland Receivables LLC",
                "organic_name": "Midland Receivables LLC", "jurisdiction": "US-DE",
                "organisation_number": "7654321", "lei": "5493001KJTIIGC8Y1R12",
            }),
            "rules.recorded" => json!({
                "facility_id": ID, "concentration_cap_bp": 2_500, "coverage_floor_bp": 11_000,
                "valuation_age_max_days": 30, "receipt_age_max_days": 30, "lapse_guard_days": 90,
                "reserves_minor": "0",
                "kinds": [{"asset_kind": "receivable", "advance_rate_bp": 8_500, "haircut_bp": 0}],
            }),
            "dispute.decided" => json!({"facility_id": ID, "filing_id": ID}),
            "facility.risk_updated" => json!({
                "facility_id": ID, "pd_ppb": 10_000_000, "lgd": {"mean_ppb": 400_000_000},
                "loadings_ppb": [450_000_000],
            }),
            "ratings.recorded" => json!({
                "ratings": [{"rating": "BB", "probabilities_ppb": [980_000_000, 20_000_000], "losses_ppb": [0]}],
            }),
            "capital.deposited" | "capital.withdrawn" => {
                json!({"allocator_id": ID, "amount_minor": "100", "currency": "USD", "reference": "wire 1"})
            }
            other => panic!("{other} has no example"),
        }
    }

    fn read(kind: &str, body: &Value) -> Result<Value, Problem> {
        let (_, read) = WEBHOOK
            .events
            .iter()
            .find(|(name, _)| *name == kind)
            .unwrap();
        read_body(body.to_string().as_bytes(), read)
    }

    #[test]
    fn each_type_takes_its_own_members_and_all_of_them() {
        for (kind, _) in WEBHOOK.events {
            let whole = good(kind);
            assert_eq!(read(kind, &whole).unwrap(), kept(&whole), "{kind:?}");
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
    }

    /// What the database gets of an event: all but the salt of a name.
    fn kept(whole: &Value) -> Value {
        let mut kept = whole.clone();
        if let Some(name) = kept.get_mut("display_name").and_then(Value::as_object_mut) {
            name.remove("salt");
        }
        kept
    }

    #[test]
    fn a_name_has_a_text_without_invisible_characters_and_a_salt() {
        let named = good("member.named");
        let mut granted = good("member.granted");
        assert_eq!(read("member.granted", &granted).unwrap(), granted);
        granted["display_name"] = named["display_name"].clone();
        assert_eq!(read("member.granted", &granted).unwrap(), kept(&granted));
        let long = "a".repeat(141);
        for (member, wrong) in [
            ("text", Value::Null),
            ("text", json!("")),
            ("text", json!(long)),
            ("text", json!("Alice\u{200b}Moore")),
            ("text", json!("Alice\nMoore")),
            ("text", json!("\u{202e}Moore")),
            ("salt", Value::Null),
            ("salt", json!("A".repeat(21))),
            ("salt", json!("A".repeat(87))),
            ("salt", json!(format!("{}=", "A".repeat(22)))),
            ("more", json!("x")),
        ] {
            for (kind, whole) in [("member.named", &named), ("member.granted", &granted)] {
                let mut body = whole.clone();
                body["display_name"][member] = wrong.clone();
                let found = errors(kind, &body);
                let pointer = format!("/display_name/{member}");
                assert_eq!(found[0]["pointer"], pointer, "{kind} {body}");
                assert!(!found.to_string().contains("Moore"), "{found}");
            }
        }
    }

    #[test]
    fn roles_and_kinds_are_closed_lists() {
        let mut member = good("member.granted");
        member["role"] = json!("admin");
        assert!(read("member.granted", &member).is_err());
        let mut agent = good("agent.registered");
        agent["kind"] = json!("platform");
        assert!(read("agent.registered", &agent).is_err());
        for kind in AGENT_KINDS {
            agent["kind"] = json!(kind);
            assert!(read("agent.registered", &agent).is_ok());
        }
    }

    #[test]
    fn a_facility_without_collateral_says_so_and_names_nobody_for_it() {
        let secured = good("facility.opened");
        let mut unsecured = secured.clone();
        unsecured["secured"] = json!(false);
        assert_eq!(
            errors("facility.opened", &unsecured),
            json!([
                {"pointer": "/collateral_agent_id", "detail": "goes with a secured facility only"},
                {"pointer": "/lead_allocator_id", "detail": "goes with a secured facility only"},
            ])
        );
        for name in ["collateral_agent_id", "lead_allocator_id"] {
            unsecured.as_object_mut().unwrap().remove(name);
        }
        let read = read("facility.opened", &unsecured).unwrap();
        assert_eq!(read["secured"], json!(false));
        assert!(read.get("collateral_agent_id").is_none());
        for wrong in [json!("true"), json!(1), json!(null)] {
            let mut body = secured.clone();
            body["secured"] = wrong;
            assert_eq!(
                errors("facility.opened", &body),
                json!([{"pointer": "/secured", "detail": "must be true or false"}])
            );
        }
    }

    fn errors(kind: &str, body: &Value) -> Value {
        match read(kind, body) {
            Err(Problem::Invalid(errors)) => json!(errors),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn members_of_parties_and_rules_have_their_forms() {
        for (kind, pointer, wrong) in [
            ("party.recorded", "/lei", json!("5493001KJTIIGC8Y1R13")),
            ("party.recorded", "/bic", json!("DEUT1EFF")),
            ("party.recorded", "/jurisdiction", json!("US-ZZ")),
            ("party.recorded", "/organic_name", json!("a".repeat(301))),
            (
                "party.recorded",
                "/organisation_number",
                json!("1".repeat(41)),
            ),
            ("rules.recorded", "/concentration_cap_bp", json!(0)),
            ("rules.recorded", "/concentration_cap_bp", json!(10_001)),
            ("rules.recorded", "/coverage_floor_bp", json!(1_000_001)),
            ("rules.recorded", "/valuation_age_max_days", json!(3_661)),
            ("rules.recorded", "/receipt_age_max_days", json!(1.5)),
            ("rules.recorded", "/lapse_guard_days", json!("90")),
            (
                "rules.recorded",
                "/reserves_minor",
                json!("1000000000000000000"),
            ),
            ("rules.recorded", "/kinds", json!([])),
            ("rules.recorded", "/kinds/0/asset_kind", json!("Receivable")),
            ("rules.recorded", "/kinds/0/advance_rate_bp", json!(10_001)),
            ("rules.recorded", "/kinds/0/haircut_bp", json!(-1)),
        ] {
            let mut body = good(kind);
            if pointer == "/bic" {
                body["bic"] = json!("DEUTDEFF500");
                assert_eq!(read(kind, &body).unwrap(), body);
            }
            *body.pointer_mut(pointer).unwrap() = wrong;
            assert_eq!(errors(kind, &body)[0]["pointer"], pointer);
        }
        let mut twice = good("rules.recorded");
        let kind = twice["kinds"][0].clone();
        twice["kinds"].as_array_mut().unwrap().push(kind);
        assert_eq!(
            errors("rules.recorded", &twice),
            json!([{"pointer": "/kinds/1/asset_kind", "detail": "must not be repeated"}])
        );
    }
}
