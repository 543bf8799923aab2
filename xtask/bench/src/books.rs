//! What our promises cost: create- and verify-settlement beside the least that keeps books, in turns, on one server.
//!
//! Commits a second at 1, 8 and 32 clients, and PostgreSQL's processor time a commit. Processor time is steadier than
//! the clock where others use the machine too.

use std::time::Instant;

use anyhow::{Result, ensure};
use tests::lambda::Load;

use super::Bench;
use super::pgbench::Pgbench;
use super::processor::Usage;
use super::report::{Figure, Report};
use super::sample::drive_through;
use super::stage::Stage;
use super::stats::{float, median};
use super::throughput::postgres;

const LEAST: &str = "least-books";

/// Rounds of one thing: commits a second, and PostgreSQL's milliseconds a commit.
#[derive(Default)]
struct Rounds(Vec<(f64, f64)>);

impl Rounds {
    /// Takes a round, whose work answers how many commits it made.
    fn take(&mut self, stage: &Stage, work: impl FnOnce() -> Result<usize>) -> Result<()> {
        let server = [postgres(stage)?];
        let (before, begun) = (Usage::now(&server)?, Instant::now());
        let commits = float(work()?);
        let elapsed = begun.elapsed();
        let spent = Usage::now(&server)?.since(&before)[0];
        self.0
            .push((commits / elapsed.as_secs_f64(), spent * 1_000.0 / commits));
        Ok(())
    }

    fn per_second(&self) -> f64 {
        median(&self.0.iter().map(|round| round.0).collect::<Vec<_>>())
    }

    fn processor_ms(&self) -> f64 {
        median(&self.0.iter().map(|round| round.1).collect::<Vec<_>>())
    }
}

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("Beside the least that keeps books, over 10,000 allocators");
    let stage = Stage::new(bench.services()?, bench.or_quick(10_000, 200))?;
    stage.fund()?;
    let Some(least) = Pgbench::least_books(&stage.fixture)? else {
        report.add(Figure::new("none", 0.0, "").note("this PostgreSQL came without pgbench"));
        return Ok(());
    };
    for clients in [1_usize, 8, 32] {
        let load = |function: &str| Load::start(&stage.launch(function)?.scaled(clients, 1));
        let (creating, verifying) = (load("create-settlement")?, load("verify-settlement")?);
        let number = bench.or_quick(400 + 50 * clients, 40);
        let span = bench.span(clients as u64);
        let (mut creates, mut verifies, mut leasts) =
            (Rounds::default(), Rounds::default(), Rounds::default());
        for round in 0..bench.or_quick(5, 1) {
            // Each round has allocators of its own, as far as they go.
            let from = (round * number) % stage.allocators.len();
            let allocators: Vec<_> = stage
                .allocators
                .iter()
                .cycle()
                .skip(from)
                .take(number)
                .cloned()
                .collect();
            let settlements =
                stage.settlements(&allocators, number, |allocator| allocator.facility)?;
            let mut numbers = stage.numbers();
            let proposals: Vec<_> = stage.creating(&allocators)?;
            let proposals = proposals
                .iter()
                .map(|event| event.with_key(numbers()))
                .collect();
            let verifications = allocators
                .iter()
                .zip(&settlements)
                .map(|(allocator, id)| Ok(stage.verify(allocator, id)?.with_key(numbers())))
                .collect::<Result<Vec<_>>>()?;
            creates.take(&stage, || {
                Ok(drive_through(&creating, proposals, 201)?.len())
            })?;
            verifies.take(&stage, || {
                Ok(drive_through(&verifying, verifications, 200)?.len())
            })?;
            leasts.take(&stage, || least.count(clients, span))?;
        }
        ensure!(leasts.per_second() > 0.0, "the reference has done nothing");
        for (name, rounds) in [
            ("create-settlement", &creates),
            ("verify-settlement", &verifies),
        ] {
            report.add(
                Figure::new(
                    format!("{name}, {clients} at once"),
                    rounds.per_second(),
                    "/s",
                )
                .beside(LEAST, leasts.per_second()),
            );
            report.add(
                Figure::new(
                    format!("… PostgreSQL's processor time a commit, {clients} at once"),
                    rounds.processor_ms(),
                    "ms",
                )
                .beside(LEAST, leasts.processor_ms()),
            );
        }
    }
    Ok(())
}
