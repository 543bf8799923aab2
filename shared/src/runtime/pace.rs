use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::gateway::Gateway;

/// A round is not begun with less time than this, beyond the interval.
const ROUND_TIME: Duration = Duration::from_secs(5);

/// A round each interval, until the invocation's time is nearly over. A schedule calls once a minute at most, and a
/// caller waits for a receipt for seconds. An interval of zero means one round, for an invocation on demand.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    next: Instant,
    rounds: u64,
}

impl Pace {
    /// The first round is due at once.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            next: Instant::now(),
            rounds: 0,
        }
    }

    /// Waits for the next round; false when the time is over.
    pub async fn round(&mut self, gateway: &Gateway) -> bool {
        if self.rounds > 0 {
            if self.interval.is_zero() || gateway.remaining() < self.interval + ROUND_TIME {
                return false;
            }
            sleep_until(self.next).await;
        }
        self.next = Instant::now() + self.interval;
        self.rounds += 1;
        true
    }

    /// How many rounds there were.
    #[must_use]
    pub const fn rounds(&self) -> u64 {
        self.rounds
    }
}
