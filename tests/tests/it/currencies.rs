//! A rule for what may begin is not applied to what is there. When a currency leaves ISO 4217, or the library that has
//! the list, nothing begins in it any more, and what has begun goes on to its end.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Response;
use tests::sample_data::{AURORA, PLATFORM, delivery, idempotency_key, value_date};
use uuid::Uuid;

use crate::collateral::secured_facility::SecuredFacility;
use crate::direct::Direct;
use crate::risk_runs::fixture::{ROUTE, SCENARIOS, profile, send};
use crate::settlements::{AMOUNT, of, verify};
use crate::support::assert_books;

/// One that the library calls superseded, and one that it does not know at all.
const OVER: [&str; 2] = ["BGN", "QQQ"];

/// What a version before brought about, when the currency was one to begin in.
struct Begun<'a> {
    fixture: &'a Fixture,
    currency: &'static str,
    facility: Uuid,
}

impl<'a> Begun<'a> {
    fn new(fixture: &'a Fixture, currency: &'static str) -> Result<Self> {
        let facility = Uuid::new_v4();
        let mut direct = Direct::new(fixture);
        for (kind, data) in [
            (
                "facility.opened",
                json!({
                    "facility_id": facility, "name": "Of before", "currency": currency, "limit_minor": "1000000000",
                    "escrow_agent_id": "escrow-one", "settlement_agent_id": "settle-one", "secured": false,
                }),
            ),
            (
                "facility.admitted",
                json!({"facility_id": facility, "allocator_id": AURORA.id}),
            ),
            ("capital.deposited", capital(currency, 1_000_000)),
        ] {
            let reply = direct.platform(&idempotency_key(), kind, &data)?;
            ensure!(reply.outcome == "accepted", "{kind}: {reply:?}");
        }
        Ok(Self {
            fixture,
            currency,
            facility,
        })
    }

    fn proposed(&self) -> Result<String> {
        let arguments = format!(
            "'{}', {AMOUNT}, '{}', '{}', null, null, now() + interval '1 hour'",
            self.facility,
            self.currency,
            value_date()
        );
        let mut direct = Direct::new(self.fixture);
        let reply = direct.human("create-settlement", "alice", &idempotency_key(), &arguments)?;
        let id = reply.body["id"].as_str();
        Ok(id.with_context(|| format!("{reply:?}"))?.to_owned())
    }

    fn report(&self, agent: &str, kind: &str, settlement: &str) -> Result<Response> {
        let mut data = json!({"settlement_id": settlement, "facility_id": self.facility});
        if kind.ends_with(".failed") {
            data["reason"] = json!("no funds");
        } else {
            data["amount_minor"] = json!(AMOUNT.to_string());
            data["currency"] = json!(self.currency);
        }
        self.fixture.agent(agent).deliver(&delivery(kind, &data))
    }

    fn reported(&self, agent: &str, kind: &str, settlement: &str, state: &str) -> Result<()> {
        let answer = self.report(agent, kind, settlement)?;
        assert_eq!(answer.status, 200, "{}: {}", self.currency, answer.text());
        assert_eq!(answer.json()["settlement"]["status"], state, "{kind}");
        Ok(())
    }
}

fn capital(currency: &str, amount_minor: u64) -> Value {
    json!({
        "allocator_id": AURORA.id, "amount_minor": amount_minor.to_string(), "currency": currency,
        "reference": "of before",
    })
}

#[test]
fn what_has_begun_in_a_currency_ends_in_it() -> Result<()> {
    let fixture = Fixture::new()?;
    for currency in OVER {
        let begun = Begun::new(&fixture, currency)?;
        let [held, unfunded, lost] = [(); 3].map(|()| begun.proposed());
        let (held, unfunded, lost) = (held?, unfunded?, lost?);
        for id in [&held, &unfunded, &lost] {
            verify(&fixture, id)?;
        }
        begun.reported("escrow-one", "escrow.failed", &unfunded, "FAILED")?;
        for id in [&held, &lost] {
            begun.reported("escrow-one", "escrow.funded", id, "ESCROWED")?;
        }
        begun.reported("settle-one", "settlement.completed", &held, "SETTLED")?;
        begun.reported("settle-one", "settlement.failed", &lost, "FAILED")?;
        let cancelled = fixture
            .person("alice")
            .post_empty(&of(&begun.proposed()?, "cancel"), &idempotency_key())?;
        assert_eq!(cancelled.status, 200, "{}", cancelled.text());

        let rated = send(&fixture, "facility.risk_updated", &profile(begun.facility))?;
        assert_eq!(rated.status, 200, "{}", rated.text());
        let run = fixture.person("carol").post(
            ROUTE,
            &idempotency_key(),
            &json!({"currency": currency, "scenarios": SCENARIOS}),
        )?;
        assert_eq!(run.status, 201, "{currency}: {}", run.text());
        let target = format!("{ROUTE}/{}", run.json()["id"].as_str().context("an id")?);
        let chart = fixture
            .person("carol")
            .get(&format!("{target}/chart.svg"))?;
        assert_eq!(chart.status, 200, "{currency}: {}", chart.text());
        assert!(chart.text().contains(currency), "{currency}");

        let rest = capital(currency, 1_000_000 - AMOUNT);
        let withdrawn = send(&fixture, "capital.withdrawn", &rest)?;
        assert_eq!(withdrawn.status, 200, "{currency}: {}", withdrawn.text());
    }
    assert_books(&mut fixture.admin()?)
}

#[test]
fn collateral_is_valued_in_its_facilitys_currency_whatever_became_of_it() -> Result<()> {
    let fixture = Fixture::new()?;
    let facility = SecuredFacility::good(&fixture, &[10_000])?;
    let valuation = |currency: &str| {
        let pledged = (facility.pledged[0].asset, 9_000);
        let event = facility.terms.valuation(facility.today, &[pledged]);
        facility.send(&event.with("currency", json!(currency)))
    };
    // The document is read; that the facility is in dollars, the database says.
    for currency in OVER {
        let answer = valuation(currency)?;
        assert_eq!(answer.status, 409, "{}", answer.text());
        assert_eq!(
            answer.json()["type"],
            "urn:optkas:problem:currency-mismatch"
        );
    }
    assert_eq!(valuation("USD")?.status, 200);
    Ok(())
}

#[test]
fn nothing_begins_in_a_currency_that_is_over() -> Result<()> {
    let fixture = Fixture::new()?;
    for currency in OVER {
        let begun = Begun::new(&fixture, currency)?;
        let opened = json!({
            "facility_id": Uuid::new_v4(), "name": "Anew", "currency": currency, "limit_minor": "1000000000",
            "escrow_agent_id": "escrow-one", "settlement_agent_id": "settle-one", "secured": false,
        });
        let deposit = capital(currency, AMOUNT);
        let proposal = json!({
            "facility_id": begun.facility, "amount_minor": AMOUNT.to_string(), "currency": currency,
            "value_date": value_date(),
        });
        let platform = fixture.agent(PLATFORM);
        let answers = [
            platform.deliver(&delivery("facility.opened", &opened))?,
            platform.deliver(&delivery("capital.deposited", &deposit))?,
            fixture
                .person("alice")
                .post("/v1/settlements", &idempotency_key(), &proposal)?,
        ];
        for answer in answers {
            assert_eq!(answer.status, 422, "{currency}: {}", answer.text());
            let pointer = answer.json()["errors"][0]["pointer"].clone();
            let named = pointer.as_str().unwrap_or_default();
            assert!(named.ends_with("/currency"), "{currency}: {pointer}");
        }
    }
    // Both bolívars are of ISO 4217's list one.
    for currency in ["VED", "VES"] {
        let answer = send(&fixture, "capital.deposited", &capital(currency, AMOUNT))?;
        assert_eq!(answer.status, 200, "{currency}: {}", answer.text());
    }
    Ok(())
}
