use shared::{
    http::{Problem, Success},
    runtime::HumanCall,
};

use crate::body;

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let claim = call.claim("")?;
    let new = body::read(&call.request.body, call.now)?;
    let reply = call
        .gateway
        .create_settlement(call.human.token(), &claim, &new)
        .await?;
    Ok(Success::from_reply(reply)?.located_in("/v1/settlements"))
}
