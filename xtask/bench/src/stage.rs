//! A database with many allocators, and a token for each of their people.
//!
//! The people and facilities are written set-based, as the superuser, with the audit triggers of their tables
//! off: onboarding is not measured. Their capital comes by the platform's signed webhooks, as in production. Their
//! tokens are entered as verified, as after each person's first request; `first` measures that request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tests::fixture::{Fixture, Services};
use tests::lambda::{Launch, Load};
use tests::progress::step;
use tests::sample_data::{PLATFORM, delivery, value_date};
use uuid::Uuid;

use super::events::Event;
use super::person::Person;
use super::sample::drive_through;

const MAKE: &str = include_str!("world.sql");

/// An allocator with those who act for it, and a facility of its own.
#[derive(Clone, Debug)]
pub(super) struct Allocator {
    pub(super) id: Uuid,
    pub(super) maker: Person,
    pub(super) checker: Person,
    pub(super) facility: Uuid,
}

/// A fixture with such allocators.
pub(super) struct Stage {
    pub(super) fixture: Fixture,
    pub(super) allocators: Vec<Allocator>,
    keys: AtomicU64,
}

impl Stage {
    /// So many allocators, each with more capital than a run moves.
    pub(super) fn new(services: &Arc<Services>, allocators: u32) -> Result<Self> {
        let fixture = Fixture::on(Arc::clone(services), services.copy_of_sample_data()?)?;
        let mut admin = fixture.admin()?;
        admin
            .batch_execute(&MAKE.replace("$number", &allocators.to_string()))
            .context("the allocators were not made")?;
        admin.batch_execute("vacuum analyze")?;
        let mut stage = Self {
            allocators: Vec::new(),
            fixture,
            keys: AtomicU64::new(0),
        };
        stage.allocators = (1..=allocators)
            .map(|number| stage.allocator(number))
            .collect();
        stage.present()?;
        Ok(stage)
    }

    /// Deposits capital for every allocator.
    pub(super) fn fund(&self) -> Result<()> {
        let agent = self.fixture.deployment().agent(PLATFORM)?;
        let deposits: Result<Vec<Vec<u8>>> = self
            .allocators
            .iter()
            .map(|allocator| {
                let data = json!({
                    "allocator_id": allocator.id.to_string(),
                    "amount_minor": "100000000000000",
                    "currency": "USD",
                    "reference": "bench",
                });
                let event = delivery("capital.deposited", &data);
                let request = agent.sign(&event.to_string());
                Ok(Event::new(&self.fixture, &request)?.bytes())
            })
            .collect();
        let load = Load::start(&self.launch("platform-webhook")?.scaled(4, 1))?;
        step("Depositing capital", || {
            drive_through(&load, deposits?, 200)
        })
        .map(drop)
    }

    /// The release binary of a function.
    pub(super) fn launch(&self, function: &str) -> Result<Launch> {
        self.fixture.launch(function)
    }

    /// The first allocators: as many as one run of pgbench has scripts for.
    pub(super) fn some(&self, number: usize) -> &[Allocator] {
        &self.allocators[..number.min(self.allocators.len())]
    }

    /// A number that no other request of this stage has.
    pub(super) fn numbers(&self) -> impl FnMut() -> u64 + Send + use<> {
        // Each caller has a billion numbers of its own.
        let mut next = self.keys.fetch_add(1, Ordering::Relaxed) * 1_000_000_000;
        move || {
            next += 1;
            next
        }
    }

    /// `POST /v1/settlements` by the allocator's maker.
    pub(super) fn create(&self, allocator: &Allocator, facility: Uuid) -> Result<Event> {
        let body = json!({
            "facility_id": facility.to_string(),
            "amount_minor": "100",
            "currency": "USD",
            "value_date": value_date(),
        });
        Event::mutation(
            &self.fixture,
            &allocator.maker,
            "/v1/settlements",
            Some(&body),
        )
    }

    /// One such request by each allocator, into its own facility.
    pub(super) fn creating(&self, allocators: &[Allocator]) -> Result<Vec<Event>> {
        let event = |allocator: &Allocator| self.create(allocator, allocator.facility);
        allocators.iter().map(event).collect()
    }

    /// These events in turn, without end, each with a new key where it has a place for one.
    pub(super) fn stream(&self, events: &[Event]) -> impl FnMut() -> Vec<u8> + Send + use<> {
        let (events, mut numbers) = (events.to_vec(), self.numbers());
        let mut at = 0;
        move || {
            at = (at + 1) % events.len();
            events[at].with_key(numbers())
        }
    }

    /// `POST /v1/settlements/{id}/verify` by the allocator's checker.
    pub(super) fn verify(&self, allocator: &Allocator, settlement: &str) -> Result<Event> {
        let path = format!("/v1/settlements/{settlement}/verify");
        Event::mutation(&self.fixture, &allocator.checker, &path, None)
    }

    /// Settlements of these allocators in turn, each into a facility that the caller chooses; answers their ids.
    pub(super) fn settlements(
        &self,
        allocators: &[Allocator],
        number: usize,
        facility: impl Fn(&Allocator) -> Uuid,
    ) -> Result<Vec<String>> {
        let events: Result<Vec<Event>> = allocators
            .iter()
            .map(|allocator| self.create(allocator, facility(allocator)))
            .collect();
        let events = events?;
        let mut numbers = self.numbers();
        let payloads = (0..number).map(|at| events[at % events.len()].with_key(numbers()));
        let load = Load::start(&self.launch("create-settlement")?.scaled(4, 1))?;
        let rest = drive_through(&load, payloads.collect(), 201)?;
        // Answers come in any order; each names its allocator.
        let mut by_allocator = std::collections::HashMap::<String, Vec<String>>::new();
        for answer in rest {
            let body = body(&answer)?;
            let member = |name: &str| body[name].as_str().map(str::to_owned).context("a text");
            by_allocator
                .entry(member("allocator_id")?)
                .or_default()
                .push(member("id")?);
        }
        (0..number)
            .map(|at| {
                let allocator = &allocators[at % allocators.len()];
                let ids = by_allocator.get_mut(&allocator.id.to_string());
                ids.and_then(Vec::pop).context("a settlement for each")
            })
            .collect()
    }

    /// The allocator with a token for its maker that the database does not know.
    pub(super) fn with_new_token(&self, allocator: &Allocator) -> Allocator {
        let mut changed = allocator.clone();
        changed.maker.token = self
            .fixture
            .issuer()
            .minter()
            .token(changed.maker.sub, "new");
        changed
    }

    fn allocator(&self, number: u32) -> Allocator {
        let minter = self.fixture.issuer().minter();
        let person = |family: &str| {
            let sub = id(family, number);
            let token = minter.token(sub, family);
            Person { sub, token }
        };
        Allocator {
            id: id("da", number),
            maker: person("db"),
            checker: person("dc"),
            facility: id("df", number),
        }
    }

    /// Enters every token as verified.
    fn present(&self) -> Result<()> {
        let people = || {
            let both =
                |allocator: &'_ Allocator| [allocator.maker.clone(), allocator.checker.clone()];
            self.allocators.iter().flat_map(both)
        };
        let tokens: Vec<String> = people().map(|person| person.token).collect();
        let subs: Vec<String> = people().map(|person| person.sub.to_string()).collect();
        let inserted = self.fixture.admin()?.execute(
            "insert into auth.verified_token (token_sha256, sub, kid, claims_revision, not_before, expires_at)
             select sha256(convert_to(p.token, 'UTF8')), p.sub::uuid, k.kid, e.revision, now(),
                 now() + interval '55 minutes'
             from unnest($1::text[], $2::text[]) as p (token, sub)
             cross join auth.signing_key as k
             cross join auth.expected_claims as e
             where k.retired_at is null",
            &[&tokens, &subs],
        )?;
        ensure!(inserted == tokens.len() as u64, "one key signs");
        Ok(())
    }
}

/// What a function answered, without its envelope.
pub(super) fn body(answer: &[u8]) -> Result<serde_json::Value> {
    let envelope: serde_json::Value = serde_json::from_slice(answer)?;
    let body = envelope["body"].as_str().context("a body")?;
    Ok(serde_json::from_str(body)?)
}

/// As world.sql has it.
fn id(family: &str, number: u32) -> Uuid {
    let text = format!("{family}000000-0000-4000-8000-{number:012x}");
    text.parse().expect("32 hexadecimal digits")
}
