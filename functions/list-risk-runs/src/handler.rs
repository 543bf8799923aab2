use shared::{
    http::{Problem, Success, cursor::page},
    paging::NewestFirstCursor,
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let (page_size, cursor) = page(&call.request.query, NewestFirstCursor::parse)?;
    let reply = call
        .gateway
        .list_risk_runs(call.human.token(), page_size, cursor)
        .await?;
    Ok(Success::from_reply(reply)?.paged(NewestFirstCursor::encode))
}
