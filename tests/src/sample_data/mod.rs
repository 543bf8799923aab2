//! The sample data: two allocators, their people, the agents and the facilities.
//!
//! It is created through the platform's own signed webhooks. Ids and deliveries are fixed, so that
//! creating it again changes nothing: each delivery is then a duplicate.

mod agent;
mod book;
mod client;
mod collateral;
mod onboarding;

pub use agent::{AGENTS, Agent, Kind, Scheme, agent_of};
pub use book::book;
pub use client::{AgentClient, PersonClient, delivery, idempotency_key, value_date};
pub use collateral::{
    COLLATERAL_AGENT, Party, SecuredTerms, WebhookEvent, custodian, filed_to_lapse_on, kind_rule,
    lei,
};
pub use onboarding::{OCCURRED_AT, Step, steps};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

/// An allocator of capital.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocator {
    /// Its id.
    pub id: Uuid,
    /// Its legal name.
    pub name: &'static str,
}

/// A person with a Supabase account, member of one allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// What we call them.
    pub name: &'static str,
    /// What the platform calls them.
    pub display_name: &'static str,
    /// Their `sub`.
    pub sub: Uuid,
    /// Whose member they are.
    pub allocator: Allocator,
    /// viewer, maker, checker.
    pub roles: &'static [&'static str],
}

/// A credit facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: &'static str,
    /// ISO 4217.
    pub currency: &'static str,
    /// How much capital it takes, in minor units.
    pub limit_minor: u64,
    /// The agent that holds the money on its way.
    pub escrow_agent: &'static str,
    /// The agent that reports completion.
    pub settlement_agent: &'static str,
    /// The collateral agent, and the allocator whose members release collateral; `None` if the facility is unsecured.
    pub security: Option<(&'static str, Allocator)>,
}

impl Facility {
    /// The data of its facility.opened.
    #[must_use]
    pub fn data(&self) -> Value {
        let mut data = json!({
            "facility_id": self.id.to_string(),
            "name": self.name,
            "currency": self.currency,
            "limit_minor": self.limit_minor.to_string(),
            "escrow_agent_id": self.escrow_agent,
            "settlement_agent_id": self.settlement_agent,
            "secured": self.security.is_some(),
        });
        if let Some((agent, lead)) = self.security {
            data["collateral_agent_id"] = json!(agent);
            data["lead_allocator_id"] = json!(lead.id.to_string());
        }
        data
    }
}

/// A pension fund; most people here are its members.
pub const AURORA: Allocator = Allocator {
    id: uuid!("a0000000-0000-4000-8000-000000000001"),
    name: "Aurora Pension Fund",
};
/// An insurer: the stranger who must see nothing of Aurora's.
pub const BOREALIS: Allocator = Allocator {
    id: uuid!("b0000000-0000-4000-8000-000000000001"),
    name: "Borealis Insurance",
};

const fn person(
    name: &'static str,
    display_name: &'static str,
    sub: Uuid,
    allocator: Allocator,
    roles: &'static [&'static str],
) -> Person {
    Person {
        name,
        display_name,
        sub,
        allocator,
        roles,
    }
}

/// All people.
pub const PEOPLE: [Person; 5] = [
    person(
        "alice",
        "Alice Moore",
        uuid!("a1000000-0000-4000-8000-000000000001"),
        AURORA,
        &["maker"],
    ),
    person(
        "bob",
        "Bob Tanaka",
        uuid!("a1000000-0000-4000-8000-000000000002"),
        AURORA,
        &["checker"],
    ),
    person(
        "carol",
        "Carol Singh",
        uuid!("a1000000-0000-4000-8000-000000000003"),
        AURORA,
        &["viewer"],
    ),
    // Dave holds both roles, but cannot check his own proposals.
    person(
        "dave",
        "Dave Okafor",
        uuid!("a1000000-0000-4000-8000-000000000004"),
        AURORA,
        &["maker", "checker"],
    ),
    person(
        "mallory",
        "Mallory Vance",
        uuid!("b1000000-0000-4000-8000-000000000001"),
        BOREALIS,
        &["maker", "checker"],
    ),
];

/// The facility in US dollars.
pub const USD_FACILITY: Facility = Facility {
    id: uuid!("f0000000-0000-4000-8000-000000000001"),
    name: "Harbor Trade Receivables",
    currency: "USD",
    limit_minor: 50_000_000_000,
    escrow_agent: "escrow-one",
    settlement_agent: "settle-one",
    security: None,
};
/// The facility in euros.
pub const EUR_FACILITY: Facility = Facility {
    id: uuid!("f0000000-0000-4000-8000-000000000002"),
    name: "Alpine Infrastructure Loans",
    currency: "EUR",
    limit_minor: 20_000_000_000,
    escrow_agent: "escrow-one",
    settlement_agent: "settle-one",
    security: None,
};
/// The facility that lends against receivables, in US dollars.
pub const SECURED_FACILITY: Facility = Facility {
    id: uuid!("f0000000-0000-4000-8000-000000000003"),
    name: "Granite Receivables",
    currency: "USD",
    limit_minor: 50_000_000_000,
    escrow_agent: "escrow-one",
    settlement_agent: "settle-one",
    security: Some((COLLATERAL_AGENT, AURORA)),
};
/// All facilities.
pub const FACILITIES: [Facility; 3] = [USD_FACILITY, EUR_FACILITY, SECURED_FACILITY];

/// The platform's agent, the only one that the `migrate` function registers by itself.
pub const PLATFORM: &str = "optkas-platform";

/// The person of that name.
pub fn find_person(name: &str) -> Result<Person> {
    let known = || PEOPLE.map(|person| person.name).join(", ");
    PEOPLE
        .into_iter()
        .find(|person| person.name == name)
        .with_context(|| format!("there is no {name}; known: {}", known()))
}
