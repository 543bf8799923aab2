use std::process::ExitCode;

use once_cell::sync::OnceCell;
use tracing::info;

use super::{
    Endpoint,
    invocation::Invocation,
    prepare::Webhooks,
    serve::{Function, http},
};
use crate::{
    auth::webhook::{Delivery, verify},
    commitment,
    config::{Base, load},
    gateway::{self, AgentEvent, Claim, Gateway, Reply},
    http::{
        Problem, Success,
        webhook::{Webhook, read_event},
    },
};

/// Serves a webhook: verifies the signature, reads the event as `webhook` says, and hands it to `call`.
pub fn agent<T, H, F>(endpoint: Endpoint, webhook: &'static Webhook<T>, call: H) -> ExitCode
where
    T: Send + 'static,
    H: Fn(Gateway, AgentEvent<T>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Reply, gateway::Error>> + Send,
{
    static CONFIG: OnceCell<Base> = OnceCell::new();
    let function = Function::start(
        || load(&CONFIG, Base::read),
        |base| Webhooks::new(endpoint.function, base),
    );
    http(
        endpoint,
        function,
        move |(gateway, ring), request, invocation: Invocation| async move {
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
            let event = read_event(&request.body, agent.webhook_id(), invocation.now, webhook)?;
            let asked = commitment::Request {
                actor: &agent.actor(),
                operation: endpoint.function,
                resource: "",
            };
            let event = AgentEvent {
                claim: Claim {
                    client_key: (&event.id).into(),
                    fingerprint: asked.fingerprint(&request.body),
                    occurred_at: Some(event.occurred_at),
                },
                agent: agent.id().clone(),
                kind: event.kind,
                data: event.data,
            };
            Success::acknowledging(call(gateway, event).await?)
        },
    )
}
