use std::process::ExitCode;

use once_cell::sync::OnceCell;
use time::OffsetDateTime;
use tracing::info;

use super::{
    Endpoint,
    invocation::Invocation,
    prepare::Webhooks,
    serve::{Function, http},
};
use crate::{
    auth::{
        Agent,
        webhook::{Delivery, verify},
    },
    commitment,
    config::{Base, load},
    gateway::{Claim, Gateway},
    http::{Problem, Request, Success},
    ids::DeliveryId,
};

/// A delivery of an agent whose signature was verified.
#[derive(Debug)]
pub struct AgentCall {
    /// Who reports.
    pub agent: Agent,
    /// What is reported.
    pub request: Request,
    /// The database, for this invocation.
    pub gateway: Gateway,
    /// When it arrived.
    pub now: OffsetDateTime,
    function: &'static str,
}

impl AgentCall {
    /// The claim to the delivery's key.
    #[must_use]
    pub fn claim(&self, id: &DeliveryId) -> Claim {
        let request = commitment::Request {
            actor: &self.agent.actor(),
            operation: self.function,
            resource: "",
        };
        Claim::new(&request, id.into(), &self.request.body)
    }
}

/// Serves a webhook.
pub fn agent<H, F>(endpoint: Endpoint, handler: H) -> ExitCode
where
    H: Fn(AgentCall) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Success, Problem>> + Send,
{
    static CONFIG: OnceCell<Base> = OnceCell::new();
    let function = Function::start(
        || load(&CONFIG, Base::parse),
        |base| Webhooks::new(endpoint.function, base),
    );
    http(
        endpoint,
        function,
        move |_, (database, ring), request, invocation: Invocation| async move {
            let delivery = Delivery {
                agent: &request.parameter,
                headers: &request.headers,
                body: &request.body,
            };
            let agent = verify(&ring, &delivery, invocation.now).map_err(|cause| {
                info!(auth.refused = %cause, "The webhook is refused.");
                Problem::Unsigned
            })?;
            request.refuse_query()?;
            let gateway = invocation.gateway(database);
            handler(AgentCall {
                agent,
                request,
                gateway,
                now: invocation.now,
                function: endpoint.function,
            })
            .await
        },
    )
}
