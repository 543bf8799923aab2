use shared::{
    http::{Problem, Success, read_optional_body},
    ids::SettlementId,
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let id: SettlementId = call.request.path_id()?;
    let claim = call.claim(&id.to_string())?;
    read_optional_body(&call.request.body, |_| Some(()))?;
    let reply = call
        .gateway
        .verify_settlement(call.human.token(), &claim, id)
        .await?;
    Success::from_reply(reply)
}
