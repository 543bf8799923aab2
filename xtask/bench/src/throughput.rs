//! Many clients at once, in one process and in many, beside pgbench with as many connections.

use anyhow::Result;
use tests::lambda::Load;

use super::Bench;
use super::pgbench::{self, Pgbench, SCRIPTS_MAX};
use super::processor::{Party, Usage, words};
use super::report::{Aim, Figure, Report};
use super::sample::{Rounds, drive};
use super::stage::Stage;
use super::stats::float;

const FUNCTION: &str = "create-settlement";

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("Throughput of create-settlement");
    let stage = Stage::new(bench.services()?, bench.or_quick(100, 10))?;
    let allocators = stage.some(SCRIPTS_MAX);
    let pgbench = Pgbench::new(&stage.fixture, FUNCTION, &pgbench::create(allocators)?)?;
    let events = stage.creating(allocators)?;
    let launch = stage.launch(FUNCTION)?;
    for clients in [1_usize, 8, 32] {
        let one = Load::start(&launch.clone().scaled(1, clients))?;
        let many = Load::start(&launch.clone().scaled(clients, 1))?;
        let span = bench.span(clients as u64);
        let (mut in_one, mut in_many, mut theirs) =
            (Rounds::default(), Rounds::default(), Rounds::default());
        let (mut one_used, mut many_used) = (String::new(), String::new());
        for _ in 0..bench.or_quick(3, 1) {
            for (load, rounds, used) in [
                (&one, &mut in_one, &mut one_used),
                (&many, &mut in_many, &mut many_used),
            ] {
                let parties = parties(&stage, load)?;
                let before = Usage::now(&parties)?;
                let sample = drive(load, span, 201, stage.stream(&events))?;
                let spent = Usage::now(&parties)?.since(&before);
                let commits = sample.per_second * span.whole().as_secs_f64();
                *used = words(&parties, &spent, commits);
                rounds.push(sample);
            }
            if let Some(pgbench) = &pgbench {
                theirs.push(pgbench.run(clients, span)?);
            }
        }
        for (form, rounds, used) in [
            ("one process", &in_one, one_used),
            ("as many processes", &in_many, many_used),
        ] {
            if clients == 1 && form == "as many processes" {
                continue;
            }
            let figure = Figure::new(
                format!("{clients} at once, {form}"),
                rounds.per_second(),
                "/s",
            )
            .note(format!(
                "p50 {:.2} ms, p99 {:.2} ms; {used}",
                rounds.p50(),
                rounds.p99()
            ));
            report.add(if pgbench.is_some() {
                figure
                    .beside("pgbench", theirs.per_second())
                    .aim(Aim::AtLeast(0.8))
            } else {
                figure
            });
        }
    }
    report.add(Figure::new("allocators", float(allocators.len()), ""));
    Ok(())
}

/// The parties that work while the function works.
fn parties(stage: &Stage, load: &Load) -> Result<Vec<Party>> {
    Ok(vec![
        Party::new("function", load.process_ids()),
        postgres(stage)?,
        Party::ourselves(),
    ])
}

/// The server with all its processes.
pub(super) fn postgres(stage: &Stage) -> Result<Party> {
    let id: String = stage
        .fixture
        .admin()?
        .query_one(
            "select split_part(pg_read_file('postmaster.pid'), E'\n', 1)",
            &[],
        )?
        .try_get(0)?;
    Ok(Party::family("PostgreSQL", id.trim().parse()?))
}
