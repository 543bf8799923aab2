//! How often two transactions conflict, so that one has to be repeated.
//!
//! The mutation is verify-settlement: it reserves capital and takes room under the facility's limit, so that it
//! updates two accounts of its allocator and a row of its facility. On small tables unrelated transactions conflict
//! too. SERIALIZABLE locks the index pages in which a key was looked for, as every foreign key does; another
//! transaction that adds a key to such a page conflicts. Keys are random, so the odds fall as the indexes grow: the
//! same is measured again with more rows.

use anyhow::{Context as _, Result};
use tests::lambda::Load;

use super::Bench;
use super::metrics::{Metrics, sum};
use super::report::{Aim, Figure, Report};
use super::stage::{Allocator, Stage};
use super::stats::{float, milliseconds, percentile};

const FUNCTION: &str = "verify-settlement";
const CLIENTS: usize = 32;
const MOVEMENTS: &str = include_str!("movements.sql");

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("Serialization failures per 1,000 commits of verify-settlement, 32 at once");
    let stage = Stage::new(bench.services()?, bench.or_quick(10_000, 200))?;
    stage.fund()?;
    let all = stage.allocators.len();
    let number = bench.or_quick(3_000, 200);
    // Shuffled, so that settlements verified one after the other are not neighbours in an index.
    let spread = shuffled(&stage.allocators);
    let everywhere = format!("over {all} allocators, each into its own facility");
    report.add(facility(&stage, &everywhere, &spread, number, false)?.aim(Aim::AtMost(5.0)));
    report.add(facility(
        &stage,
        "over 10 allocators, each into its own facility",
        &spread[..10],
        number / 3,
        false,
    )?);
    for rows in bench.or_quick(vec![200_000, 1_000_000], vec![20_000]) {
        super::growth::grow(&stage, rows)?;
        let mut client = stage.fixture.admin()?;
        client
            .batch_execute(MOVEMENTS)
            .context("the books did not grow")?;
        client.batch_execute("vacuum analyze capital.journal, capital.posting")?;
        let grown = format!("over {all} allocators, on a ledger of {rows} rows");
        report.add(facility(&stage, &grown, &spread, number, false)?.aim(Aim::AtMost(5.0)));
    }
    let into_one = format!("over {all} allocators, all into one facility");
    report.add(facility(&stage, &into_one, &spread, number / 10, true)?);
    Ok(())
}

fn facility(
    stage: &Stage,
    name: &str,
    allocators: &[Allocator],
    number: usize,
    into_one: bool,
) -> Result<Figure> {
    let one = allocators[0].facility;
    let settlements = stage.settlements(allocators, number, |allocator| {
        if into_one { one } else { allocator.facility }
    })?;
    let mut numbers = stage.numbers();
    let payloads: Result<Vec<_>> = settlements
        .iter()
        .enumerate()
        .map(|(at, id)| {
            let allocator = &allocators[at % allocators.len()];
            Ok(stage.verify(allocator, id)?.with_key(numbers()))
        })
        .collect();
    let launch = stage.launch(FUNCTION)?.scaled(CLIENTS, 1);
    let load = Load::start(&launch)?;
    let metrics = Metrics::from_now(&launch);
    let mut payloads = payloads?.into_iter();
    let begun = std::time::Instant::now();
    let readings = load.run(move || payloads.next())?;
    let elapsed = begun.elapsed();
    let committed = readings
        .iter()
        .filter_map(|reading| reading.answer.as_ref())
        .filter(|answer| String::from_utf8_lossy(answer).contains("\"statusCode\":200"))
        .count();
    let retries = sum(&metrics.read()?, "serialization_retries");
    let times: Vec<f64> = readings
        .iter()
        .map(|reading| milliseconds(reading.took))
        .collect();
    Ok(Figure::new(name, 1_000.0 * retries / float(committed), "").note(format!(
        "{committed} committed, {} gave up with 503; {:.0} commits/s, p50 {:.2} ms, p99 {:.2} ms",
        number - committed,
        float(committed) / elapsed.as_secs_f64(),
        percentile(&times, 50),
        percentile(&times, 99),
    )))
}

/// The same order each time.
fn shuffled(allocators: &[Allocator]) -> Vec<Allocator> {
    let mut order: Vec<(u64, &Allocator)> = (1_u64..)
        .map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .zip(allocators)
        .collect();
    order.sort_unstable_by_key(|(place, _)| *place);
    order
        .into_iter()
        .map(|(_, allocator)| allocator.clone())
        .collect()
}
