use shared::{
    http::{Problem, Success, cursor::page},
    paging::IdCursor,
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let (page_size, cursor) = page(&call.request.query, IdCursor::parse)?;
    let reply = call
        .gateway
        .list_facilities(call.human.token(), page_size, cursor)
        .await?;
    Ok(Success::from_reply(reply)?.paged(IdCursor::encode))
}
