//! Each step x each actor, through the real endpoints: allowed actors take the step, all others get a named refusal.

use anyhow::{Context, Result};
use serde_json::json;
use tests::fixture::Fixture;
use tests::sample_data::{PEOPLE, USD_FACILITY, delivery, find_person, idempotency_key};

use super::{STATES, bring, is_legal, settlement_in};
use crate::direct::Direct;
use crate::isolation::proposed;
use crate::support::assert_books;

/// The state that the actor wants the settlement to go to.
#[derive(Clone, Copy)]
enum Action {
    Verify,
    Cancel,
    Report(&'static str),
}

impl Action {
    const ALL: [Self; 6] = [
        Self::Verify,
        Self::Cancel,
        Self::Report("escrow.funded"),
        Self::Report("escrow.failed"),
        Self::Report("settlement.completed"),
        Self::Report("settlement.failed"),
    ];

    /// The state it leads to, and the only states that it may start from.
    fn step(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Verify => ("VERIFIED", &["PENDING"]),
            Self::Cancel => ("CANCELLED", &["PENDING", "VERIFIED"]),
            Self::Report("escrow.funded") => ("ESCROWED", &["VERIFIED"]),
            Self::Report("escrow.failed") => ("FAILED", &["VERIFIED"]),
            Self::Report("settlement.completed") => ("SETTLED", &["ESCROWED"]),
            Self::Report(_) => ("FAILED", &["ESCROWED"]),
        }
    }

    fn actors(self) -> Vec<&'static str> {
        match self {
            Self::Report(kind) if kind.starts_with("escrow") => vec!["escrow-one"],
            Self::Report(_) => vec!["settle-one"],
            _ => PEOPLE.map(|person| person.name).to_vec(),
        }
    }

    /// The rule, written a second time and in another way than in the database.
    fn verdict(self, actor: &str, maker: &str, from: &str) -> &'static str {
        let (to, may_find) = self.step();
        if let Ok(person) = find_person(actor) {
            let has = |role| person.roles.contains(&role);
            let may = match self {
                Self::Verify => has("checker"),
                _ => has("checker") || has("maker"),
            };
            if !may {
                return "role-missing";
            }
            if person.name == "mallory" {
                return "not-found";
            }
            if matches!(self, Self::Verify) && actor == maker {
                return "four-eyes";
            }
        }
        if may_find.contains(&from) {
            assert!(is_legal(from, to), "{from} to {to}");
            "accepted"
        } else {
            "illegal-transition"
        }
    }

    fn ask(self, fixture: &Fixture, actor: &str, id: &str) -> Result<String> {
        let answer = match self {
            Self::Verify | Self::Cancel => {
                let action = if matches!(self, Self::Verify) {
                    "verify"
                } else {
                    "cancel"
                };
                fixture.person(actor).post_empty(
                    &format!("/v1/settlements/{id}/{action}"),
                    &idempotency_key(),
                )?
            }
            Self::Report(kind) => {
                let mut data =
                    json!({ "settlement_id": id, "facility_id": USD_FACILITY.id.to_string() });
                if kind.ends_with("failed") {
                    data["reason"] = json!("no funds");
                } else {
                    data["amount_minor"] = json!("1000");
                    data["currency"] = json!("USD");
                }
                fixture.agent(actor).deliver(&delivery(kind, &data))?
            }
        };
        let body = answer.json();
        let refusal = body["type"]
            .as_str()
            .and_then(|kind| kind.strip_prefix("urn:optkas:problem:"));
        Ok(refusal
            .unwrap_or_else(|| body["commitment"]["outcome"].as_str().unwrap_or("nothing"))
            .to_owned())
    }
}

#[test]
fn each_step_is_taken_only_by_those_allowed_to() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut direct = Direct::new(&fixture);
    for from in STATES {
        let mut id = settlement_in(&mut direct, from)?;
        for action in Action::ALL {
            for actor in action.actors() {
                let verdict = action.verdict(actor, "alice", from);
                assert_eq!(
                    action.ask(&fixture, actor, &id)?,
                    verdict,
                    "{actor} finds {from} and wants {}",
                    action.step().0
                );
                let status = direct
                    .read("get-settlement", "alice", &format!("'{id}'"))?
                    .body["status"]
                    .clone();
                let expected = if verdict == "accepted" {
                    action.step().0
                } else {
                    from
                };
                assert_eq!(status, expected, "{actor} found {from}");
                if verdict == "accepted" {
                    id = settlement_in(&mut direct, from)?;
                }
            }
        }
    }
    assert_books(&mut fixture.admin()?)
}

/// Dave holds both roles, but cannot check his own proposals.
#[test]
fn a_maker_who_is_also_a_checker_cannot_verify_his_own_settlement() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut direct = Direct::new(&fixture);
    for from in [
        "PENDING",
        "VERIFIED",
        "ESCROWED",
        "SETTLED",
        "CANCELLED",
        "FAILED",
    ] {
        let id = proposed(&mut direct, "dave", USD_FACILITY)?;
        bring(&mut direct, &id, from)?;
        assert_eq!(Action::Verify.verdict("dave", "dave", from), "four-eyes");
        assert_eq!(
            Action::Verify.ask(&fixture, "dave", &id)?,
            "four-eyes",
            "{from}"
        );
    }
    let id = proposed(&mut direct, "dave", USD_FACILITY)?;
    assert_eq!(Action::Verify.ask(&fixture, "bob", &id)?, "accepted");
    Ok(())
}

/// Each transition of a settlement names the actor of the step and its commitment.
/// A role counts when it is used; what was proposed under it stays.
#[test]
fn a_removed_makers_proposal_stays_for_a_checker() -> Result<()> {
    let fixture = Fixture::new()?;
    let [verified, cancelled] = [(); 2].map(|()| crate::settlements::pending(&fixture, 100));
    let (verified, cancelled) = (verified?, cancelled?);
    let alice = find_person("alice")?;
    for role in alice.roles {
        let revoked = json!({
            "allocator_id": alice.allocator.id, "sub": alice.sub, "role": role,
        });
        let answer = fixture
            .agent(tests::sample_data::PLATFORM)
            .deliver(&delivery("member.revoked", &revoked))?;
        assert_eq!(answer.status, 200, "{role}: {}", answer.text());
    }
    let asks = |person: &str, id: &str, action: &str| {
        let path = crate::settlements::of(id, action);
        let answer = fixture.person(person).post_empty(&path, &idempotency_key());
        answer.map(|answer| answer.status)
    };
    assert_eq!(asks("alice", &cancelled, "cancel")?, 403);
    assert_eq!(asks("bob", &cancelled, "cancel")?, 200);
    assert_eq!(asks("bob", &verified, "verify")?, 200);
    Ok(())
}

#[test]
fn each_transition_names_its_actor_and_its_commitment() -> Result<()> {
    let fixture = Fixture::new()?;
    let id = settlement_in(&mut Direct::new(&fixture), "SETTLED")?;
    let settlement = fixture
        .person("carol")
        .get(&format!("/v1/settlements/{id}"))?
        .json();
    let transitions = settlement["transitions"]
        .as_array()
        .context("transitions")?;
    let steps: Vec<String> = transitions
        .iter()
        .map(|step| {
            format!(
                "{} {} {} {} {}",
                step["seq"], step["from"], step["to"], step["actor"]["kind"], step["actor"]["id"]
            )
            .replace('"', "")
        })
        .collect();
    let sub = |name| find_person(name).map(|person| person.sub);
    assert_eq!(
        steps,
        [
            format!("1 null PENDING human {}", sub("alice")?),
            format!("2 PENDING VERIFIED human {}", sub("bob")?),
            "3 VERIFIED ESCROWED agent escrow-one".to_owned(),
            "4 ESCROWED SETTLED agent settle-one".to_owned(),
        ]
    );
    for step in transitions {
        let path = format!(
            "/v1/commitments/{}",
            step["commitment_id"].as_str().context("a commitment")?
        );
        let commitment = fixture.person("carol").get(&path)?.json();
        assert_eq!(
            (&commitment["outcome"], &commitment["actor"]),
            (&json!("accepted"), &step["actor"])
        );
    }
    Ok(())
}
