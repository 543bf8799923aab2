use shared::{
    http::{Problem, Success, cursor::page_size, instant::parse_instant, read_query},
    paging::IdCursor,
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let (as_of, page_size, cursor) = read_query(&call.request.query, |query| {
        let as_of = query.optional_with("as_of", |text| match parse_instant(text)? {
            at if at > call.now => Err("must not be in the future"),
            at => Ok(at),
        });
        let page_size = page_size(query);
        let cursor = query.optional_with("cursor", IdCursor::parse);
        Some((as_of?, page_size?, cursor?))
    })?;
    let reply = call
        .gateway
        .list_positions(call.human.token(), as_of, page_size, cursor)
        .await?;
    Ok(Success::from_reply(reply)?.paged(IdCursor::encode))
}
