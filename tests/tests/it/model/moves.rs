//! Each kind of operation, with the result that the model expects.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::sample_data::idempotency_key;

use super::ledger::{ALLOCATORS, FACILITIES, Ledger, Settlement};
use super::operations::{Asked, CHECKERS, MAKERS, Operations};
use crate::random::Random;
use crate::verification::assert_as_told;

impl Operations<'_> {
    pub(super) fn create(&mut self, random: &mut Random, ledger: &mut Ledger) -> Result<String> {
        let (allocator, facility, wrong) = (random.below(2), random.below(2), random.below(12));
        let amount = 100 + i64::try_from(random.below(1_400))?;
        let may_expire = random.chance(3);
        let (person, expected) = match wrong {
            0 => (["carol", "erin"][allocator], "refused role-missing"),
            1 => (MAKERS[allocator][0], "refused currency-mismatch"),
            _ => (*random.pick(MAKERS[allocator]), "accepted"),
        };
        let currency = FACILITIES[if wrong == 1 { 1 - facility } else { facility }].1;
        let expires_at = if may_expire {
            "clock_timestamp() + interval '1 hour'"
        } else {
            "null"
        };
        let rest = format!(
            "'{}', {amount}, '{currency}', '2099-01-02', null, null, {expires_at}",
            FACILITIES[facility].0
        );
        let asked = Asked {
            function: "create-settlement",
            person,
            key: idempotency_key(),
            rest,
        };
        let (what, reply) = self.ask("create", asked, expected)?;
        if expected == "accepted" {
            let id = reply.body["id"].as_str().context("an id")?.to_owned();
            ledger.settlements.push(Settlement {
                id,
                allocator,
                facility,
                amount,
                maker: person,
                status: "PENDING",
                may_expire,
                due: false,
            });
        }
        Ok(what)
    }

    pub(super) fn verify(&mut self, random: &mut Random, ledger: &mut Ledger) -> Result<String> {
        let Some(index) = choose(random, ledger, "PENDING") else {
            return Ok("nothing to verify".to_owned());
        };
        let settlement = ledger.settlements[index].clone();
        let stranger = random.chance(10);
        let person = if settlement.allocator == 0 && random.chance(10) {
            // The maker alone, and a viewer.
            *random.pick(&["alice", "carol"])
        } else {
            *random.pick(
                CHECKERS[if stranger {
                    1 - settlement.allocator
                } else {
                    settlement.allocator
                }],
            )
        };
        let (_, currency, limit) = FACILITIES[settlement.facility];
        let expected = if ["alice", "carol"].contains(&person) {
            "refused role-missing"
        } else if stranger {
            "refused not-found"
        } else if person == settlement.maker {
            "refused four-eyes"
        } else if settlement.status != "PENDING" {
            "refused illegal-transition"
        } else if settlement.due {
            "refused expired"
        } else if ledger.committed(settlement.facility) + settlement.amount > limit {
            "refused facility-limit"
        } else if ledger.available(settlement.allocator, currency) < settlement.amount {
            "refused insufficient-capital"
        } else {
            "accepted"
        };
        let asked = Asked {
            function: "verify-settlement",
            person,
            rest: format!("'{}'", settlement.id),
            key: idempotency_key(),
        };
        let told = self.direct.read("get-verification", person, &asked.rest)?;
        let (what, reply) = self.ask("verify", asked, expected)?;
        assert_as_told(&told, &reply, &what);
        if expected == "accepted" {
            ledger.advance(index, "VERIFIED");
        }
        Ok(what)
    }

    pub(super) fn cancel(&mut self, random: &mut Random, ledger: &mut Ledger) -> Result<String> {
        let Some(index) = choose(random, ledger, "VERIFIED") else {
            return Ok("nothing to cancel".to_owned());
        };
        let settlement = ledger.settlements[index].clone();
        let person = *random.pick(CHECKERS[settlement.allocator]);
        let open = ["PENDING", "VERIFIED"].contains(&settlement.status);
        let expected = if open {
            "accepted"
        } else {
            "refused illegal-transition"
        };
        let asked = Asked {
            function: "cancel-settlement",
            person,
            rest: format!("'{}', null", settlement.id),
            key: idempotency_key(),
        };
        let (what, _) = self.ask("cancel", asked, expected)?;
        if open {
            ledger.advance(index, "CANCELLED");
        }
        Ok(what)
    }

    pub(super) fn report(
        &mut self,
        random: &mut Random,
        ledger: &mut Ledger,
        agent: &str,
    ) -> Result<String> {
        let (function, id, finds, done, kinds) = match agent {
            "escrow" => (
                "escrow-webhook",
                "escrow-one",
                "VERIFIED",
                "ESCROWED",
                ["escrow.funded", "escrow.failed"],
            ),
            _ => (
                "settlement-webhook",
                "settle-one",
                "ESCROWED",
                "SETTLED",
                ["settlement.completed", "settlement.failed"],
            ),
        };
        let Some(index) = choose(random, ledger, finds) else {
            return Ok("nothing to report".to_owned());
        };
        let settlement = ledger.settlements[index].clone();
        let failed = random.chance(6);
        let wrong = !failed && random.chance(6);
        let (facility, currency, _) = FACILITIES[settlement.facility];
        let expected = if wrong {
            "refused amount-mismatch"
        } else if settlement.status != finds {
            "refused illegal-transition"
        } else if settlement.due && agent == "escrow" && !failed {
            "refused expired"
        } else {
            "accepted"
        };
        let amount = (!failed).then_some((settlement.amount + i64::from(wrong), currency));
        let kind = kinds[usize::from(failed)];
        let reply = self
            .direct
            .report(function, id, kind, &settlement.id, facility, amount)?;
        let what = format!("{kind} of {settlement:?}");
        self.note(kind, &reply, expected, &what)?;
        if expected == "accepted" {
            ledger.advance(index, if failed { "FAILED" } else { done });
        }
        Ok(what)
    }

    /// A deposit, or a withdrawal if the amount is negative.
    pub(super) fn fund(
        &mut self,
        ledger: &mut Ledger,
        allocator: usize,
        currency: &'static str,
        amount: i64,
    ) -> Result<String> {
        let (name, kind) = if amount > 0 {
            ("deposit", "capital.deposited")
        } else {
            ("withdraw", "capital.withdrawn")
        };
        let possible = ledger.available(allocator, currency) + amount >= 0;
        let data = json!({
            "allocator_id": ALLOCATORS[allocator].to_string(), "amount_minor": amount.abs().to_string(),
            "currency": currency, "reference": "a movement",
        });
        let reply = self.direct.platform(&idempotency_key(), kind, &data)?;
        let what = format!("{kind}: {data}");
        self.note(
            name,
            &reply,
            if possible {
                "accepted"
            } else {
                "refused insufficient-capital"
            },
            &what,
        )?;
        if possible {
            ledger.deposit(allocator, currency, amount);
        }
        Ok(what)
    }

    /// Ends one settlement's time now: a test cannot wait for an hour.
    pub(super) fn let_time_pass(
        &mut self,
        random: &mut Random,
        ledger: &mut Ledger,
    ) -> Result<String> {
        let may = |settlement: &Settlement| settlement.may_expire && !settlement.due;
        let candidates: Vec<usize> = (0..ledger.settlements.len())
            .filter(|index| may(&ledger.settlements[*index]))
            .collect();
        if candidates.is_empty() {
            return Ok("no time to pass".to_owned());
        }
        // Rather one that has capital reserved.
        let verified = candidates
            .iter()
            .find(|index| ledger.settlements[**index].status == "VERIFIED");
        let index = verified
            .copied()
            .unwrap_or_else(|| *random.pick(&candidates));
        let settlement = &mut ledger.settlements[index];
        settlement.due = true;
        self.admin.batch_execute(&format!(
            "alter table capital.settlement disable trigger user;
            update capital.settlement set expires_at = created_at + interval '1 microsecond' where settlement_id = '{}';
            alter table capital.settlement enable trigger user;
            alter table capital.settlement enable always trigger settlement_pinned;
            alter table capital.settlement enable always trigger settlement_kept;
            alter table capital.settlement enable always trigger settlement_audit",
            settlement.id
        ))?;
        Ok(format!("the time of {settlement:?} is over"))
    }

    pub(super) fn expire(&mut self, ledger: &mut Ledger) -> Result<String> {
        let open = |settlement: &Settlement| {
            settlement.due && ["PENDING", "VERIFIED"].contains(&settlement.status)
        };
        let due: Vec<usize> = (0..ledger.settlements.len())
            .filter(|index| open(&ledger.settlements[*index]))
            .collect();
        let reply = self
            .direct
            .call("expire-settlements", "gen_random_uuid()::text, 1000")?;
        let what = format!("{} settlements expire", due.len());
        ensure!(
            reply.body == json!({ "expired": due.len(), "more": false }),
            "{what}: {reply:?}"
        );
        self.accepted += i64::try_from(due.len())?;
        if !due.is_empty() {
            self.note("expire", &reply, "ok", &what)?;
        }
        for index in due {
            ledger.advance(index, "EXPIRED");
        }
        Ok(what)
    }
}

/// Any settlement, but rather one in that state, else every other step would be refused.
fn choose(random: &mut Random, ledger: &Ledger, status: &str) -> Option<usize> {
    let all: Vec<usize> = (0..ledger.settlements.len()).collect();
    let fit: Vec<usize> = all
        .iter()
        .copied()
        .filter(|index| ledger.settlements[*index].status == status)
        .collect();
    let from = if fit.is_empty() || random.chance(5) {
        &all
    } else {
        &fit
    };
    (!from.is_empty()).then(|| *random.pick(from))
}
