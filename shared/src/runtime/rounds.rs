use std::{process::ExitCode, sync::Arc, time::Duration};

use once_cell::sync::OnceCell;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::{
    invocation::Invocation,
    prepare::Databases,
    serve::Function,
    system::{Failed, job},
};
use crate::{
    config::{Rounds, load},
    gateway::Gateway,
    telemetry::Meter,
};

/// An invocation of a function that works in rounds. Its event says nothing that is used.
#[derive(Debug)]
pub struct RoundsCall {
    /// The database, for this invocation.
    pub gateway: Gateway,
    /// For metrics of the function's own.
    pub meter: Arc<Meter>,
    /// When the next round is due.
    pub pace: Pace,
}

/// A round is not begun with less time than this, nor than a beat.
const ROUND_TIME: Duration = Duration::from_secs(5);

/// A round each beat, until the invocation's time is nearly over. A schedule calls once a minute at most;
/// whoever waits for a receipt waits for seconds. A beat of zero is one round: for whoever calls on demand.
#[derive(Debug)]
pub struct Pace {
    beat: Duration,
    next: Instant,
    rounds: u64,
}

impl Pace {
    /// The first round is due at once.
    #[must_use]
    pub fn new(beat: Duration) -> Self {
        Self {
            beat,
            next: Instant::now(),
            rounds: 0,
        }
    }

    /// Waits for the next round; false when there is none.
    pub async fn round(&mut self, gateway: &Gateway) -> bool {
        if self.rounds > 0 {
            if self.beat.is_zero() || gateway.remaining() < self.beat + ROUND_TIME {
                return false;
            }
            sleep_until(self.next).await;
        }
        self.next = Instant::now() + self.beat;
        self.rounds += 1;
        true
    }

    /// How many there were.
    #[must_use]
    pub const fn rounds(&self) -> u64 {
        self.rounds
    }
}

/// Serves a function that works in rounds.
pub fn rounds<H, F>(name: &'static str, handler: H) -> ExitCode
where
    H: Fn(RoundsCall) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value, Failed>> + Send,
{
    static CONFIG: OnceCell<Rounds> = OnceCell::new();
    let function = Function::start(
        || load(&CONFIG, Rounds::parse),
        |config: &'static Rounds| Databases::new(name, &config.base),
    );
    job(
        name,
        function,
        move |config, database, invocation: Invocation| {
            handler(RoundsCall {
                gateway: invocation.gateway(database),
                meter: invocation.meter,
                pace: Pace::new(config.beat),
            })
        },
    )
}
