use std::time::Duration;

use super::fault::Fault;

/// How often, and how long apart, a call is made again. Randomness and time are arguments.
#[derive(Debug, Default)]
pub(super) struct Retries {
    conflicts: u32,
    away: u32,
}

/// The tries while the database is away: about 1.5 s in all, for a restart or a failover of a connection. With more
/// tries waiting invocations would pile up.
const AWAY_RETRIES_MAX: u32 = 5;

impl Retries {
    /// How long to wait before the next try, or `None` to give up.
    pub(super) fn delay(
        &mut self,
        fault: &Fault,
        random: u32,
        remaining: Duration,
    ) -> Option<Duration> {
        // Where many write one row, a facility's room, those who wait long let the others through: with 64 ms at
        // most, five times as many tries failed, and half as many commits came through (docs/BENCHMARKS.md).
        let (nth, first_ms, longest_ms) = match fault {
            Fault::Conflict(_) => (&mut self.conflicts, 2, 512),
            Fault::Away(_) if self.away < AWAY_RETRIES_MAX => (&mut self.away, 50, 800),
            _ => return None,
        };
        // Full jitter: those who collided must not come back together.
        let ceiling_us = (first_ms << (*nth).min(16)).min(longest_ms) * 1_000;
        *nth += 1;
        let delay = Duration::from_micros(u64::from(random) % ceiling_us + 1);
        (delay < remaining).then_some(delay)
    }

    pub(super) const fn count(&self) -> u32 {
        self.conflicts + self.away
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fault::Cause, *};

    const LONG: Duration = Duration::from_hours(1);

    /// The longest delay of the next try: the one that the ceiling's last microsecond gives.
    fn ceiling(retries: &mut Retries, fault: &Fault) -> Option<Duration> {
        let nth = retries.count();
        let longest = match fault {
            Fault::Conflict(_) => (2_000_u32 << nth).min(512_000),
            _ => (50_000_u32 << nth).min(800_000),
        };
        retries.delay(fault, longest - 1, LONG)
    }

    #[test]
    fn conflicts_are_tried_until_the_deadline() {
        let (mut retries, fault) = (Retries::default(), Fault::Conflict(Cause::default()));
        let delays: Vec<_> = (0..10)
            .map(|_| ceiling(&mut retries, &fault).unwrap().as_millis())
            .collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 64, 128, 256, 512, 512]);
        for _ in 0..1_000 {
            assert!(retries.delay(&fault, u32::MAX, LONG).unwrap() <= Duration::from_millis(512));
        }
        assert_eq!(
            retries.delay(&fault, 511_999, Duration::from_millis(512)),
            None
        );
        assert_eq!(retries.delay(&fault, 0, Duration::ZERO), None);
        assert!(retries.delay(&fault, 0, Duration::from_millis(1)).is_some());
    }

    #[test]
    fn a_database_that_is_away_is_tried_a_few_times() {
        let (mut retries, fault) = (Retries::default(), Fault::Away(Cause::default()));
        let delays: Vec<_> = (0..5)
            .map(|_| ceiling(&mut retries, &fault).unwrap().as_millis())
            .collect();
        assert_eq!(delays, [50, 100, 200, 400, 800]);
        assert_eq!(retries.delay(&fault, 0, LONG), None);
    }

    #[test]
    fn nothing_else_is_tried_again() {
        for fault in [
            Fault::Deadline,
            Fault::TokenRefused,
            Fault::NotAMember,
            Fault::Broken(Cause::default()),
        ] {
            assert_eq!(Retries::default().delay(&fault, 0, LONG), None);
        }
    }
}
