use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use lambda_runtime::{Config, Context};
use time::OffsetDateTime;

use crate::{
    gateway::{Database, Gateway, deadline},
    telemetry::{Measured, Meter, emit},
};

/// One invocation: its name, its time, and its metrics.
#[derive(Clone)]
pub struct Invocation {
    pub(super) request_id: Arc<str>,
    environment: Arc<Config>,
    pub(super) started: Instant,
    pub(super) now: OffsetDateTime,
    remaining: Option<Duration>,
    pub(super) meter: Arc<Meter>,
}

impl Invocation {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            request_id: context.request_id.as_str().into(),
            environment: Arc::clone(&context.env_config),
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
            stack: stack(&self.environment.function_name, function),
            function,
            request_id: &self.request_id,
            outcome,
            status,
            duration: self.started.elapsed(),
            meter: &self.meter,
        });
    }
}

/// The stack that a function belongs to. template.yaml calls the function
/// `<stack>-<function>`, and local tools call it by its name alone.
fn stack<'a>(deployed_as: &'a str, function: &str) -> &'a str {
    deployed_as
        .strip_suffix(function)
        .and_then(|rest| rest.strip_suffix('-'))
        .unwrap_or("local")
}

#[cfg(test)]
mod tests {
    use super::stack;

    #[test]
    fn the_stack_is_what_the_functions_name_begins_with() {
        for (deployed_as, expected) in [
            ("optkas-prod-list-audit", "optkas-prod"),
            ("list-audit", "local"),
            ("list-audit-8", "local"),
        ] {
            assert_eq!(stack(deployed_as, "list-audit"), expected, "{deployed_as}");
        }
    }
}
