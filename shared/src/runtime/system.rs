use std::{panic::AssertUnwindSafe, process::ExitCode, sync::Arc, time::Duration};

use futures_util::FutureExt;
use lambda_runtime::{Diagnostic, LambdaEvent};
use once_cell::sync::OnceCell;
use serde_json::{Map, Value, value::RawValue};
use tracing::error;

use super::{
    invocation::Invocation,
    prepare::{Databases, Prepare},
    serve::{Function, run},
};
use crate::{
    config::{Base, load},
    gateway::{self, Gateway, Reply},
    telemetry::Meter,
};

/// An invocation by a schedule. Its event says nothing that is used.
#[derive(Debug)]
pub struct SystemCall {
    /// The database, for this invocation.
    pub gateway: Gateway,
    /// For metrics of the function's own.
    pub meter: Arc<Meter>,
}

/// A batch is not begun with less time than this.
const BATCH_TIME: Duration = Duration::from_secs(2);

impl SystemCall {
    /// Calls `batch` until there is no more, or the time is nearly over, and reports the sum of what the
    /// batches counted under `name`. Each batch is a transaction: what one has done stays done, whatever
    /// becomes of the next.
    ///
    /// # Errors
    ///
    /// A batch failed; the cause was logged.
    pub async fn in_batches<F>(&self, name: &str, batch: impl Fn() -> F) -> Result<Value, Failed>
    where
        F: Future<Output = Result<Reply, gateway::Error>>,
    {
        let (mut sum, mut more) = (0, true);
        while more && self.gateway.remaining() > BATCH_TIME {
            let body = batch().await?.body;
            sum += body
                .get(name)
                .and_then(Value::as_u64)
                .ok_or(Failed::Broken)?;
            more = body
                .get("more")
                .and_then(Value::as_bool)
                .ok_or(Failed::Broken)?;
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
    /// Generic, as everywhere.
    Broken,
    /// The database refused, for the reason of that name; it is for whoever invoked the function to see.
    Refused(String),
}

impl Failed {
    /// Logs the refusal in a reply that should have been none.
    #[must_use]
    pub fn refused(reply: &Reply) -> Self {
        let member = |name| reply.body.get(name).and_then(Value::as_str);
        let name = member("type").and_then(|kind| kind.strip_prefix("urn:optkas:problem:"));
        error!(
            refusal.name = name,
            refusal.kid = member("kid"),
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

/// Serves a scheduled function.
pub fn system<H, F>(name: &'static str, handler: H) -> ExitCode
where
    H: Fn(SystemCall) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value, Failed>> + Send,
{
    static CONFIG: OnceCell<Base> = OnceCell::new();
    let function = Function::start(
        || load(&CONFIG, Base::parse),
        |base| Databases::new(name, base),
    );
    job(
        name,
        function,
        move |_, database, invocation: Invocation| {
            handler(SystemCall {
                gateway: invocation.gateway(database),
                meter: invocation.meter,
            })
        },
    )
}

/// Serves a function that nobody calls over HTTP.
pub(super) fn job<C, P, A, F>(
    name: &'static str,
    function: Option<&'static Function<C, P>>,
    answer: A,
) -> ExitCode
where
    C: Sync,
    P: Prepare,
    A: Fn(&'static C, P::Ready, Invocation) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value, Failed>> + Send,
{
    run(
        function,
        move |event: LambdaEvent<Box<RawValue>>| async move {
            perform(name, function, answer, Invocation::new(&event.context)).await
        },
    )
}

/// One invocation of such a function.
pub(super) async fn perform<C, P, A, F>(
    name: &'static str,
    function: Option<&'static Function<C, P>>,
    answer: A,
    invocation: Invocation,
) -> Result<Value, Failed>
where
    C: Sync,
    P: Prepare,
    A: Fn(&'static C, P::Ready, Invocation) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value, Failed>> + Send,
{
    let work = async {
        let (config, ready) = Function::ready(function, &invocation)
            .await
            .ok_or(Failed::Broken)?;
        answer(config, ready, invocation.clone()).await
    };
    let result = AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or(Err(Failed::Broken));
    let outcome = result.as_ref().err().map_or("ok", Failed::outcome);
    invocation.finish(name, outcome, None);
    result
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gateway::Outcome;

    #[test]
    fn a_refusal_is_told_by_name_and_anything_else_is_generic() {
        for (body, expected) in [
            (
                json!({"type": "urn:optkas:problem:keys-vanished", "kid": "k"}),
                ("refused", "Refused", "keys-vanished"),
            ),
            (
                json!({"type": "about:blank"}),
                ("failed", "InternalServerError", "Internal Server Error"),
            ),
            (
                json!({}),
                ("failed", "InternalServerError", "Internal Server Error"),
            ),
        ] {
            let reply = Reply {
                outcome: Outcome::Refused,
                status: 409,
                body: body.as_object().cloned().unwrap_or_default(),
            };
            let failed = Failed::refused(&reply);
            let outcome = failed.outcome();
            let told = Diagnostic::from(failed);
            assert_eq!((outcome, &*told.error_type, &*told.error_message), expected);
        }
    }
}
