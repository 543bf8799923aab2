use shared::{
    gateway::EventHead,
    http::{
        Problem, Success,
        webhook::{Reports, read_report},
    },
    runtime::AgentCall,
};

const REPORTS: Reports = Reports {
    done: "settlement.completed",
    failed: "settlement.failed",
};

pub(crate) async fn handle(call: AgentCall) -> Result<Success, Problem> {
    let event = read_report(
        &call.request.body,
        call.agent.webhook_id(),
        call.now,
        &REPORTS,
    )?;
    let claim = call.claim(&event.id);
    let head = EventHead {
        kind: event.kind,
        occurred_at: event.occurred_at,
    };
    let reply = call
        .gateway
        .settlement_webhook(call.agent.id(), &claim, head, &event.data)
        .await?;
    Success::acknowledging(reply)
}
