use shared::{
    http::{Problem, Success},
    paging::NewestFirstCursor,
    runtime::HumanCall,
};

use crate::query;

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let filter = query::read(&call.request.query)?;
    let reply = call
        .gateway
        .list_warnings(call.human.token(), &filter)
        .await?;
    Ok(Success::from_reply(reply)?.paged(NewestFirstCursor::encode))
}
