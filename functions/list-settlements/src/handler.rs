use shared::{
    http::{Problem, Success},
    paging::{ChangesCursor, NewestFirstCursor},
    runtime::HumanCall,
};

use crate::query;

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let filter = query::read(&call.request.query)?;
    let reply = call
        .gateway
        .list_settlements(call.human.token(), &filter)
        .await?;
    Ok(Success::from_reply(reply)?
        .paged(|next| NewestFirstCursor::encode(next).or_else(|| ChangesCursor::encode(next))))
}
