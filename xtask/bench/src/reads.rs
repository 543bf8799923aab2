//! Reads by one client, and pgbench with the same statement, in turns.

use anyhow::Result;
use tests::lambda::Load;

use super::Bench;
use super::events::Event;
use super::pgbench::{self, Pgbench, SCRIPTS_MAX};
use super::report::{Aim, Figure, Report};
use super::sample::{Rounds, drive};
use super::stage::{Allocator, Stage};

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("Reads, one client, p50");
    let stage = Stage::new(bench.services()?, bench.or_quick(100, 10))?;
    stage.fund()?;
    let allocators = stage.some(SCRIPTS_MAX);
    let settlements = stage.settlements(allocators, bench.or_quick(6_000, 100), |allocator| {
        allocator.facility
    })?;
    let settlement = |allocator: &Allocator| {
        let place = allocators.iter().position(|one| one.id == allocator.id);
        settlements[place.unwrap_or_default()].clone()
    };
    let positions = |_: &Allocator| "/v1/positions".to_owned();
    let list = |_: &Allocator| "/v1/settlements".to_owned();
    let get = |allocator: &Allocator| format!("/v1/settlements/{}", settlement(allocator));
    let head = "select outcome, status, refusal, body from gateway";
    one(bench, &stage, report, "list-positions", positions, |_| {
        format!("{head}.list_positions(TOKEN, null)")
    })?;
    one(bench, &stage, report, "list-settlements", list, |_| {
        format!(
            "{head}.list_settlements(TOKEN, 50, null, null, null, null, null, null, null, null, null, null, null, null, null)"
        )
    })?;
    one(bench, &stage, report, "get-settlement", get, |allocator| {
        format!("{head}.get_settlement(TOKEN, '{}')", settlement(allocator))
    })
}

fn one(
    bench: &Bench,
    stage: &Stage,
    report: &mut Report,
    function: &str,
    target: impl Fn(&Allocator) -> String,
    statement: impl Fn(&Allocator) -> String,
) -> Result<()> {
    let allocators = stage.some(SCRIPTS_MAX);
    let events: Result<Vec<Event>> = allocators
        .iter()
        .map(|allocator| Event::question(&stage.fixture, &allocator.maker, &target(allocator)))
        .collect();
    let events = events?;
    let pgbench = Pgbench::new(
        &stage.fixture,
        function,
        &pgbench::read(allocators, statement),
    )?;
    let launch = stage.launch(function)?;
    let fetching = Load::start(&launch)?;
    let mut keeping = launch.with("JWKS_MAX_AGE_SECONDS", "600");
    keeping.name = format!("{function}-keeping");
    let keeping = Load::start(&keeping)?;
    let (mut ours, mut kept, mut theirs) =
        (Rounds::default(), Rounds::default(), Rounds::default());
    let span = bench.span(1);
    for _ in 0..bench.or_quick(3, 1) {
        ours.push(drive(&fetching, span, 200, stage.stream(&events))?);
        if let Some(pgbench) = &pgbench {
            theirs.push(pgbench.run(1, span)?);
        }
        kept.push(drive(&keeping, span, 200, stage.stream(&events))?);
    }
    for (name, rounds) in [
        (function.to_owned(), &ours),
        (format!("{function}, keys kept for 600 s"), &kept),
    ] {
        let figure = Figure::new(name, rounds.p50(), "ms").note(format!("p99 {:.2}", rounds.p99()));
        report.add(if pgbench.is_some() {
            figure.beside("pgbench", theirs.p50()).aim(Aim::AtMost(1.3))
        } else {
            figure
        });
    }
    Ok(())
}
