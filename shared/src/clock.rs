//! Ages by the wall clock: a monotonic clock may stand still while a function is frozen.

use std::time::{Duration, SystemTime};

/// Whether something of that time is at most so old now. Of a clock that was put back nothing is known: it is not.
pub(crate) fn is_fresh(since: SystemTime, now: SystemTime, age_max: Duration) -> bool {
    now.duration_since(since).is_ok_and(|age| age <= age_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_or_of_the_future_is_not_fresh() {
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let fresh = |now: u64| {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
            is_fresh(since, now, Duration::from_mins(1))
        };
        assert_eq!(
            [999, 1_000, 1_060, 1_061].map(fresh),
            [false, true, true, false]
        );
    }
}
