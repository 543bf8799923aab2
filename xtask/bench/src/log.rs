//! The log: entries a second, commit to checkpoint, and what it costs the writers.
//!
//! S3 and `DynamoDB` are moto's, a Python program on this machine: it is no faster than AWS, and takes processor
//! time from the database and the writers.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;
use tests::lambda::{Answer, Function, Invocation, Load};

use super::Bench;
use super::processor::{self, Party, Usage};
use super::report::{Aim, Figure, Report};
use super::sample::{Span, drive};
use super::stage::Stage;
use super::stats::{float, median, percentile};

const OUTCOMES: &str = include_str!("outcomes.sql");
const SEQUENCER: &str = "sequence-tlog";
const SIGNER: &str = "sign-checkpoint";
/// The default of `TLOG_ROUND_SECONDS`.
const BEAT: Duration = Duration::from_secs(2);
/// The end of an invocation, in which no round is begun.
const RESERVE: Duration = Duration::from_secs(5);
const WRITERS: usize = 8;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("The log (S3 and DynamoDB: moto on loopback)");
    let stage = Stage::new(bench.services()?, bench.or_quick(1_000, 100))?;
    let once = Keepers::start(&stage, Duration::ZERO)?;
    // The first round creates the log, which is not counted.
    once.drain(&stage)?;
    speed(bench, &stage, &once, report)?;
    let beating = Keepers::start(&stage, BEAT)?;
    delay(bench, &stage, &once, &beating, report)?;
    cost(bench, &stage, &once, &beating, report)
}

/// The two functions that keep the log.
struct Keepers {
    sequencer: Arc<Function>,
    signer: Arc<Function>,
}

impl Keepers {
    fn start(stage: &Stage, beat: Duration) -> Result<Self> {
        let seconds = beat.as_secs().to_string();
        let function = |name: &str| {
            let mut launch = stage.launch(name)?.with("TLOG_ROUND_SECONDS", &seconds);
            launch.name = format!("{name}-{seconds}");
            stage.fixture.start(launch)
        };
        Ok(Self {
            sequencer: function(SEQUENCER)?,
            signer: function(SIGNER)?,
        })
    }

    /// Runs until every outcome is published.
    fn drain(&self, stage: &Stage) -> Result<u64> {
        loop {
            let size = number(&self.sequencer.call(&Value::Null)?, "size")?;
            let signed = self.signer.call(&Value::Null)?;
            let waiting = count(
                stage,
                "select (select count(*) from ledger.commitment_outcome) - tlog.size()",
            )?;
            if waiting == 0 && number(&signed, "published_size")? == size {
                return Ok(size);
            }
        }
    }

    /// Runs both in rounds for so long, while the work is done.
    fn beside<T>(&self, time: Duration, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let rounds = |function: &Arc<Function>| {
            let invocation = Invocation::new(&Value::Null).with_timeout(time + BEAT + RESERVE);
            match function.invoke(invocation)? {
                Answer::Response(_) => Ok(()),
                other => Err(anyhow!("{other:?}\n{}", function.logs())),
            }
        };
        thread::scope(|scope| {
            let keepers = [&self.sequencer, &self.signer]
                .map(|function| scope.spawn(move || rounds(function)));
            let done = act();
            for keeper in keepers {
                keeper.join().map_err(|_| anyhow!("a keeper broke off"))??;
            }
            done
        })
    }

    fn process_ids(&self) -> Vec<u32> {
        [self.sequencer.process_ids(), self.signer.process_ids()].concat()
    }
}

/// A backlog, sequenced and published without pauses.
fn speed(bench: &Bench, stage: &Stage, keepers: &Keepers, report: &mut Report) -> Result<()> {
    let number_of = bench.or_quick(60_000_u64, 3_000);
    let mut admin = stage.fixture.admin()?;
    admin
        .batch_execute(&OUTCOMES.replace("$number", &number_of.to_string()))
        .context("the outcomes were not written")?;
    admin.batch_execute("vacuum analyze")?;
    let begun = Instant::now();
    let mut sequenced = 0;
    while sequenced < number_of {
        sequenced += number(&keepers.sequencer.call(&Value::Null)?, "sequenced")?;
    }
    let sequencing = begun.elapsed().as_secs_f64();
    report.add(
        Figure::new("entries sequenced", float(number_of) / sequencing, "/s").note(format!(
            "{number_of} at once, batches of 4,096, the tree's nodes with them"
        )),
    );
    let size = count(stage, "select tlog.size()")?;
    let parties = parties(stage, keepers.process_ids())?;
    let before = Usage::now(&parties)?;
    let begun = Instant::now();
    while number(&keepers.signer.call(&Value::Null)?, "published_size")? < size {}
    let publishing = begun.elapsed().as_secs_f64();
    let used = Usage::now(&parties)?.since(&before);
    report.add(
        Figure::new(
            "entries hashed, signed and published",
            float(number_of) / publishing,
            "/s",
        )
        .note(format!(
            "processor seconds of {publishing:.1}: {}",
            spent(&parties, &used)
        )),
    );
    Ok(())
}

/// Time from an outcome to the checkpoint that covers it.
fn delay(
    bench: &Bench,
    stage: &Stage,
    once: &Keepers,
    beating: &Keepers,
    report: &mut Report,
) -> Result<()> {
    let from = i64::try_from(once.drain(stage)?)?;
    let time = Duration::from_secs(bench.or_quick(40, 6));
    let load = Load::start(&stage.launch("create-settlement")?)?;
    let events = stage.creating(&stage.allocators)?;
    beating.beside(time, || {
        let mut next = stage.stream(&events);
        let begun = Instant::now();
        // Twenty a second on average, at times unrelated to the rounds.
        let pause = |number: u64| Duration::from_millis(37 + number % 27);
        let mut number = 0;
        // The last rounds may end before they cover the latest outcomes.
        while begun.elapsed() < time.saturating_sub(2 * BEAT) {
            let mut payload = Some(next());
            load.run(move || payload.take())?;
            thread::sleep(pause(number));
            number += 1;
        }
        Ok(())
    })?;
    let delays: Vec<f64> = stage
        .fixture
        .admin()?
        .query(
            "select extract(epoch from c.published_at - o.committed_at)::float8
             from tlog.entry as e
             join ledger.commitment_outcome as o on o.key = e.key
             cross join lateral (
                select min(c.published_at) as published_at from tlog.checkpoint as c where c.size > e.index
             ) as c
             where e.index >= $1 and c.published_at is not null",
            &[&from],
        )?
        .iter()
        .map(|row| row.get(0))
        .collect();
    ensure!(!delays.is_empty(), "nothing was published in time");
    report.add(
        Figure::new("commit to published checkpoint, p50", median(&delays), "s").note(format!(
            "p99 {:.2} s, longest {:.2} s; rounds of {} s each in sequencer and signer, {} commits",
            percentile(&delays, 99),
            percentile(&delays, 100),
            BEAT.as_secs(),
            delays.len()
        )),
    );
    Ok(())
}

/// Writers with the log kept beside them, and without, in turns.
fn cost(
    bench: &Bench,
    stage: &Stage,
    once: &Keepers,
    beating: &Keepers,
    report: &mut Report,
) -> Result<()> {
    let load = Load::start(&stage.launch("create-settlement")?.scaled(WRITERS, 1))?;
    let events = stage.creating(&stage.allocators)?;
    let span = Span {
        warm_up: Duration::from_secs(1),
        measured: Duration::from_secs(bench.or_quick(10, 3)),
    };
    let writing = || drive(&load, span, 201, stage.stream(&events));
    let parties = parties(stage, beating.process_ids())?;
    let (mut with, mut without) = (Phases::default(), Phases::default());
    // Warm-up: the first round is not counted.
    writing()?;
    for round in 0..bench.or_quick(8, 2) {
        // The order alternates, so that drift cancels.
        for log_is_on in [round % 2 == 0, round % 2 == 1] {
            // A round sequences what is written beside it, and no backlog.
            once.drain(stage)?;
            let before = Usage::now(&parties)?;
            let sample = if log_is_on {
                beating.beside(span.whole(), writing)?
            } else {
                writing()?
            };
            let used = Usage::now(&parties)?.since(&before);
            let phases = if log_is_on { &mut with } else { &mut without };
            phases.per_second.push(sample.per_second);
            let commits = sample.per_second * span.whole().as_secs_f64();
            phases.used_ms.push(
                used.iter()
                    .map(|seconds| 1_000.0 * seconds / commits)
                    .collect(),
            );
        }
    }
    let pairs = with.per_second.iter().zip(&without.per_second);
    let ratios: Vec<f64> = pairs.map(|(with, without)| with / without).collect();
    let each = ratios.iter().map(|ratio| format!("{ratio:.3}"));
    report.add(
        Figure::new(
            format!("writers, {WRITERS} at once, with the log on"),
            median(&with.per_second),
            "/s",
        )
        .beside("off", median(&without.per_second))
        .aim(Aim::AtLeast(0.97))
        .note(format!(
            "pair by pair {}, their median {:.3}",
            each.collect::<Vec<_>>().join(" "),
            median(&ratios)
        )),
    );
    // Sequencer, signer and database: on AWS the writers and the harness would have other processors.
    let ours = |used: &[f64]| used[KEEPERS] + used[DATABASE];
    let (on, off) = (middle(&with.used_ms), middle(&without.used_ms));
    report.add(
        Figure::new(
            "processor time of database, sequencer and signer for a commit, with the log on",
            ours(&on),
            "ms",
        )
        .beside("off", ours(&off))
        .aim(Aim::AtMost(1.03))
        .note(format!(
            "ms each, on: {}; off: {}",
            spent(&parties, &on),
            spent(&parties, &off)
        )),
    );
    Ok(())
}

#[derive(Default)]
struct Phases {
    per_second: Vec<f64>,
    /// For a commit, by party.
    used_ms: Vec<Vec<f64>>,
}

/// Places among the parties.
const KEEPERS: usize = 0;
const DATABASE: usize = 2;

fn parties(stage: &Stage, keepers: Vec<u32>) -> Result<Vec<Party>> {
    let port = stage
        .fixture
        .services()
        .secrets()
        .address()
        .port()
        .to_string();
    let moto = processor::find(&port).context("moto is not found")?;
    let mut parties = vec![
        Party::new("sequencer and signer", keepers),
        Party::new("moto", vec![moto]),
    ];
    parties.push(super::throughput::postgres(stage)?);
    Ok(parties)
}

fn spent(parties: &[Party], used: &[f64]) -> String {
    let names = parties.iter().map(|party| party.name).chain(["all else"]);
    let each: Vec<String> = names
        .zip(used)
        .map(|(name, seconds)| format!("{name} {seconds:.2}"))
        .collect();
    each.join(", ")
}

fn middle(used: &[Vec<f64>]) -> Vec<f64> {
    let width = used.first().map_or(0, Vec::len);
    (0..width)
        .map(|place| median(&used.iter().map(|each| each[place]).collect::<Vec<_>>()))
        .collect()
}

fn number(value: &Value, name: &str) -> Result<u64> {
    value[name]
        .as_u64()
        .with_context(|| format!("no {name}: {value}"))
}

fn count(stage: &Stage, sql: &str) -> Result<u64> {
    let count: i64 = stage.fixture.admin()?.query_one(sql, &[])?.try_get(0)?;
    Ok(u64::try_from(count)?)
}
