//! A secured facility, with the people and agents that act on it through the real endpoints.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Response;
use tests::sample_data::{
    AURORA, Allocator, COLLATERAL_AGENT, PLATFORM, SecuredTerms, WebhookEvent, delivery,
    idempotency_key,
};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::settlements::{admission, of, propose};
use crate::verification::assert_answered_as_told;

/// The day of a good facility's filing, counted from today.
const FILED: i64 = -100;

/// A pledge and its asset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pledged {
    pub(crate) pledge: Uuid,
    pub(crate) asset: Uuid,
}

pub(crate) struct SecuredFacility<'a> {
    pub(crate) fixture: &'a Fixture,
    pub(crate) terms: SecuredTerms,
    pub(crate) today: Date,
    /// Maker and checker: one proposes settlements and requests releases, the other verifies and approves.
    pub(crate) maker: &'static str,
    pub(crate) checker: &'static str,
    pub(crate) filing: Uuid,
    pub(crate) agreement: Uuid,
    pub(crate) pledged: Vec<Pledged>,
}

impl<'a> SecuredFacility<'a> {
    /// A facility led by Aurora, open, with parties and rules but without a filing.
    pub(crate) fn open(fixture: &'a Fixture) -> Result<Self> {
        Self::led_by(fixture, AURORA, "alice", "bob")
    }

    pub(crate) fn led_by(
        fixture: &'a Fixture,
        lead: Allocator,
        maker: &'static str,
        checker: &'static str,
    ) -> Result<Self> {
        let facility = Self {
            fixture,
            terms: SecuredTerms::new(lead),
            today: OffsetDateTime::now_utc().date(),
            maker,
            checker,
            filing: Uuid::nil(),
            agreement: Uuid::nil(),
            pledged: Vec::new(),
        };
        let terms = &facility.terms;
        facility.onboard(&terms.opened())?;
        for party in [&terms.debtor, &terms.secured_party] {
            facility.onboard(&terms.party(party))?;
        }
        facility.onboard(&terms.rules())?;
        Ok(facility)
    }

    /// A facility with a filing, an agreement, a search, and an asset of each of these values.
    pub(crate) fn good(fixture: &'a Fixture, values: &[u64]) -> Result<Self> {
        Self::open(fixture)?.secured_by(values)
    }

    /// Files, signs, pledges, values, confirms and searches.
    pub(crate) fn secured_by(mut self, values: &[u64]) -> Result<Self> {
        self.file(|filing| filing)?;
        self.sign(|agreement| agreement)?;
        for value in values {
            let pledged = self.pledge(|pledge| pledge)?;
            self.value(pledged, *value)?;
            self.hold(pledged)?;
        }
        self.record(&self.terms.search(self.day(-1)))?;
        Ok(self)
    }

    /// The date that is this number of days after today.
    pub(crate) fn day(&self, days: i64) -> Date {
        self.today + Duration::days(days)
    }

    /// Delivers an event of the platform, which is accepted.
    pub(crate) fn onboard(&self, event: &WebhookEvent) -> Result<Value> {
        accepted(
            &self.fixture.agent(PLATFORM).deliver(&event.delivery())?,
            event.kind,
        )
    }

    /// Lets another allocator take part.
    pub(crate) fn admit(&self, allocator: Allocator) -> Result<()> {
        let data = admission(&self.terms.facility.to_string(), allocator);
        let answer = self
            .fixture
            .agent(PLATFORM)
            .deliver(&delivery("facility.admitted", &data))?;
        accepted(&answer, "facility.admitted").map(drop)
    }

    /// Delivers an event of the collateral agent, which may be refused.
    pub(crate) fn send(&self, event: &WebhookEvent) -> Result<Response> {
        self.fixture
            .agent(COLLATERAL_AGENT)
            .deliver(&event.delivery())
    }

    /// Delivers an event of the collateral agent, which is accepted.
    pub(crate) fn record(&self, event: &WebhookEvent) -> Result<Value> {
        accepted(&self.send(event)?, event.kind)
    }

    /// Records an altered filing; later pledges are under it.
    pub(crate) fn file(
        &mut self,
        alter: impl FnOnce(WebhookEvent) -> WebhookEvent,
    ) -> Result<Value> {
        let event = alter(self.terms.filing(self.day(FILED)));
        self.filing = event.id("filing_id");
        self.record(&event)
    }

    /// Records an altered agreement; later pledges name it.
    pub(crate) fn sign(
        &mut self,
        alter: impl FnOnce(WebhookEvent) -> WebhookEvent,
    ) -> Result<Value> {
        let event = alter(self.terms.agreement(self.day(FILED)));
        self.agreement = event.id("agreement_id");
        self.record(&event)
    }

    /// The pledge of a new asset, under the last filing and agreement.
    pub(crate) fn new_pledge(&self) -> WebhookEvent {
        self.terms
            .pledge(self.filing, self.agreement, self.day(-50))
    }

    /// Records an altered pledge of a new asset.
    pub(crate) fn pledge(
        &mut self,
        alter: impl FnOnce(WebhookEvent) -> WebhookEvent,
    ) -> Result<Pledged> {
        let event = alter(self.new_pledge());
        self.record(&event)?;
        let asset = event.data["asset"]["asset_id"]
            .as_str()
            .context("an asset")?;
        let pledged = Pledged {
            pledge: event.id("pledge_id"),
            asset: asset.parse()?,
        };
        self.pledged.push(pledged);
        Ok(pledged)
    }

    /// Records a value of today.
    pub(crate) fn value(&self, pledged: Pledged, value: u64) -> Result<Value> {
        self.record(&self.terms.valuation(self.today, &[(pledged.asset, value)]))
    }

    /// Records a custody receipt of today.
    pub(crate) fn hold(&self, pledged: Pledged) -> Result<Value> {
        self.record(&self.terms.receipt(self.today, &[pledged.asset]))
    }

    /// Amends the filing; returns its standing after that.
    pub(crate) fn amend(
        &self,
        kind: &str,
        days: i64,
        alter: impl FnOnce(WebhookEvent) -> WebhookEvent,
    ) -> Result<Value> {
        let event = alter(self.terms.amendment(self.filing, kind, self.day(days)));
        Ok(self.record(&event)?["effect"].take())
    }

    /// The next version of the rules, with other values for some.
    pub(crate) fn rule(&self, others: &[(&str, Value)]) -> Result<Value> {
        let rules = others
            .iter()
            .fold(self.terms.rules(), |rules, (member, value)| {
                rules.with(member, value.clone())
            });
        self.onboard(&rules)
    }

    /// Proposes a settlement whose value date is this number of days ahead; it is PENDING.
    pub(crate) fn proposed_for(&self, amount_minor: u64, days: i64) -> Result<String> {
        let body = json!({
            "facility_id": self.terms.facility.to_string(), "amount_minor": amount_minor.to_string(),
            "currency": "USD", "value_date": self.day(days).to_string(),
        });
        propose(self.fixture, self.maker, &body)
    }

    pub(crate) fn proposed(&self, amount_minor: u64) -> Result<String> {
        self.proposed_for(amount_minor, 10)
    }

    pub(crate) fn verify(&self, settlement: &str) -> Result<Response> {
        self.fixture
            .person(self.checker)
            .post_empty(&of(settlement, "verify"), &idempotency_key())
    }

    /// Proposes and verifies a settlement of this amount. What a dry run tells just before is what comes.
    pub(crate) fn draw(&self, amount_minor: u64) -> Result<Response> {
        let settlement = self.proposed(amount_minor)?;
        let told = self
            .fixture
            .person(self.checker)
            .get(&of(&settlement, "verification"))?;
        let answer = self.verify(&settlement)?;
        assert_answered_as_told(&told, &answer);
        Ok(answer)
    }

    /// Draws this amount, which is accepted.
    pub(crate) fn drawn(&self, amount_minor: u64) -> Result<String> {
        let settlement = self.proposed(amount_minor)?;
        let answer = self.verify(&settlement)?;
        ensure!(answer.status == 200, "not verified: {}", answer.text());
        Ok(settlement)
    }

    /// Delivers a report of a settlement's agent.
    pub(crate) fn report(&self, agent: &str, kind: &str, id: &str, minor: u64) -> Result<Response> {
        let mut data =
            json!({ "settlement_id": id, "facility_id": self.terms.facility.to_string() });
        if kind.ends_with(".failed") {
            data["reason"] = json!("no funds");
        } else {
            data["amount_minor"] = json!(minor.to_string());
            data["currency"] = json!("USD");
        }
        self.fixture.agent(agent).deliver(&delivery(kind, &data))
    }

    /// The body of a request to release these pledges.
    pub(crate) fn release(&self, pledges: &[Pledged]) -> Value {
        let pledges: Vec<String> = pledges.iter().map(|it| it.pledge.to_string()).collect();
        json!({ "kind": "assets", "filing_id": self.filing.to_string(), "pledge_ids": pledges, "reason": "Paid off" })
    }

    /// The body of a request to terminate the filing, with everything under it.
    pub(crate) fn termination(&self) -> Value {
        json!({ "kind": "termination", "filing_id": self.filing.to_string(), "reason": "All is paid" })
    }

    /// The body of a request to amend the filing so that it covers less.
    pub(crate) fn removal(&self, amendment: &Value) -> Value {
        json!({
            "kind": "amendment", "filing_id": self.filing.to_string(), "amendment": amendment, "reason": "As agreed",
        })
    }

    pub(crate) fn request_by(&self, person: &str, body: &Value) -> Result<Response> {
        let path = format!("/v1/facilities/{}/releases", self.terms.facility);
        self.fixture
            .person(person)
            .post(&path, &idempotency_key(), body)
    }

    /// Requests a release, which is accepted.
    pub(crate) fn requested(&self, body: &Value) -> Result<Value> {
        let answer = self.request_by(self.maker, body)?;
        ensure!(answer.status == 201, "not requested: {}", answer.text());
        Ok(answer.json())
    }

    /// Approves a requested release, by the hash of its content.
    pub(crate) fn approve_by(&self, person: &str, release: &Value) -> Result<Response> {
        let id = release["id"].as_str().context("a release has an id")?;
        let body = json!({ "content_sha256": release["content_sha256"] });
        let path = format!("/v1/releases/{id}/approve");
        self.fixture
            .person(person)
            .post(&path, &idempotency_key(), &body)
    }

    /// Requests and approves a release, which takes effect.
    pub(crate) fn released(&self, body: &Value) -> Result<Value> {
        let release = self.requested(body)?;
        let answer = self.approve_by(self.checker, &release)?;
        ensure!(answer.status == 200, "not approved: {}", answer.text());
        Ok(answer.json())
    }

    /// The facility's collateral, as its maker reads it.
    pub(crate) fn collateral(&self) -> Result<Value> {
        let path = format!("/v1/facilities/{}/collateral", self.terms.facility);
        let answer = self.fixture.person(self.maker).get(&path)?;
        ensure!(answer.status == 200, "not shown: {}", answer.text());
        Ok(answer.json())
    }

    /// The kinds of the warnings that are open, as its maker reads them.
    pub(crate) fn warnings(&self) -> Result<Vec<String>> {
        let mut kinds: Vec<String> = self.collateral()?["warnings"]
            .as_array()
            .context("warnings")?
            .iter()
            .filter_map(|warning| warning["kind"].as_str().map(str::to_owned))
            .collect();
        kinds.sort();
        Ok(kinds)
    }

    /// Every warning so far, with its occurrence, and whether it is open.
    pub(crate) fn history(&self, admin: &mut Client) -> Result<BTreeMap<(String, i32), bool>> {
        let rows = admin.query(
            "select kind, occurrence, closed_at is null from collateral.warning where facility_id = $1",
            &[&self.terms.facility],
        )?;
        Ok(rows
            .iter()
            .map(|row| ((row.get(0), row.get(1)), row.get(2)))
            .collect())
    }
}

/// One run of the schedule.
pub(crate) fn monitor(fixture: &Fixture) -> Result<Value> {
    fixture.function("monitor-collateral")?.call(&Value::Null)
}

/// More capital for alice's allocator than the sample data gives it.
pub(crate) fn fund(fixture: &Fixture, amount_minor: u64) -> Result<()> {
    let data = json!({
        "allocator_id": AURORA.id.to_string(), "amount_minor": amount_minor.to_string(),
        "currency": "USD", "reference": "wire",
    });
    let answer = fixture
        .agent(PLATFORM)
        .deliver(&delivery("capital.deposited", &data))?;
    accepted(&answer, "capital.deposited").map(drop)
}

fn accepted(answer: &Response, what: &str) -> Result<Value> {
    ensure!(
        answer.status == 200,
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    Ok(answer.json())
}

/// The names of a reply's refusals; empty if it accepts. A collateral deficiency has several.
pub(crate) fn refusal(answer: &Response) -> String {
    if answer.status < 300 {
        return String::new();
    }
    let name = |problem: &Value| {
        let kind = problem["type"].as_str().unwrap_or_default();
        kind.strip_prefix("urn:optkas:problem:")
            .unwrap_or(kind)
            .to_owned()
    };
    let body = answer.json();
    let problems = body["problems"].as_array();
    problems.map_or_else(
        || name(&body),
        |problems| problems.iter().map(name).collect::<Vec<_>>().join(", "),
    )
}
