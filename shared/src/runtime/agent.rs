use std::process::ExitCode;

use once_cell::sync::OnceCell;
use tracing::{info, warn};

use super::{
    Endpoint,
    invocation::Invocation,
    prepare::Webhooks,
    serve::{Function, http},
};
use crate::{
    auth::webhook::{Delivery, WebhookError, verify},
    commitment,
    config::{Base, load},
    gateway::{self, AgentEvent, Claim, Gateway, Reply},
    http::{
        Problem, Success,
        webhook::{Webhook, read_event},
    },
    ids::AgentId,
    telemetry::Meter,
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
                agent: request.parameters.first().map_or("", String::as_str),
                headers: &request.headers,
                body: &request.body,
            };
            if ring.unusable() > 0 {
                let unusable = ring.unusable().try_into().unwrap_or(u64::MAX);
                invocation.meter.set("agents_unusable", unusable);
            }
            let agent = verify(&ring, &delivery, invocation.now).map_err(|cause| {
                info!(auth.refused = %cause, "The webhook is refused.");
                match cause {
                    WebhookError::Unusable => Problem::Internal,
                    _ => Problem::Unsigned,
                }
            })?;
            let mut report = Named::default();
            let answer = async {
                request.refuse_query()?;
                let event = read_event(&request.body, agent.webhook_id(), invocation.now, webhook)?;
                report = Named {
                    id: event.id.to_string(),
                    kind: event.kind,
                };
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
            }
            .await;
            if let Err(problem) = &answer {
                tell(agent.id(), &report, problem, &invocation.meter);
            }
            answer
        },
    )
}

/// What a report calls itself, as far as it could be read.
#[derive(Default)]
struct Named {
    id: String,
    kind: &'static str,
}

/// Tells operators of a genuine report that is not executed. What it reports may have happened: money may have moved
/// that the books know nothing of, and the sender alone has heard of it. An alarm watches the metric; the ledger's
/// entry of that key has the report.
fn tell(agent: &AgentId, report: &Named, problem: &Problem, meter: &Meter) {
    let Some((reason, commitment)) = problem.not_executed() else {
        return;
    };
    meter.set("reports_not_executed", 1);
    warn!(
        agent.id = %agent,
        event.id = report.id,
        event.kind = report.kind,
        report.refused = reason,
        report.commitment = commitment.unwrap_or_default(),
        "A genuine report was not executed."
    );
}
