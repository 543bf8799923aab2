use shared::{
    http::{Problem, Success, read_query},
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let id = call.request.path_id()?;
    read_query(&call.request.query, |_| Some(()))?;
    let reply = call.gateway.get_facility(call.human.token(), id).await?;
    Success::from_reply(reply)
}
