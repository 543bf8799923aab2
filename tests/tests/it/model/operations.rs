//! One random operation at a time, and a count of every outcome.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use postgres::Client;
use serde_json::json;
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, BOREALIS};

use super::ledger::{FACILITIES, Ledger};
use crate::direct::{Direct, ERIN, Reply};
use crate::random::Random;
use crate::support::count;

/// The makers and the checkers of each allocator.
pub(super) const MAKERS: [&[&str]; 2] = [&["alice", "dave"], &["mallory"]];
pub(super) const CHECKERS: [&[&str]; 2] = [&["bob", "dave"], &["erin", "mallory"]];

pub(super) struct Operations<'a> {
    pub(super) admin: Client,
    pub(super) direct: Direct<'a>,
    /// Every request so far, to be repeated.
    asked: Vec<Asked>,
    outcomes: BTreeMap<String, usize>,
    pub(super) accepted: i64,
}

#[derive(Clone)]
pub(super) struct Asked {
    pub(super) function: &'static str,
    pub(super) person: &'static str,
    pub(super) key: String,
    pub(super) rest: String,
}

impl<'a> Operations<'a> {
    /// Small funds, so that they run out; a second checker for the second allocator.
    pub(super) fn start(fixture: &'a Fixture, ledger: &mut Ledger) -> Result<Self> {
        let mut direct = Direct::new(fixture);
        let grant = json!({ "allocator_id": BOREALIS.id.to_string(), "sub": ERIN.sub.to_string(), "role": "checker" });
        ensure!(
            direct
                .platform("grant-erin", "member.granted", &grant)?
                .outcome
                == "accepted",
            "erin is no checker"
        );
        for (id, currency, limit) in FACILITIES {
            let facility = json!({
                "facility_id": id.to_string(), "name": "A small one", "currency": currency,
                "limit_minor": limit.to_string(),
                "escrow_agent_id": "escrow-one", "settlement_agent_id": "settle-one", "secured": false,
            });
            ensure!(
                direct
                    .platform(&id.to_string(), "facility.opened", &facility)?
                    .outcome
                    == "accepted",
                "no facility"
            );
            for allocator in [AURORA, BOREALIS] {
                let admitted = json!({
                    "facility_id": id.to_string(), "allocator_id": allocator.id.to_string(),
                });
                let name = format!("{id}-{}", allocator.id);
                ensure!(
                    direct
                        .platform(&name, "facility.admitted", &admitted)?
                        .outcome
                        == "accepted",
                    "not admitted"
                );
            }
        }
        for (allocator, currency, amount) in [
            (0, "USD", 1_000_000_000),
            (0, "EUR", 500_000_000),
            (1, "USD", 200_000_000),
        ] {
            ledger.deposit(allocator, currency, amount);
        }
        let mut admin = fixture.admin()?;
        let accepted = count(
            &mut admin,
            "select count(*) from ledger.commitment_outcome where outcome = 'accepted'",
        )?;
        let mut operations = Self {
            admin,
            direct,
            asked: Vec::new(),
            outcomes: BTreeMap::new(),
            accepted,
        };
        for (allocator, currency, amount) in [
            (0, "USD", 999_995_000),
            (0, "EUR", 499_992_000),
            (1, "USD", 199_996_000),
        ] {
            operations.fund(ledger, allocator, currency, -amount)?;
        }
        Ok(operations)
    }

    /// The number of accepted outcomes, each with one effect.
    pub(super) fn accepted(&self) -> i64 {
        self.accepted
    }

    /// Checks that every kind of outcome occurred: otherwise the run has not tested it.
    pub(super) fn assert_everything_happened(&self) {
        for outcome in [
            "create accepted",
            "create refused currency-mismatch",
            "create refused role-missing",
            "verify accepted",
            "verify refused insufficient-capital",
            "verify refused facility-limit",
            "verify refused four-eyes",
            "verify refused illegal-transition",
            "verify refused expired",
            "verify refused not-found",
            "verify refused role-missing",
            "cancel accepted",
            "cancel refused illegal-transition",
            "escrow.funded accepted",
            "escrow.funded refused amount-mismatch",
            "escrow.funded refused expired",
            "escrow.failed accepted",
            "settlement.completed accepted",
            "settlement.failed accepted",
            "settlement.completed refused illegal-transition",
            "deposit accepted",
            "withdraw accepted",
            "withdraw refused insufficient-capital",
            "again duplicate",
            "again reused",
            "expire ok",
        ] {
            assert!(
                self.outcomes.contains_key(outcome),
                "{outcome} never happened: {:#?}",
                self.outcomes
            );
        }
    }

    /// Does one random operation, checks its result, and returns its description.
    pub(super) fn step(&mut self, random: &mut Random, ledger: &mut Ledger) -> Result<String> {
        match random.below(100) {
            0..24 => self.create(random, ledger),
            24..44 => self.verify(random, ledger),
            44..50 => self.cancel(random, ledger),
            50..66 => self.report(random, ledger, "escrow"),
            66..76 => self.report(random, ledger, "settlement"),
            76..80 => {
                let amount = 1 + i64::try_from(random.below(1_500))?;
                let amount = if random.chance(2) { amount } else { -amount };
                let (allocator, facility) = (random.below(2), random.below(2));
                self.fund(ledger, allocator, FACILITIES[facility].1, amount)
            }
            80..88 => self.again(random),
            88..96 => self.let_time_pass(random, ledger),
            _ => self.expire(ledger),
        }
    }

    pub(super) fn ask(
        &mut self,
        name: &str,
        asked: Asked,
        expected: &str,
    ) -> Result<(String, Reply)> {
        let reply = self
            .direct
            .human(asked.function, asked.person, &asked.key, &asked.rest)?;
        let what = format!("{name} by {}: {}", asked.person, asked.rest);
        self.asked.push(asked);
        self.note(name, &reply, expected, &what)?;
        Ok((what, reply))
    }

    pub(super) fn note(
        &mut self,
        name: &str,
        reply: &Reply,
        expected: &str,
        what: &str,
    ) -> Result<()> {
        ensure!(
            reply.name() == expected,
            "{what}: {reply:?}, not {expected}"
        );
        self.accepted += i64::from(reply.outcome == "accepted");
        *self
            .outcomes
            .entry(format!("{name} {}", reply.name()))
            .or_default() += 1;
        Ok(())
    }

    /// Repeats a request, or sends another one under its key: neither changes anything, whatever the first outcome was.
    fn again(&mut self, random: &mut Random) -> Result<String> {
        if self.asked.is_empty() {
            return Ok("nothing was asked yet".to_owned());
        }
        let mut asked = random.pick(&self.asked).clone();
        let expected = if random.chance(3) {
            asked.rest += " ";
            "reused"
        } else {
            "duplicate"
        };
        let reply = self
            .direct
            .human(asked.function, asked.person, &asked.key, &asked.rest)?;
        let what = format!("again {} by {}", asked.function, asked.person);
        self.note("again", &reply, expected, &what)?;
        Ok(what)
    }
}
