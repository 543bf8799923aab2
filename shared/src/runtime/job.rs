use std::{panic::AssertUnwindSafe, process::ExitCode, sync::Arc};

use futures_util::FutureExt;
use lambda_runtime::{Diagnostic, LambdaEvent};
use once_cell::sync::OnceCell;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use tracing::error;

use super::{
    invocation::Invocation,
    prepare::{ConnectionCache, Prepare},
    serve::{Function, run},
};
use crate::{
    config::{Base, Variables, load},
    gateway::{self, Gateway, Reply},
    telemetry::Meter,
};

/// A function that nobody calls over HTTP: its name, its configuration, and what its invocations need.
pub struct Job<C: 'static, P: 'static> {
    name: &'static str,
    function: Option<&'static Function<C, P>>,
}

/// An invocation of a job.
pub struct JobCall<C: 'static, R = ()> {
    /// The job's configuration.
    pub config: &'static C,
    /// The database, for this invocation.
    pub gateway: Gateway,
    /// For metrics of the function's own.
    pub meter: Arc<Meter>,
    /// What was prepared besides the database.
    pub resources: R,
}

/// Serves a job that has no variables and no secrets of its own. Its event says nothing that is used.
pub fn job<H, F>(name: &'static str, handler: H) -> ExitCode
where
    H: Fn(JobCall<Base>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value, Failed>> + Send + 'static,
{
    static CONFIG: OnceCell<Base> = OnceCell::new();
    Job::start(name, &CONFIG, Base::read, ConnectionCache::new).serve(handler)
}

impl<C: Sync, P: Prepare> Job<C, P> {
    /// Starts logging, reads the configuration into `config`, and begins to prepare.
    pub fn start(
        name: &'static str,
        config: &'static OnceCell<C>,
        read: fn(&mut Variables) -> Option<C>,
        prepare: fn(&'static str, &'static C) -> P,
    ) -> Self {
        let function = Function::start(|| load(config, read), |config| prepare(name, config));
        Self { name, function }
    }

    /// Serves invocations whose events say nothing that is used.
    pub fn serve<H, F>(self, handler: H) -> ExitCode
    where
        H: Fn(JobCall<C, P::Ready>) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Value, Failed>> + Send + 'static,
    {
        self.serve_events(move |_, invocation| self.perform(invocation, handler))
    }

    /// Serves invocations whose events `answer` reads before, and perhaps instead of, [`Job::perform`].
    pub fn serve_events<A, F>(self, answer: A) -> ExitCode
    where
        A: Fn(Box<RawValue>, Invocation) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Value, Failed>> + Send + 'static,
    {
        run(self.function, move |event: LambdaEvent<Box<RawValue>>| {
            answer(event.payload, Invocation::new(&event.context))
        })
    }

    /// One invocation, from its preparation to its metrics.
    ///
    /// # Errors
    ///
    /// What the handler says; [`Failed::Broken`] without a configuration or a secret, and for a panic.
    pub async fn perform<H, F>(self, invocation: Invocation, handler: H) -> Result<Value, Failed>
    where
        H: Fn(JobCall<C, P::Ready>) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Value, Failed>> + Send,
    {
        let work = async {
            let (config, (database, resources)) = Function::ready(self.function, &invocation)
                .await
                .ok_or(Failed::Broken)?;
            handler(JobCall {
                config,
                gateway: invocation.gateway(database),
                meter: Arc::clone(&invocation.meter),
                resources,
            })
            .await
        };
        let result = AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or(Err(Failed::Broken));
        let outcome = result.as_ref().err().map_or("ok", Failed::outcome);
        invocation.finish(self.name, outcome, None);
        result
    }
}

// Derived, these would demand as much of the configuration.
impl<C, P> Clone for Job<C, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C, P> Copy for Job<C, P> {}

/// What a batch reports besides the figure of its own.
#[derive(Deserialize)]
struct Batch {
    more: bool,
    #[serde(flatten)]
    figures: Map<String, Value>,
}

impl<C, R> JobCall<C, R> {
    /// Calls `batch` until there is no more, or the time is nearly over, and reports the sum of what the batches
    /// counted under `name`.
    ///
    /// # Errors
    ///
    /// A batch failed; the cause was logged.
    pub async fn in_batches<F>(&self, name: &str, batch: impl Fn() -> F) -> Result<Value, Failed>
    where
        F: Future<Output = Result<Reply, gateway::Error>>,
    {
        let (mut sum, mut more) = (0, true);
        while more && self.gateway.has_time() {
            let batch: Batch = batch().await?.read()?;
            let counted = batch.figures.get(name).and_then(Value::as_u64);
            sum += counted.ok_or(Failed::Broken)?;
            more = batch.more;
        }
        let report = [
            (name.to_owned(), sum.into()),
            ("more".to_owned(), more.into()),
        ];
        Ok(Map::from_iter(report).into())
    }
}

/// Why a function without a caller has no result. The cause was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// The invoker learns no cause, as everywhere.
    Broken,
    /// The database refused, for the reason of this name, which the invoker may see.
    Refused(String),
}

impl Failed {
    /// Logs the refusal in a reply that should not have been a refusal.
    #[must_use]
    pub fn refused(reply: &Reply) -> Self {
        let name = reply.refusal.as_deref();
        let kid = reply.body.get("kid").and_then(Value::as_str);
        error!(
            refusal.name = name,
            refusal.kid = kid,
            reply.outcome = reply.outcome.as_str(),
            "The database refused a function without a caller."
        );
        name.map_or(Self::Broken, |name| Self::Refused(name.to_owned()))
    }

    /// The invocation's outcome in metrics.
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Broken => "failed",
            Self::Refused(_) => "refused",
        }
    }
}

impl From<gateway::Error> for Failed {
    fn from(_: gateway::Error) -> Self {
        Self::Broken
    }
}

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Broken => Self {
                error_type: "InternalServerError".to_owned(),
                error_message: "Internal Server Error".to_owned(),
            },
            Failed::Refused(name) => Self {
                error_type: "Refused".to_owned(),
                error_message: name,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Outcome;

    #[test]
    fn a_refusal_is_told_by_name_and_anything_else_is_generic() {
        for (refusal, expected) in [
            (
                Some("keys-vanished".to_owned()),
                ("refused", "Refused", "keys-vanished"),
            ),
            (
                None,
                ("failed", "InternalServerError", "Internal Server Error"),
            ),
        ] {
            let reply = Reply {
                outcome: Outcome::Refused,
                status: None,
                refusal,
                body: Map::new(),
            };
            let failed = Failed::refused(&reply);
            let outcome = failed.outcome();
            let told = Diagnostic::from(failed);
            assert_eq!((outcome, &*told.error_type, &*told.error_message), expected);
        }
    }
}
