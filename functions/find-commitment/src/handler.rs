use shared::{
    http::{Problem, Success},
    runtime::HumanCall,
};

use crate::query;

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let sent = query::read(&call.request.query)?;
    let reply = call
        .gateway
        .find_commitment(call.human.token(), &sent)
        .await?;
    Success::from_reply(reply)?.as_answered()
}
