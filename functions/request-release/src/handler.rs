use shared::{
    http::{Problem, Success},
    ids::FacilityId,
    runtime::HumanCall,
};

use crate::body;

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let id: FacilityId = call.request.path_id()?;
    let claim = call.claim(&id.to_string())?;
    let new = body::read(&call.request.body)?;
    let reply = call
        .gateway
        .request_release(call.human.token(), &claim, id, &new)
        .await?;
    Ok(Success::from_reply(reply)?.located_in("/v1/releases"))
}
