//! The embedded metric format: a log line that `CloudWatch` reads as metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

/// Counts, during one invocation, what only the gateway module sees; and takes the figures that only one
/// function has.
#[derive(Debug, Default)]
pub struct Meter {
    serialization_retries: AtomicU64,
    connection_retries: AtomicU64,
    database_us: AtomicU64,
    figures: Mutex<BTreeMap<&'static str, u64>>,
}

impl Meter {
    /// One more try because concurrent transactions were in each other's way.
    pub fn serialization_retry(&self) {
        self.serialization_retries.fetch_add(1, Relaxed);
    }

    /// One more try because the database was lost or busy.
    pub fn connection_retry(&self) {
        self.connection_retries.fetch_add(1, Relaxed);
    }

    /// Time spent on a connection or waiting for one.
    pub fn database_time(&self, elapsed: Duration) {
        self.database_us
            .fetch_add(elapsed.as_micros().try_into().unwrap_or(u64::MAX), Relaxed);
    }

    /// A metric of this function's own; the last value of an invocation is what is written. A name that ends
    /// in `_ms` is a time.
    pub fn set(&self, name: &'static str, value: u64) {
        self.figures().insert(name, value);
    }

    fn figures(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A finished invocation.
pub(crate) struct Measured<'a> {
    /// The deployment it belongs to: several may share an account and a region.
    pub(crate) stack: &'a str,
    pub(crate) function: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) outcome: &'a str,
    /// The status that an HTTP function answered.
    pub(crate) status: Option<u16>,
    pub(crate) duration: Duration,
    pub(crate) meter: &'a Meter,
}

/// Writes the invocation's one line.
pub(crate) fn emit(measured: &Measured<'_>) {
    let line = line(measured, SystemTime::now());
    // Without standard output the process is ending, and there is no place to report it.
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

fn line(measured: &Measured<'_>, now: SystemTime) -> Value {
    let now_ms = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let figures = measured.meter.figures();
    let mut metrics = vec![
        metric("invocations", "Count"),
        metric("duration_ms", "Milliseconds"),
        metric("database_ms", "Milliseconds"),
        metric("serialization_retries", "Count"),
        metric("connection_retries", "Count"),
    ];
    metrics.extend(figures.keys().map(|name| {
        let unit = if name.ends_with("_ms") {
            "Milliseconds"
        } else {
            "Count"
        };
        metric(name, unit)
    }));
    let mut line = json!({
        "_aws": {
            "Timestamp": u64::try_from(now_ms).unwrap_or(u64::MAX),
            "CloudWatchMetrics": [{
                "Namespace": "OPTKAS",
                "Dimensions": [["stack", "function"], ["stack", "function", "outcome"]],
                "Metrics": metrics,
            }],
        },
        "stack": measured.stack,
        "function": measured.function,
        "outcome": measured.outcome,
        "invocations": 1,
        "duration_ms": milliseconds(measured.duration),
        "database_ms": milliseconds(Duration::from_micros(measured.meter.database_us.load(Relaxed))),
        "serialization_retries": measured.meter.serialization_retries.load(Relaxed),
        "connection_retries": measured.meter.connection_retries.load(Relaxed),
        "request_id": measured.request_id,
        "http_status": measured.status,
    });
    for (name, value) in figures.iter() {
        line[*name] = json!(value);
    }
    line
}

fn metric(name: &str, unit: &str) -> Value {
    json!({"Name": name, "Unit": unit})
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_and_dimension_is_in_the_line() {
        let meter = Meter::default();
        meter.serialization_retry();
        meter.serialization_retry();
        meter.database_time(Duration::from_micros(1_500));
        meter.set("log_size", 6);
        meter.set("log_size", 7);
        meter.set("horizon_lag_ms", 8);
        let measured = Measured {
            stack: "optkas-dev",
            function: "create-settlement",
            request_id: "r-1",
            outcome: "accepted",
            status: Some(201),
            duration: Duration::from_millis(4),
            meter: &meter,
        };
        let line = line(&measured, UNIX_EPOCH + Duration::from_millis(7));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(
                line[metric["Name"].as_str().unwrap()].is_number(),
                "{metric}"
            );
        }
        for name in directive["Dimensions"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|set| set.as_array().unwrap())
        {
            assert!(line[name.as_str().unwrap()].is_string(), "{name}");
        }
        assert_eq!(line["_aws"]["Timestamp"], 7);
        assert_eq!(line["serialization_retries"], 2);
        assert_eq!(line["database_ms"], 1.5);
        assert_eq!(
            (&line["log_size"], &line["horizon_lag_ms"]),
            (&json!(7), &json!(8))
        );
    }
}
