use shared::{
    http::{
        Problem, Success,
        cursor::{IdCursor, page_size},
        read_query,
    },
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let id = call.request.path_id()?;
    let (page_size, cursor) = read_query(&call.request.query, |query| {
        let page_size = page_size(query);
        let cursor = query.optional_with("cursor", IdCursor::parse);
        Some((page_size?, cursor?))
    })?;
    let reply = call
        .gateway
        .get_facility_collateral(call.human.token(), id, page_size, cursor)
        .await?;
    Ok(Success::from_reply(reply)?.paged(IdCursor::encode))
}
