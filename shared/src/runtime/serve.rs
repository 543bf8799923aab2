//! From a parsed environment to the Lambda runtime's loop.

use std::{
    convert::Infallible, panic::AssertUnwindSafe, process::ExitCode, sync::Arc, time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use lambda_runtime::{Diagnostic, LambdaEvent, run_concurrent, service_fn};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use tokio::time::sleep_until;
use tracing::error;

use super::{invocation::Invocation, prepare::Prepare};
use crate::{
    config::Malformed,
    gateway::{Database, Gateway},
    http::{Endpoint, Problem, Request, Success, event::Answer},
    telemetry::start_logging,
};

/// How long the generic 500 takes when the configuration is incomplete. A missing variable is noticed at once, a
/// missing secret after a call over the network; the caller must not tell one from the other by the time.
const REFUSAL_TIME: Duration = Duration::from_millis(50);

/// A function's state, which lives as long as the process. A function with a malformed environment has none.
pub(super) struct Function<C: 'static, P: 'static> {
    config: &'static C,
    prepare: P,
}

impl<C, P: Prepare> Function<C, P> {
    /// Starts logging, and what was parsed.
    pub(super) fn start(
        config: impl FnOnce() -> Result<&'static C, Malformed>,
        prepare: impl FnOnce(&'static C) -> P,
    ) -> Option<&'static Self> {
        start_logging();
        match config() {
            Ok(config) => Some(Box::leak(Box::new(Self {
                config,
                prepare: prepare(config),
            }))),
            Err(malformed) => {
                error!(config.malformed = %malformed, "The environment is malformed: every invocation will fail.");
                None
            }
        }
    }

    /// The configuration and what was prepared; without them nothing may be answered.
    pub(super) async fn ready(
        function: Option<&'static Self>,
        invocation: &Invocation,
    ) -> Option<(&'static C, (Arc<Database>, P::Ready))> {
        let ready = match function {
            Some(function) => function
                .prepare()
                .await
                .map(|ready| (function.config, ready)),
            None => None,
        };
        if ready.is_none() {
            sleep_until((invocation.started + REFUSAL_TIME).into()).await;
        }
        ready
    }

    async fn prepare(&self) -> Option<(Arc<Database>, P::Ready)> {
        match self.prepare.prepare().await {
            Ok(ready) => Some(ready),
            Err(refused) => {
                error!(config.secret = %refused, "A secret is missing or malformed: this invocation fails.");
                None
            }
        }
    }
}

/// Serves an HTTP endpoint until the process is ended.
pub(super) fn http<C, P, A, F>(
    endpoint: Endpoint,
    function: Option<&'static Function<C, P>>,
    answer: A,
) -> ExitCode
where
    C: Sync,
    P: Prepare,
    A: Fn((Gateway, P::Ready), Request, Invocation) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Success, Problem>> + Send,
{
    run(
        function,
        move |event: LambdaEvent<Box<RawValue>>| async move {
            let invocation = Invocation::new(&event.context);
            let work = async {
                let (_, (database, ready)) = Function::ready(function, &invocation)
                    .await
                    .ok_or(Problem::Internal)?;
                let request = Request::from_event(event.payload.get(), &endpoint)?;
                let gateway = invocation.gateway(database);
                answer((gateway, ready), request, invocation.clone()).await
            };
            let answer = AssertUnwindSafe(work)
                .catch_unwind()
                .await
                .unwrap_or(Err(Problem::Internal));
            let response = match answer {
                Ok(success) => success.into_response(&invocation.request_id),
                Err(problem) => problem.into_response(&invocation.request_id),
            }
            .bounded(&invocation.request_id);
            invocation.finish(
                endpoint.function,
                response.outcome,
                Some(response.status_code),
            );
            Ok::<Answer, Infallible>(response.into())
        },
    )
}

/// Serves invocations with a handler, whose answers are HTTP's or a job's.
pub(super) fn run<C, P, H, F, R, E>(
    function: Option<&'static Function<C, P>>,
    handler: H,
) -> ExitCode
where
    C: Sync,
    P: Prepare,
    H: Fn(LambdaEvent<Box<RawValue>>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<R, E>> + Send + 'static,
    Reply: From<R>,
    Diagnostic: From<E>,
{
    let preparation = function.map(|function| async { drop(function.prepare().await) }.boxed());
    let handler = move |event| {
        let answer = handler(event);
        async move { Ok(answer.await?.into()) }.boxed()
    };
    run_loop(preparation, Box::leak(Box::new(handler)))
}

/// What a handler answers.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Reply {
    Http(Box<Answer>),
    Job(Value),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Http(Box::new(answer))
    }
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        Self::Job(value)
    }
}

type Handler = dyn Fn(LambdaEvent<Box<RawValue>>) -> BoxFuture<'static, Result<Reply, Diagnostic>>
    + Send
    + Sync;

/// Runs the Lambda runtime's loop. It is not generic, and what waits for the network is boxed in this crate: so the
/// runtime, its HTTP client and the database's are compiled here once, and not again in each function's binary.
///
/// One thread: an instance has less than one CPU, its work is waiting, and threads would be started before
/// the first poll. With several requests at once (`AWS_LAMBDA_MAX_CONCURRENCY`) they take turns on it.
fn run_loop(preparation: Option<BoxFuture<'static, ()>>, handler: &'static Handler) -> ExitCode {
    let work = async {
        if let Some(preparation) = preparation {
            // What comes of it is kept for the first invocation, which waits for it.
            tokio::spawn(preparation);
        }
        run_concurrent(service_fn(handler)).await
    };
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(work));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(lost) => {
            error!(runtime.lost = %lost, "The Lambda runtime is lost; it will start the function anew.");
            ExitCode::FAILURE
        }
    }
}
