use shared::{
    http::{Problem, Success, read_optional_body},
    ids::SettlementId,
    runtime::HumanCall,
    settlement::Text,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let id: SettlementId = call.request.path_id()?;
    let claim = call.claim(&id.to_string())?;
    let reason = read_optional_body(&call.request.body, |body| body.optional::<Text>("reason"))?;
    let reply = call
        .gateway
        .cancel_settlement(call.human.token(), &claim, id, reason.as_ref())
        .await?;
    Success::from_reply(reply)
}
