//! A mutation on a ledger that grows, and on a small ledger of the same cluster, in turns.
//!
//! The rows are those that create-settlement leaves: claim, outcome with its leaf, settlement, transition, an
//! entry of the trail. They are written set-based as the superuser, see growth.sql; the log over them is not
//! sequenced.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tests::lambda::Load;
use tests::progress::step;

use super::Bench;
use super::events::Event;
use super::report::{Aim, Figure, Report};
use super::sample::{Rounds, drive};
use super::stage::Stage;
use super::stats::float;

const ROWS: &str = include_str!("growth.sql");
const SMALL: u64 = 10_000;
const SIZES: [u64; 4] = [100_000, 1_000_000, 5_000_000, 20_000_000];
/// Rows written in one transaction.
const CHUNK: u64 = 100_000;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("A growing ledger, one client, p50");
    // So few allocators that a page of settlements is full on the small ledger too.
    let allocators = 200;
    let small = Stage::new(bench.services()?, allocators)?;
    let large = Stage::new(bench.services()?, allocators)?;
    let mut sizes: Vec<u64> = SIZES
        .into_iter()
        .filter(|size| *size < bench.rows)
        .collect();
    sizes.push(bench.rows);
    if bench.quick {
        sizes = vec![SMALL * 2];
    }
    // The first size is the reference.
    sizes.retain(|size| *size >= 1_000_000 || *size == bench.rows || bench.quick);
    grow(&small, SMALL)?;
    let functions = ["create-settlement", "list-settlements", "get-commitment"];
    for size in sizes {
        let took = grow(&large, size)?;
        let megabytes: f64 = large
            .fixture
            .admin()?
            .query_one(
                "select pg_database_size(current_database()) / 1048576.0::float8",
                &[],
            )?
            .try_get(0)?;
        for function in functions {
            let (ours, reference) = compare(bench, &small, &large, function)?;
            report.add(
                Figure::new(format!("{function}, {size} rows"), ours.p50(), "ms")
                    .beside(format!("{SMALL} rows"), reference.p50())
                    .aim(Aim::AtMost(1.2))
                    .note(format!(
                        "p99 {:.2} against {:.2}; the database is {megabytes:.0} MB",
                        ours.p99(),
                        reference.p99()
                    )),
            );
        }
        report.add(Figure::new(
            format!("writing the rows up to {size}"),
            took.as_secs_f64(),
            "s",
        ));
    }
    Ok(())
}

/// Alternates, so that the machine's other work slows both.
fn compare(
    bench: &Bench,
    small: &Stage,
    large: &Stage,
    function: &str,
) -> Result<(Rounds, Rounds)> {
    let span = bench.span(1);
    let mut sides = Vec::new();
    for stage in [large, small] {
        let load = Load::start(&stage.launch(function)?)?;
        sides.push((stage, load, events(stage, function)?, Rounds::default()));
    }
    for _ in 0..bench.or_quick(5, 1) {
        for (stage, load, events, rounds) in &mut sides {
            let status = if function == "create-settlement" {
                201
            } else {
                200
            };
            rounds.push(drive(load, span, status, stage.stream(events))?);
        }
    }
    let mut rounds = sides.into_iter().map(|(.., rounds)| rounds);
    let mut next = || rounds.next().context("two sides");
    Ok((next()?, next()?))
}

fn events(stage: &Stage, function: &str) -> Result<Vec<Event>> {
    if function == "create-settlement" {
        return stage.creating(&stage.allocators);
    }
    let mut client = stage.fixture.admin()?;
    stage
        .some(500)
        .iter()
        .map(|allocator| {
            let target = if function == "list-settlements" {
                "/v1/settlements".to_owned()
            } else {
                let key: String = client
                    .query_one(
                        "select encode(o.key, 'hex') from ledger.commitment_outcome as o
                         where o.allocator_id = $1::text::uuid and o.outcome = 'accepted' limit 1",
                        &[&allocator.id.to_string()],
                    )?
                    .try_get(0)?;
                format!("/v1/commitments/{key}")
            };
            Event::question(&stage.fixture, &allocator.maker, &target)
        })
        .collect()
}

/// Adds rows until the ledger has so many.
pub(super) fn grow(stage: &Stage, size: u64) -> Result<Duration> {
    let begun = Instant::now();
    let mut client = stage.fixture.admin()?;
    let mut count = |of: &str| {
        let rows: i64 = client
            .query_one(&format!("select count(*) from {of}"), &[])?
            .try_get(0)?;
        anyhow::Ok(u64::try_from(rows)?)
    };
    let present = count("ledger.commitment_ledger")?;
    let guards = "pg_trigger as t where not t.tgisinternal and t.tgenabled = 'A'";
    let guarded = count(guards)?;
    step(&format!("Writing rows up to {size}"), || {
        let mut client = stage.fixture.admin()?;
        let mut from = present;
        while from < size {
            let to = (from + CHUNK).min(size);
            let sql = ROWS
                .replace("$from", &(from + 1).to_string())
                .replace("$to", &to.to_string())
                .replace("$allocators", &stage.allocators.len().to_string());
            client
                .batch_execute(&sql)
                .context("the rows were not written")?;
            from = to;
        }
        // Otherwise autovacuum would start in the middle of a measurement.
        client.batch_execute("vacuum analyze")?;
        client.batch_execute("checkpoint")?;
        Ok(())
    })?;
    ensure!(count(guards)? == guarded, "a trigger is not as it was");
    for (orphans, what) in [
        (
            "ledger.commitment_outcome as o where not exists (
                select from ledger.commitment_ledger as l
                where (l.key, l.xid) = (o.key, o.xid)
                    and (l.principal_kind, l.principal_id) = (o.principal_kind, o.principal_id))",
            "an outcome without a claim",
        ),
        (
            "ledger.commitment_ledger as l where not exists (
                select from ledger.commitment_outcome as o where o.key = l.key)",
            "a claim without an outcome",
        ),
        (
            "capital.settlement as s where not exists (
                select from capital.settlement_transition as t
                where (t.settlement_id, t.seq, t.to_status) = (s.settlement_id, s.version, s.status))",
            "a settlement without its transition",
        ),
    ] {
        ensure!(count(orphans)? == 0, "{what}");
    }
    ensure!(
        float(count("ledger.commitment_ledger")?) >= float(size),
        "rows are missing"
    );
    Ok(begun.elapsed())
}
