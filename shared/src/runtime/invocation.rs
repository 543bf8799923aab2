use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use lambda_runtime::Context;
use time::OffsetDateTime;

use crate::{
    gateway::{Database, Gateway, deadline},
    telemetry::{Measured, Meter, emit},
};

/// One invocation: its name, its time, and what it cost.
#[derive(Clone)]
pub(super) struct Invocation {
    pub(super) request_id: Arc<str>,
    pub(super) started: Instant,
    pub(super) now: OffsetDateTime,
    remaining: Option<Duration>,
    pub(super) meter: Arc<Meter>,
}

impl Invocation {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            request_id: context.request_id.as_str().into(),
            started: Instant::now(),
            now: OffsetDateTime::now_utc(),
            remaining: context.deadline().duration_since(SystemTime::now()).ok(),
            meter: Arc::default(),
        }
    }

    pub(super) fn gateway(&self, database: Arc<Database>) -> Gateway {
        let deadline = deadline(self.remaining, self.started);
        Gateway::new(
            database,
            Arc::clone(&self.request_id),
            deadline,
            Arc::clone(&self.meter),
        )
    }

    pub(super) fn finish(&self, function: &str, outcome: &str, status: Option<u16>) {
        emit(&Measured {
            function,
            request_id: &self.request_id,
            outcome,
            status,
            duration: self.started.elapsed(),
            meter: &self.meter,
        });
    }
}
