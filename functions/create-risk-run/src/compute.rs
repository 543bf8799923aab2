//! A run within the time there is: estimated first, computed on all cores, given up at the deadline.

use std::{
    num::NonZero,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use risk::{
    cost,
    input::Portfolio,
    outcome::Outcome,
    parameters::{Parameters, Settings},
};
use shared::{http::Problem, telemetry::Meter};
use tokio::{task::spawn_blocking, time::timeout};
use tracing::error;

/// An estimate is for the machine that was measured: another one, with something else to do, may take so many times as
/// long.
const MARGIN: u32 = 2;

/// A run that can be computed.
pub(crate) struct Work {
    portfolio: Portfolio,
    parameters: Parameters,
    estimate: Duration,
}

impl Work {
    /// None where the settings are out of bounds; they were checked when they were read.
    pub(crate) fn new(portfolio: Portfolio, settings: Settings) -> Option<Self> {
        let parameters = Parameters::parse(settings).ok()?;
        let threads = available_parallelism().map_or(1, NonZero::get);
        let estimate = MARGIN * cost::estimate(&portfolio, &parameters, threads);
        Some(Self {
            portfolio,
            parameters,
            estimate,
        })
    }

    /// Why it is not begun, where it cannot be expected to end in time.
    pub(crate) fn longer_than(&self, available: Duration) -> Option<Problem> {
        (self.estimate > available).then_some(Problem::RunTooLong {
            estimate: self.estimate,
            available,
        })
    }

    /// Computes. What is given up here computes on until it has ended, and nobody looks at it.
    pub(crate) async fn run(self, available: Duration, meter: &Meter) -> Result<Outcome, Problem> {
        meter.set(
            "names",
            self.portfolio.names().len().try_into().unwrap_or(u64::MAX),
        );
        let started = Instant::now();
        let (portfolio, parameters) = (self.portfolio, self.parameters);
        let running = spawn_blocking(move || risk::run(&portfolio, &parameters));
        let ended = timeout(available, running).await;
        let elapsed = started.elapsed();
        let elapsed_ms = elapsed.as_millis().try_into().unwrap_or(u64::MAX);
        meter.set("compute_ms", elapsed_ms);
        match ended {
            Ok(Ok(outcome)) => {
                meter.set("scenarios", outcome.scenarios.into());
                Ok(outcome)
            }
            Ok(Err(panicked)) => {
                error!(risk.panicked = %panicked, "The engine has failed.");
                Err(Problem::Internal)
            }
            // The same request would take as long again.
            Err(_) => Err(Problem::RunTooLong {
                estimate: self.estimate.max(elapsed),
                available,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use risk::{
        input::{Draft, Lgd, NameDraft},
        parameters::Method,
        units::{Fraction, Loading},
    };

    use super::*;

    fn work(names: usize, scenarios: u32) -> Work {
        let fraction = |ppb| Fraction::from_ppb(ppb).unwrap();
        let names = (0..names).map(|number| NameDraft {
            id: format!("{number:05}"),
            exposure_minor: Some(1_000_000),
            pd: Some(fraction(10_000_000)),
            lgd: Some(Lgd::Fixed(fraction(400_000_000))),
            loadings: Some(vec![Loading::from_ppb(300_000_000).unwrap()]),
            ..NameDraft::default()
        });
        let draft = Draft {
            currency: "USD".to_owned(),
            factors: 1,
            migration: None,
            names: names.collect(),
        };
        let settings = Settings {
            scenarios,
            method: Method::Plain,
            ..Settings::of_run("r")
        };
        Work::new(Portfolio::parse(draft).unwrap(), settings).unwrap()
    }

    #[test]
    fn what_takes_too_long_is_not_begun() {
        let second = Duration::from_secs(1);
        assert!(work(10, 100_000).longer_than(second).is_none());
        let Some(Problem::RunTooLong {
            estimate,
            available,
        }) = work(10_000, 10_000_000).longer_than(second)
        else {
            panic!("begun")
        };
        assert_eq!(available, second);
        assert!(estimate > Duration::from_secs(10), "{estimate:?}");
    }

    #[tokio::test]
    async fn a_run_says_what_it_took() {
        let meter = Meter::default();
        let outcome = work(10, 100_000).run(Duration::from_mins(1), &meter).await;
        assert_eq!(outcome.unwrap().settings.scenarios, 100_000);
        let given_up = work(1_000, 1_000_000).run(Duration::ZERO, &meter).await;
        assert!(matches!(given_up, Err(Problem::RunTooLong { .. })));
    }
}
