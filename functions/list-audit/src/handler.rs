use shared::{
    http::{Problem, Success, cursor::page},
    paging::AuditCursor,
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let (page_size, cursor) = page(&call.request.query, AuditCursor::parse)?;
    let reply = call
        .gateway
        .list_audit(call.human.token(), page_size, cursor)
        .await?;
    Ok(Success::from_reply(reply)?.paged(AuditCursor::encode))
}
