use std::{panic::AssertUnwindSafe, process::ExitCode};

use futures_util::FutureExt;
use lambda_runtime::{Diagnostic, LambdaEvent};
use once_cell::sync::OnceCell;
use serde_json::{Value, value::RawValue};

use super::{
    invocation::Invocation,
    prepare::{Databases, Prepare},
    serve::{Function, run},
};
use crate::{
    config::{Base, load},
    gateway::{self, Gateway},
};

/// An invocation by a schedule. Its event says nothing that is used.
#[derive(Debug)]
pub struct SystemCall {
    /// The database, for this invocation.
    pub gateway: Gateway,
}

/// The generic error of a function without a caller: the cause was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

impl From<gateway::Error> for Failed {
    fn from(_: gateway::Error) -> Self {
        Self
    }
}

impl From<Failed> for Diagnostic {
    fn from(Failed: Failed) -> Self {
        Self {
            error_type: "InternalServerError".to_owned(),
            error_message: "Internal Server Error".to_owned(),
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
            let invocation = Invocation::new(&event.context);
            let work = async {
                let (config, ready) = Function::ready(function, &invocation).await.ok_or(Failed)?;
                answer(config, ready, invocation.clone()).await
            };
            let result = AssertUnwindSafe(work)
                .catch_unwind()
                .await
                .unwrap_or(Err(Failed));
            invocation.finish(name, if result.is_ok() { "ok" } else { "failed" }, None);
            result
        },
    )
}
