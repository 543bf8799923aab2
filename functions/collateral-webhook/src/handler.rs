use shared::{
    gateway::EventHead,
    http::{Problem, Success, webhook::read_event},
    runtime::AgentCall,
};

use crate::event;

pub(crate) async fn handle(call: AgentCall) -> Result<Success, Problem> {
    let event = read_event(
        &call.request.body,
        call.agent.webhook_id(),
        call.now,
        event::kind,
        event::data,
    )?;
    let claim = call.claim(&event.id);
    let head = EventHead {
        kind: event.kind.as_str(),
        occurred_at: event.occurred_at,
    };
    let reply = call
        .gateway
        .collateral_webhook(call.agent.id(), &claim, head, &event.data)
        .await?;
    Success::acknowledging(reply)
}
