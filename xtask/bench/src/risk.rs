//! A risk run of a thousand names with its defaults by one client, and the engine alone on the same book, in turns.

use std::time::Instant;

use ::risk::{
    input::Portfolio,
    parameters::{Parameters, Settings},
    snapshot::Snapshot,
};
use anyhow::{Context as _, Result};
use serde_json::json;
use tests::lambda::Load;
use tests::progress::step;
use tests::sample_data::book;

use super::Bench;
use super::events::Event;
use super::metrics::{Metrics, middle};
use super::report::{Aim, Figure, Report};
use super::sample::drive_through;
use super::stage::{Stage, body};
use super::stats::{float, median, milliseconds};

const FUNCTION: &str = "create-risk-run";

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("A risk run with its defaults, one client");
    let stage = Stage::new(bench.services()?, 1)?;
    let allocator = &stage.allocators[0];
    let names = bench.or_quick(1_000, 100);
    step("Making the book", || {
        let sql = book(names, allocator.id, allocator.facility);
        Ok(stage.fixture.admin()?.batch_execute(&sql)?)
    })?;
    let asked = json!({ "currency": "USD" });
    let event = Event::mutation(
        &stage.fixture,
        &allocator.maker,
        "/v1/risk-runs",
        Some(&asked),
    )?;
    let mut numbers = stage.numbers();
    let launch = stage.launch(FUNCTION)?;
    let load = Load::start(&launch)?;
    // The first request opens the connection.
    let first = drive_through(&load, vec![event.with_key(numbers())], 201)?;
    let reply = first.first().context("an answer")?;
    let scenarios = body(reply)?["result"]["settings"]["scenarios"].clone();
    let portfolio = portfolio(&stage)?;
    let metrics = Metrics::from_now(&launch);
    let (mut ours, mut alone) = (Vec::new(), Vec::new());
    for round in 0..bench.or_quick(15, 3) {
        let begun = Instant::now();
        drive_through(&load, vec![event.with_key(numbers())], 201)?;
        ours.push(milliseconds(begun.elapsed()));
        let parameters = Parameters::parse(Settings::of_run(&round.to_string()))?;
        let begun = Instant::now();
        std::hint::black_box(::risk::run(&portfolio, &parameters));
        alone.push(milliseconds(begun.elapsed()));
    }
    let (ours, alone) = (median(&ours), median(&alone));
    report.add(
        Figure::new(format!("{FUNCTION}, {names} names, p50"), ours, "ms")
            .beside("engine alone", alone)
            .aim(Aim::AtMost(1.3))
            .note(format!("{scenarios} scenarios, 99% and 99.9%")),
    );
    let said = metrics.read()?;
    let database = middle(&said, "database_ms");
    report.add(
        Figure::new("part: in the two database calls", database, "ms")
            .note("the book twice; the run, its audit row and its outcome once"),
    );
    report.add(Figure::new(
        "part: computing",
        middle(&said, "compute_ms"),
        "ms",
    ));
    report.add(Figure::new("bytes of the answer", float(reply.len()), ""));
    Ok(())
}

/// The book as the run recorded it.
fn portfolio(stage: &Stage) -> Result<Portfolio> {
    let row = stage
        .fixture
        .admin()?
        .query_one("select snapshot from risk.run limit 1", &[])?;
    Ok(Snapshot::decode(row.try_get::<_, String>(0)?.as_bytes())?)
}
