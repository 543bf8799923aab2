//! A facility that lends against receivables: what is filed, pledged and let go.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::http::Response;
use tests::sample_data::{
    COLLATERAL_AGENT, SecuredTerms, WebhookEvent, filed_to_lapse_on, idempotency_key,
};
use tests::stack::Stack;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use super::life::{money, proposal};
use super::story::Story;

/// What the one receivable is worth, and what is drawn on it.
const VALUE_MINOR: u64 = 400_000_000;
const AMOUNT_MINOR: &str = "100000000";
/// Days until the filing lapses: fewer than the 30 that must remain after a settlement's value date.
const LAPSES_IN: Duration = Duration::days(20);

pub(super) fn play(stack: &Stack, story: &mut Story) -> Result<()> {
    story.act("A facility secured by collateral (UCC Article 9)");
    let terms = SecuredTerms::sample();
    let today = OffsetDateTime::now_utc().date();
    let mut facility = SecuredFacility { stack, story };

    let filed_on = filed_to_lapse_on(today + LAPSES_IN);
    let filing = terms.filing(filed_on);
    let filing_id = filing.id("filing_id");
    facility.tell("a filing of almost five years ago", &filing)?;
    let agreement = terms.agreement(filed_on);
    facility.tell("a security agreement", &agreement)?;
    let pledge = terms.pledge(filing_id, agreement.id("agreement_id"), today);
    let asset: Uuid = pledge.data["asset"]["asset_id"]
        .as_str()
        .context("an asset has an id")?
        .parse()?;
    facility.tell("a receivable that is pledged", &pledge)?;
    let values = terms.valuation(today, &[(asset, VALUE_MINOR)]);
    facility.tell("its value, USD 4,000,000.00", &values)?;
    facility.tell(
        "that its custodian holds it",
        &terms.receipt(today, &[asset]),
    )?;
    let searched = terms.search(today - Duration::DAY);
    facility.tell("a search that finds nobody else", &searched)?;
    facility.pledge_again(&terms, &pledge, today)?;

    let settlement = facility.propose(&terms)?;
    facility.dry_run(
        "bob asks what would become of it",
        &settlement,
        "refused: filing-lapsing",
    )?;
    let answer = facility.verify(&settlement)?;
    facility
        .story
        .answer("… and bob verifies it", &answer, "409 collateral-deficient");
    facility.story.fact(
        "… because",
        &names(&answer.json()["problems"]),
        "filing-lapsing",
    );
    let continuation = terms.amendment(filing_id, "continuation", today - Duration::DAY);
    facility.tell("the continuation, filed yesterday", &continuation)?;
    facility.dry_run("bob asks again", &settlement, "accepted")?;
    let answer = facility.verify(&settlement)?;
    facility
        .story
        .answer("bob verifies again", &answer, "200 VERIFIED");
    let body = answer.json();
    let base = &body["borrowing_base"];
    facility.story.fact(
        "… on a borrowing base, at 85 %, of USD",
        &money(&base["base_minor"]),
        "3,400,000.00",
    );
    facility.release(&terms, filing_id, &pledge)
}

struct SecuredFacility<'a> {
    stack: &'a Stack,
    story: &'a mut Story,
}

impl SecuredFacility<'_> {
    fn deliver(&self, event: &WebhookEvent) -> Result<Response> {
        self.stack
            .agent(COLLATERAL_AGENT)?
            .deliver(&event.delivery())
    }

    /// Sends a report of the collateral agent; it must be accepted.
    fn tell(&mut self, what: &str, event: &WebhookEvent) -> Result<()> {
        let answer = self.deliver(event)?;
        self.story.answer(
            &format!("{COLLATERAL_AGENT} reports {what}"),
            &answer,
            "200 accepted",
        );
        Ok(())
    }

    /// The same receivable under another name.
    fn pledge_again(
        &mut self,
        terms: &SecuredTerms,
        pledge: &WebhookEvent,
        today: Date,
    ) -> Result<()> {
        let (filing, agreement) = (pledge.id("filing_id"), pledge.id("agreement_id"));
        let mut again = terms.pledge(filing, agreement, today);
        let written = pledge.data["asset"]["identifier"].as_str();
        let written = written.context("an asset has an identifier")?;
        again.data["asset"]["identifier"] = json!(written.to_lowercase().replace(' ', "-"));
        let answer = self.deliver(&again)?;
        self.story.answer(
            "the same receivable, written otherwise, is pledged again",
            &answer,
            "409 already-pledged",
        );
        Ok(())
    }

    fn propose(&mut self, terms: &SecuredTerms) -> Result<String> {
        let mut body = proposal(AMOUNT_MINOR);
        body["facility_id"] = json!(terms.facility.to_string());
        let alice = self.stack.person("alice")?;
        let answer = alice.post("/v1/settlements", &idempotency_key(), &body)?;
        self.story
            .answer("alice proposes USD 1,000,000.00", &answer, "201 PENDING");
        let id = answer.json()["id"].as_str().map(str::to_owned);
        id.context("a settlement has an id")
    }

    fn verify(&self, settlement: &str) -> Result<Response> {
        let path = format!("/v1/settlements/{settlement}/verify");
        self.stack
            .person("bob")?
            .post_empty(&path, &idempotency_key())
    }

    /// What a verification would be answered, which is recorded nowhere.
    fn dry_run(&mut self, what: &str, settlement: &str, expected: &str) -> Result<()> {
        let path = format!("/v1/settlements/{settlement}/verification");
        let answer = self.stack.person("bob")?.get(&path)?.json();
        let would_be = answer["would_be"].as_str().context("a dry run")?;
        let told = match answer["reasons"][0].get("problems") {
            Some(problems) => format!("{would_be}: {}", names(problems)),
            None => would_be.to_owned(),
        };
        self.story.fact(what, &told, expected);
        Ok(())
    }

    /// Releases the receivable: two members must agree, and one alone is refused.
    fn release(&mut self, terms: &SecuredTerms, filing: Uuid, pledge: &WebhookEvent) -> Result<()> {
        let path = format!("/v1/facilities/{}/releases", terms.facility);
        let body = json!({
            "kind": "assets",
            "filing_id": filing.to_string(),
            "pledge_ids": [pledge.data["pledge_id"]],
            "reason": "Sold",
        });
        let request = |person: &str| {
            self.stack
                .person(person)?
                .post(&path, &idempotency_key(), &body)
        };
        let own = request("dave")?;
        self.story.answer(
            "dave, maker and checker, requests the receivable's release",
            &own,
            "201 REQUESTED",
        );
        let own = own.json();
        self.story.fact(
            "… which would leave uncovered, in USD",
            &money(&own["content"]["exposure"]["uncovered_minor"]),
            "1,000,000.00",
        );
        let answer = self.approve("dave", &own, &own["content_sha256"])?;
        self.story
            .answer("… and approves it himself", &answer, "409 four-eyes");
        let answer = self.approve("bob", &own, &json!("0".repeat(64)))?;
        self.story.answer(
            "bob approves something else than was requested",
            &answer,
            "409 release-changed",
        );
        let answer = self.approve("bob", &own, &own["content_sha256"])?;
        self.story.answer(
            "bob approves what was requested, by its hash",
            &answer,
            "200 APPROVED",
        );
        let answer = self.approve("bob", &own, &own["content_sha256"])?;
        self.story
            .answer("… and once more", &answer, "409 release-decided");
        Ok(())
    }

    fn approve(&self, person: &str, release: &Value, content_sha256: &Value) -> Result<Response> {
        let id = release["id"].as_str().context("a release has an id")?;
        self.stack.person(person)?.post(
            &format!("/v1/releases/{id}/approve"),
            &idempotency_key(),
            &json!({ "content_sha256": content_sha256 }),
        )
    }
}

/// The names of a deficiency's reasons.
fn names(problems: &Value) -> String {
    let name = |problem: &Value| {
        let kind = problem["type"].as_str()?;
        kind.rsplit(':').next().map(str::to_owned)
    };
    problems
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(name)
        .collect::<Vec<_>>()
        .join(", ")
}
