//! One client and a warm function: a mutation, and pgbench with the same statement, in turns.

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::lambda::Load;
use tests::sample_data::delivery;

use super::Bench;
use super::events::Event;
use super::metrics::{Metrics, middle};
use super::pgbench::{self, Pgbench, SCRIPTS_MAX};
use super::report::{Aim, Figure, Report};
use super::sample::{Rounds, Sample, drive, drive_through};
use super::stage::Stage;
use super::stats::{float, median, percentile};

const FUNCTION: &str = "create-settlement";

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("Warm mutation, one client");
    let stage = Stage::new(bench.services()?, bench.or_quick(100, 10))?;
    mutation(bench, &stage, report)?;
    stage.fund()?;
    life(bench, &stage, report)
}

fn mutation(bench: &Bench, stage: &Stage, report: &mut Report) -> Result<()> {
    let allocators = stage.some(SCRIPTS_MAX);
    let pgbench = Pgbench::new(&stage.fixture, FUNCTION, &pgbench::create(allocators)?)?;
    let launch = stage.launch(FUNCTION)?;
    let fetching = Load::start(&launch)?;
    let metrics = Metrics::from_now(&launch);
    let mut keeping = launch.clone().with("JWKS_MAX_AGE_SECONDS", "600");
    // A process with a log of its own: its invocations are counted apart.
    keeping.name = format!("{FUNCTION}-keeping");
    let keeping = Load::start(&keeping)?;
    let events = stage.creating(allocators)?;
    let (mut ours, mut kept, mut theirs) =
        (Rounds::default(), Rounds::default(), Rounds::default());
    let span = bench.span(1);
    for _ in 0..bench.or_quick(5, 2) {
        ours.push(drive(&fetching, span, 201, stage.stream(&events))?);
        if let Some(pgbench) = &pgbench {
            theirs.push(pgbench.run(1, span)?);
        }
        kept.push(drive(&keeping, span, 201, stage.stream(&events))?);
    }
    let with_reference = |figure: Figure, reference: f64, aim: bool| {
        if pgbench.is_none() {
            return figure.note("this PostgreSQL came without pgbench");
        }
        let figure = figure.beside("pgbench", reference);
        if aim {
            figure.aim(Aim::AtMost(1.3))
        } else {
            figure
        }
    };
    report.add(with_reference(
        Figure::new("create-settlement, p50", ours.p50(), "ms"),
        theirs.p50(),
        true,
    ));
    report.add(with_reference(
        Figure::new("create-settlement, p99", ours.p99(), "ms"),
        theirs.p99(),
        true,
    ));
    for (name, value, reference) in [
        ("… keys kept for 600 s, p50", kept.p50(), theirs.p50()),
        ("… keys kept for 600 s, p99", kept.p99(), theirs.p99()),
    ] {
        report.add(with_reference(
            Figure::new(name, value, "ms"),
            reference,
            true,
        ));
    }
    let said = metrics.read()?;
    let (whole, database) = (middle(&said, "duration_ms"), middle(&said, "database_ms"));
    report.add(Figure::new("part: in the database call", database, "ms"));
    report.add(
        Figure::new(
            "part: in the function, without the database",
            whole - database,
            "ms",
        )
        .note("the token, the key set fetched from the issuer, JSON, the key"),
    );
    report.add(
        Figure::new("part: around the function", ours.p50() - whole, "ms")
            .note("runtime API over HTTP: the event out, the answer back"),
    );
    report.add(Figure::new("mutations counted", ours.count(), ""));
    Ok(())
}

/// The other mutations of a settlement's life: their statements need a settlement each, so that pgbench has
/// no part in it.
fn life(bench: &Bench, stage: &Stage, report: &mut Report) -> Result<()> {
    let number = bench.or_quick(1_000, 50);
    let allocators = stage.some(SCRIPTS_MAX);
    let settlements = stage.settlements(allocators, number, |allocator| allocator.facility)?;
    let owner = |at: usize| &allocators[at % allocators.len()];
    let mut numbers = stage.numbers();
    let verifying: Result<Vec<_>> = settlements
        .iter()
        .enumerate()
        .map(|(at, id)| Ok(stage.verify(owner(at), id)?.with_key(numbers())))
        .collect();
    let webhook = |agent: &str, kind: &str| {
        let agent = stage.fixture.deployment().agent(agent)?;
        settlements
            .iter()
            .enumerate()
            .map(|(at, id)| {
                let event = delivery(
                    kind,
                    &json!({
                        "settlement_id": id,
                        "facility_id": owner(at).facility.to_string(),
                        "amount_minor": "100",
                        "currency": "USD",
                    }),
                );
                Ok(Event::new(&stage.fixture, &agent.sign(&event.to_string()))?.bytes())
            })
            .collect::<Result<Vec<_>>>()
    };
    for (function, payloads) in [
        ("verify-settlement", verifying?),
        ("escrow-webhook", webhook("escrow-one", "escrow.funded")?),
        (
            "settlement-webhook",
            webhook("settle-one", "settlement.completed")?,
        ),
    ] {
        let sample = all(stage, function, payloads).with_context(|| function.to_owned())?;
        report.add(
            Figure::new(format!("{function}, p50"), sample.p50(), "ms").note(format!(
                "p99 {:.2}; moves capital: journal, postings, balances",
                sample.p99()
            )),
        );
    }
    Ok(())
}

/// Sends each event once, to a process of its own.
fn all(stage: &Stage, function: &str, payloads: Vec<Vec<u8>>) -> Result<Sample> {
    each(&Load::start(&stage.launch(function)?)?, payloads)
}

/// Sends each event once; the first few are the warm-up.
pub(super) fn each(load: &Load, mut payloads: Vec<Vec<u8>>) -> Result<Sample> {
    let status = 200;
    let rest = payloads.split_off(payloads.len() / 10);
    drive_through(load, payloads, status)?;
    let mut rest = rest.into_iter();
    let readings = load.run(move || rest.next())?;
    let milliseconds: Vec<f64> = readings
        .iter()
        .map(|reading| super::stats::milliseconds(reading.took))
        .collect();
    let refused = readings
        .iter()
        .filter_map(|reading| reading.answer.as_ref())
        .find(|answer| !String::from_utf8_lossy(answer).contains("\"statusCode\":200"));
    anyhow::ensure!(
        refused.is_none(),
        "{:?}",
        refused.map(|answer| String::from_utf8_lossy(answer).into_owned())
    );
    debug_assert!(percentile(&milliseconds, 99) >= median(&milliseconds));
    Ok(Sample {
        per_second: 1_000.0 * float(milliseconds.len()) / milliseconds.iter().sum::<f64>(),
        milliseconds,
    })
}
