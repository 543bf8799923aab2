//! What collateral costs a verification: a facility with many assets beside an unsecured one, in turns.
//!
//! The assets come by the agent's signed webhooks, each with a pledge of its own; half as many obligors owe them.
//! A verification reads kept sums: its time should not depend on the number of assets, and that is measured.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::lambda::Load;
use tests::progress::step;
use tests::sample_data::{AURORA, COLLATERAL_AGENT, PLATFORM, SecuredTerms, WebhookEvent};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use super::Bench;
use super::events::Event;
use super::report::{Aim, Figure, Report};
use super::sample::{Rounds, drive, drive_through};
use super::stage::{Allocator, Stage};
use super::stats::milliseconds;
use super::warm::each;

const VERIFY: &str = "verify-settlement";
const READ: &str = "get-facility-collateral";
/// The most assets that one event may name.
const ASSETS_A_DOCUMENT: usize = 500;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("Collateral, one client");
    let stage = Stage::new(bench.services()?, 1)?;
    stage.fund()?;
    let allocator = &stage.allocators[0];
    let number = bench.or_quick(10_000, 100);
    let facility = step(&format!("Pledging {number} assets"), || {
        secure(&stage, allocator, number)
    })?;
    stage.fixture.admin()?.batch_execute("vacuum analyze")?;

    let load = Load::start(&stage.launch(VERIFY)?)?;
    let (mut secured, mut unsecured) = (Rounds::default(), Rounds::default());
    for _ in 0..bench.or_quick(5, 2) {
        for (facility, rounds) in [
            (facility, &mut secured),
            (allocator.facility, &mut unsecured),
        ] {
            let payloads = verifying(&stage, allocator, facility, bench.or_quick(220, 20))?;
            rounds.push(each(&load, payloads)?);
        }
    }
    report.add(
        Figure::new(
            format!("{VERIFY} on {number} assets, p50"),
            secured.p50(),
            "ms",
        )
        .beside("unsecured", unsecured.p50())
        .aim(Aim::AtMost(2.0))
        .note(format!(
            "p99 {:.2} against {:.2}",
            secured.p99(),
            unsecured.p99()
        )),
    );
    reading(bench, &stage, facility, report)?;
    monitoring(&stage, report)
}

/// `POST …/verify` of so many new settlements in a facility, each with its key.
fn verifying(
    stage: &Stage,
    allocator: &Allocator,
    facility: Uuid,
    number: usize,
) -> Result<Vec<Vec<u8>>> {
    let mut numbers = stage.numbers();
    stage
        .settlements(std::slice::from_ref(allocator), number, |_| facility)?
        .iter()
        .map(|id| Ok(stage.verify(allocator, id)?.with_key(numbers())))
        .collect()
}

/// The two functions that add everything up again: their time grows with the assets.
fn reading(bench: &Bench, stage: &Stage, facility: Uuid, report: &mut Report) -> Result<()> {
    let target = format!("/v1/facilities/{facility}/collateral");
    let event = Event::question(&stage.fixture, &stage.allocators[0].maker, &target)?;
    let load = Load::start(&stage.launch(READ)?)?;
    let sample = drive(&load, bench.span(1), 200, stage.stream(&[event]))?;
    report.add(
        Figure::new(format!("{READ}, p50"), sample.p50(), "ms")
            .note("adds all assets up anew; a page of 50 pledges"),
    );
    Ok(())
}

fn monitoring(stage: &Stage, report: &mut Report) -> Result<()> {
    let monitor = stage.fixture.function("monitor-collateral")?;
    monitor.call(&Value::Null)?;
    let begun = Instant::now();
    monitor.call(&Value::Null)?;
    report.add(
        Figure::new(
            "monitor-collateral, one run",
            milliseconds(begun.elapsed()),
            "ms",
        )
        .note("this facility and an empty one; nothing to tell"),
    );
    Ok(())
}

/// A facility with so many assets, each valued, held and searched.
fn secure(stage: &Stage, allocator: &Allocator, number: usize) -> Result<Uuid> {
    let terms = SecuredTerms {
        lead: allocator.id,
        ..SecuredTerms::new(AURORA)
    };
    let today = OffsetDateTime::now_utc().date();
    let filed_on = today - Duration::days(100);
    let (filing, agreement) = (terms.filing(filed_on), terms.agreement(filed_on));
    let opening = [
        (PLATFORM, terms.opened()),
        (PLATFORM, terms.party(&terms.debtor)),
        (PLATFORM, terms.party(&terms.secured_party)),
        (
            PLATFORM,
            terms.rules().with("concentration_cap_bp", json!(500)),
        ),
        (COLLATERAL_AGENT, filing.clone()),
        (COLLATERAL_AGENT, agreement.clone()),
        (COLLATERAL_AGENT, terms.search(today)),
    ];
    for (agent, event) in opening {
        let answer = stage.fixture.agent(agent).deliver(&event.delivery())?;
        ensure!(answer.status == 200, "{}: {}", event.kind, answer.text());
    }
    let mut pledges = Vec::new();
    let mut assets = Vec::new();
    for at in 0..number {
        let mut pledge = terms.pledge(
            filing.id("filing_id"),
            agreement.id("agreement_id"),
            filed_on,
        );
        pledge.data["asset"]["obligor"] = json!(format!("Obligor {}", at % (number / 2)));
        let asset = pledge.data["asset"]["asset_id"].as_str();
        assets.push(asset.context("an asset has an id")?.parse()?);
        pledges.push(pledge);
    }
    deliver(stage, &pledges)?;
    deliver(stage, &documents(&terms, &assets, today))?;
    Ok(terms.facility)
}

/// Values from USD 10,000 to a hundred times as much, and receipts.
fn documents(terms: &SecuredTerms, assets: &[Uuid], today: Date) -> Vec<WebhookEvent> {
    let valued = |assets: &[Uuid]| {
        let values: Vec<(Uuid, u64)> = (1..=100)
            .cycle()
            .zip(assets)
            .map(|(times, asset)| (*asset, times * 1_000_000))
            .collect();
        terms.valuation(today, &values)
    };
    assets
        .chunks(ASSETS_A_DOCUMENT)
        .flat_map(|assets| [valued(assets), terms.receipt(today, assets)])
        .collect()
}

/// Sends one event after the other, since all concern one facility. Each is signed just before: signatures expire.
fn deliver(stage: &Stage, events: &[WebhookEvent]) -> Result<()> {
    let agent = stage.fixture.deployment().agent(COLLATERAL_AGENT)?;
    let load = Load::start(&stage.launch("collateral-webhook")?)?;
    for chunk in events.chunks(1_000) {
        let requests: Result<Vec<Vec<u8>>> = chunk
            .iter()
            .map(|event| {
                let request = agent.sign(&event.delivery().to_string());
                Ok(Event::new(&stage.fixture, &request)?.bytes())
            })
            .collect();
        drive_through(&load, requests?, 200)?;
    }
    Ok(())
}
