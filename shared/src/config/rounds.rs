use std::time::Duration;

use super::{Variables, whole_number};

/// From the beginning of a round to that of the next, where the environment does not say.
const DEFAULT: Duration = Duration::from_secs(2);

/// `TLOG_ROUND_SECONDS`, 0 to 60: from the beginning of a round to that of the next. Zero means one round an
/// invocation.
pub fn round_interval(variables: &mut Variables) -> Option<Duration> {
    let interval = variables.optional("TLOG_ROUND_SECONDS", |text| {
        whole_number(text, 0, 60)
            .map(Duration::from_secs)
            .ok_or("must be a number from 0 to 60")
    });
    Some(interval?.unwrap_or(DEFAULT))
}
