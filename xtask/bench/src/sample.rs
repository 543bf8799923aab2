//! Latencies and rates of many requests, ours or pgbench's, and the driver of ours.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tests::lambda::{Load, Reading};

use super::stats::{float, median, milliseconds, percentile};

/// Latencies after the warm-up, and requests a second.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    pub(super) milliseconds: Vec<f64>,
    pub(super) per_second: f64,
}

impl Sample {
    pub(super) fn p50(&self) -> f64 {
        percentile(&self.milliseconds, 50)
    }

    pub(super) fn p99(&self) -> f64 {
        percentile(&self.milliseconds, 99)
    }
}

/// Samples of one thing, from rounds that alternate with those of another.
#[derive(Clone, Debug, Default)]
pub(super) struct Rounds(Vec<Sample>);

impl Rounds {
    pub(super) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    fn median_of(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(&self.0.iter().map(figure).collect::<Vec<_>>())
    }

    /// The median of the rounds' medians.
    pub(super) fn p50(&self) -> f64 {
        self.median_of(Sample::p50)
    }

    /// The median of the rounds' 99th percentiles.
    pub(super) fn p99(&self) -> f64 {
        self.median_of(Sample::p99)
    }

    pub(super) fn per_second(&self) -> f64 {
        self.median_of(|sample| sample.per_second)
    }

    pub(super) fn count(&self) -> f64 {
        float(
            self.0
                .iter()
                .map(|sample| sample.milliseconds.len())
                .sum::<usize>(),
        )
    }
}

/// How long a round takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Not counted: connections are opened, and PostgreSQL plans each statement once a connection.
    pub(super) warm_up: Duration,
    pub(super) measured: Duration,
}

impl Span {
    pub(super) fn whole(self) -> Duration {
        self.warm_up + self.measured
    }
}

/// An answer's bytes.
pub(super) type Rest = Vec<u8>;

/// Keeps the function busy for so long; every answer must have that status.
pub(super) fn drive(
    load: &Load,
    span: Span,
    status: u16,
    mut next: impl FnMut() -> Vec<u8> + Send + 'static,
) -> Result<Sample> {
    let begun = Instant::now();
    let readings = load.run(move || (begun.elapsed() < span.whole()).then(&mut next))?;
    check(&readings, status)?;
    let counted: Vec<&Reading> = readings
        .iter()
        .filter(|reading| reading.end() >= begun + span.warm_up)
        .filter(|reading| reading.end() <= begun + span.whole())
        .collect();
    ensure!(!counted.is_empty(), "nothing was answered in time");
    Ok(Sample {
        milliseconds: counted
            .iter()
            .map(|reading| milliseconds(reading.took))
            .collect(),
        per_second: float(counted.len()) / span.measured.as_secs_f64(),
    })
}

/// Sends all payloads without pauses; every answer must have that status.
pub(super) fn drive_through(load: &Load, payloads: Vec<Vec<u8>>, status: u16) -> Result<Vec<Rest>> {
    let mut payloads = payloads.into_iter();
    let readings = load.run(move || payloads.next())?;
    check(&readings, status)?;
    Ok(readings
        .into_iter()
        .filter_map(|reading| reading.answer)
        .collect())
}

fn check(readings: &[Reading], status: u16) -> Result<()> {
    let wanted = format!("\"statusCode\":{status},");
    for reading in readings {
        let answer = reading
            .answer
            .as_ref()
            .context("the function reported an error")?;
        let found = answer
            .windows(wanted.len())
            .any(|part| part == wanted.as_bytes());
        ensure!(found, "no {status}: {}", String::from_utf8_lossy(answer));
    }
    Ok(())
}
