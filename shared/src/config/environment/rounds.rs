use std::time::Duration;

use crate::config::{Base, Malformed, Variables};

/// How often a function that keeps the log works, where a schedule cannot call it as often.
const DEFAULT: Duration = Duration::from_secs(2);

/// The environment of a function that works in rounds.
#[derive(Debug)]
pub struct Rounds {
    /// What every function has.
    pub base: Base,
    /// `TLOG_ROUND_SECONDS`: from the beginning of a round to that of the next; zero for one round an invocation.
    pub beat: Duration,
}

impl Rounds {
    /// # Errors
    ///
    /// Every variable that is missing or malformed.
    pub fn parse<F: Fn(&str) -> Option<String>>(
        mut variables: Variables<F>,
    ) -> Result<Self, Malformed> {
        let base = Base::read(&mut variables);
        let beat = beat(&mut variables);
        let rounds = base.zip(beat).map(|(base, beat)| Self { base, beat });
        variables.finish(rounds)
    }
}

/// `TLOG_ROUND_SECONDS`, 0 to 60.
pub(super) fn beat<F: Fn(&str) -> Option<String>>(
    variables: &mut Variables<F>,
) -> Option<Duration> {
    Some(
        variables
            .optional("TLOG_ROUND_SECONDS", seconds)?
            .unwrap_or(DEFAULT),
    )
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    Some(text)
        .filter(|text| text.bytes().all(|c| c.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|seconds| *seconds <= 60)
        .map(Duration::from_secs)
        .ok_or("must be a number from 0 to 60")
}
