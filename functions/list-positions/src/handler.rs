use shared::{
    http::{Problem, Success, instant::parse_instant, read_query},
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let as_of = read_query(&call.request.query, |query| {
        query.optional_with("as_of", |text| match parse_instant(text)? {
            at if at > call.now => Err("must not be in the future"),
            at => Ok(at),
        })
    })?;
    let reply = call
        .gateway
        .list_positions(call.human.token(), as_of)
        .await?;
    Success::from_reply(reply)
}
