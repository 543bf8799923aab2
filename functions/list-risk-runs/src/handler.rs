use shared::{
    http::{
        Problem, Success,
        cursor::{SettlementCursor, page_size},
        read_query,
    },
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let (page_size, cursor) = read_query(&call.request.query, |query| {
        let page_size = page_size(query);
        let cursor = query.optional_with("cursor", SettlementCursor::parse);
        Some((page_size?, cursor?))
    })?;
    let reply = call
        .gateway
        .list_risk_runs(call.human.token(), page_size, cursor)
        .await?;
    Ok(Success::from_reply(reply)?.paged(SettlementCursor::encode))
}
